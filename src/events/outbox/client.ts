import { callObject } from "../../objects.ts";
import { sha256 } from "../../vault/hash.ts";
import type { SealedEvent } from "../event.ts";
import type { DeliveryQuery } from "./delivery-store.ts";
import type { Report } from "./work.ts";

type Namespace = Env["EVENT_OUTBOX"];
type Stub = ReturnType<Namespace["get"]>;

/** The outboxes of all API keys. What does not answer is a StorageError. */
export type Outbox = ReturnType<typeof createOutbox>;

export function createOutbox(namespace: Namespace) {
  // Bringing an event and reporting its attempt name the same object.
  const names = new Map<string, Promise<DurableObjectId>>();
  const idOf = (apiKeyId: string) => {
    const known = names.get(apiKeyId) ?? nameOf(apiKeyId).then((name) => namespace.idFromName(name));
    names.set(apiKeyId, known);
    return known;
  };

  /** Every method does the same if it is called twice, so that one whose answer was lost may be called again. */
  async function call<T>(apiKeyId: string, method: (outbox: Stub) => Promise<T>): Promise<T> {
    const id = await idOf(apiKeyId);
    return callObject(() => namespace.get(id), method);
  }

  return {
    accept: (apiKeyId: string, events: readonly SealedEvent[], isForced = false) =>
      call(apiKeyId, (outbox) => outbox.accept(apiKeyId, events, isForced)),
    report: (apiKeyId: string, report: Report, room: number) =>
      call(apiKeyId, (outbox) => outbox.report(report, room)),
    list: (apiKeyId: string, query: DeliveryQuery) => call(apiKeyId, (outbox) => outbox.list(query)),
    listOfNumber: (apiKeyId: string, phoneNumberId: string, page: { limit: number; offset: number }) =>
      call(apiKeyId, (outbox) => outbox.listOfNumber(phoneNumberId, page)),
    redeliver: (apiKeyId: string, id: string) => call(apiKeyId, (outbox) => outbox.redeliver(id)),
    redeliverFailed: (apiKeyId: string, since: number, until: number, after: number) =>
      call(apiKeyId, (outbox) => outbox.redeliverFailed(since, until, after)),
    endpointsChanged: (apiKeyId: string) => call(apiKeyId, (outbox) => outbox.endpointsChanged()),
    erase: (apiKeyId: string) => call(apiKeyId, (outbox) => outbox.erase()),
    reseal: (apiKeyId: string, after: number, limit: number) =>
      call(apiKeyId, (outbox) => outbox.reseal(after, limit)),
  };
}

/**
 * The name of an API key's object. A key's id is 128 random bits, so its hash tells nobody anything; a fingerprint under a sealing
 * key would be another one after that key is rotated.
 */
const nameOf = (apiKeyId: string) => sha256(`event-outbox/${apiKeyId}`);
