import type { Owner } from "../../actor.ts";
import { callObject, type Objects } from "../../objects.ts";
import type { SealedEvent } from "../event.ts";
import type { DeliveryQuery } from "./delivery-store.ts";
import type { Report } from "./work.ts";

type Stub = Awaited<ReturnType<Objects["outbox"]>>;

/** The outboxes of all API keys. What does not answer is a StorageError. */
export type Outbox = ReturnType<typeof createOutbox>;

export function createOutbox(objects: Objects) {
  /** Every method does the same if it is called twice, so that one whose answer was lost may be called again. */
  const call = <T>(apiKeyId: string, method: (outbox: Stub) => Promise<T>): Promise<T> =>
    callObject(() => objects.outbox(apiKeyId), method);

  return {
    accept: (apiKeyId: string, events: readonly SealedEvent[], isForced = false) =>
      call(apiKeyId, (outbox) => outbox.accept(apiKeyId, events, isForced)),
    report: (apiKeyId: string, report: Report, room: number) =>
      call(apiKeyId, (outbox) => outbox.report(report, room)),
    list: (apiKeyId: string, query: DeliveryQuery) => call(apiKeyId, (outbox) => outbox.list(query)),
    listOfNumber: (
      { apiKeyId, externalId }: Owner,
      phoneNumberId: string,
      page: { limit: number; offset: number },
    ) => call(apiKeyId, (outbox) => outbox.listOfNumber(phoneNumberId, page, externalId)),
    redeliver: (apiKeyId: string, id: string) => call(apiKeyId, (outbox) => outbox.redeliver(id)),
    redeliverFailed: (apiKeyId: string, since: number, until: number, after: number) =>
      call(apiKeyId, (outbox) => outbox.redeliverFailed(since, until, after)),
    endpointsChanged: (apiKeyId: string) => call(apiKeyId, (outbox) => outbox.endpointsChanged()),
    erase: (apiKeyId: string) => call(apiKeyId, (outbox) => outbox.erase()),
    reseal: (apiKeyId: string, after: number, limit: number) =>
      call(apiKeyId, (outbox) => outbox.reseal(after, limit)),
  };
}
