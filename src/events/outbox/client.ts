import type { Owner } from "../../actor.ts";
import type { List } from "../../merge-page.ts";
import { callObject, type Objects } from "../../objects.ts";
import { allParts, bring, partsOf, partsWith } from "../../parts.ts";
import type { SealedEvent } from "../event.ts";
import type { DeliveryFilter, ListedDelivery } from "./delivery-store.ts";
import type { Report, Work } from "./work.ts";

type Stub = Awaited<ReturnType<Objects["outbox"]>>;
type Page = { limit: number; offset: number };

/** Attempts to make, and the part of the outbox that wants to know what came of them. */
export type Handed = { part: number; works: Work[] };

/** The outboxes of all API keys. What does not answer is a StorageError. */
export type Outbox = ReturnType<typeof createOutbox>;

export function createOutbox(objects: Objects) {
  /** Every method does the same if it is called twice, so that one whose answer was lost may be called again. */
  const call = <T>(apiKeyId: string, part: number, method: (outbox: Stub) => Promise<T>): Promise<T> =>
    callObject(() => objects.outbox(apiKeyId, part), method);
  const all = <T>(apiKeyId: string, method: (outbox: Stub, part: number) => Promise<T>): Promise<T[]> =>
    Promise.all(partsOfAll(apiKeyId).map((part) => call(apiKeyId, part, (outbox) => method(outbox, part))));
  const partsOfAll = (apiKeyId: string) => allParts("outbox", partsOf(apiKeyId, "outbox"));
  const listOf =
    (apiKeyId: string, filter: DeliveryFilter) =>
    (part: number): List<ListedDelivery> => ({
      list: (page) => call(apiKeyId, part, (outbox) => outbox.list(filter, page)),
      placesAt: (offsets) => call(apiKeyId, part, (outbox) => outbox.placesAt(filter, offsets)),
      countBefore: (seq) => call(apiKeyId, part, (outbox) => outbox.countBefore(filter, seq)),
    });
  const page = async (apiKeyId: string, parts: number[], filter: DeliveryFilter, asked: Page) => {
    const { mergePage } = await import("../../merge-page.ts");
    const { rows, count } = await mergePage(parts.map(listOf(apiKeyId, filter)), asked);
    return { deliveries: rows.map(({ seq, ...delivery }) => delivery), count };
  };

  return {
    /** Brings events to the part that has those of their lane. */
    accept: (apiKeyId: string, events: readonly SealedEvent[], isForced = false): Promise<Handed[]> =>
      bring(
        apiKeyId,
        "outbox",
        { items: events, idOf: ({ id }) => id, shareOf: ({ lane }) => lane },
        async (share, place) => {
          const { part } = place;
          const { works, moved } = await call(apiKeyId, part, (outbox) =>
            outbox.accept(apiKeyId, share, isForced, place),
          );
          return { answer: { part, works }, moved };
        },
      ),
    report: (apiKeyId: string, part: number, report: Report, room: number) =>
      call(apiKeyId, part, (outbox) => outbox.report(report, room)),
    list: (apiKeyId: string, filter: DeliveryFilter, asked: Page) =>
      page(apiKeyId, partsOfAll(apiKeyId), filter, asked),
    listOfNumber: ({ apiKeyId, externalId }: Owner, phoneNumberId: string, asked: Page) => {
      const filter = { phoneNumberId, externalId: externalId ?? undefined };
      return page(apiKeyId, partsWith(apiKeyId, "outbox", phoneNumberId), filter, asked);
    },
    find: async ({ apiKeyId, externalId }: Owner, id: string) => {
      const filter = { id, externalId: externalId ?? undefined };
      return (await page(apiKeyId, partsOfAll(apiKeyId), filter, { limit: 1, offset: 0 })).deliveries[0];
    },
    redeliver: async (apiKeyId: string, id: string) => {
      const revived = await all(apiKeyId, async (outbox, part) => ({
        part,
        ...(await outbox.redeliver(id)),
      }));
      return revived.find(({ delivery }) => delivery !== null);
    },
    /** The parts there are, which are asked one by one for what takes long. */
    parts: partsOfAll,
    /** Tells those there are of a split into more. */
    split: (apiKeyId: string, parts: number) =>
      all(apiKeyId, (outbox, part) => outbox.accept(apiKeyId, [], false, { apiKeyId, part, parts })),
    redeliverFailed: (apiKeyId: string, part: number, since: number, until: number, after: number) =>
      call(apiKeyId, part, (outbox) => outbox.redeliverFailed(since, until, after)),
    endpointsChanged: (apiKeyId: string) => all(apiKeyId, (outbox) => outbox.endpointsChanged()),
    erase: (apiKeyId: string) => all(apiKeyId, (outbox) => outbox.erase()),
    reseal: (apiKeyId: string, part: number, after: number, limit: number) =>
      call(apiKeyId, part, (outbox) => outbox.reseal(after, limit)),
  };
}
