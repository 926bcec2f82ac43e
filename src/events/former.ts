import { errorFields } from "../http/log.ts";
import type { Services } from "../services.ts";
import type { SealedEvent } from "./event.ts";
import { deleteFormer, deleteReceipts, findFormer, findFormerById } from "./former-store.ts";
import type { FormerEvent } from "./outbox/adopt-store.ts";
import { attemptLater, deliver } from "./tell.ts";

// What the version before outboxes left behind: events in D1, and messages in the queue `nixflex-events`. This file, its store,
// the two consumers in wrangler.toml and the tables go with the release after this one.

const EVENTS_AT_ONCE = 100;
const BATCHES_PER_RUN = 50;
const RECEIPTS_PER_RUN = 5_000;
const POSTPONED_SECONDS = 60;

/**
 * Moves events into the outboxes of their API keys, those first that are still to be delivered. What an outbox has got twice it
 * keeps once, so that a run that breaks off is made good by the next. For the cron; bounded work.
 *
 * @throws StorageError
 */
export async function moveFormerEvents(services: Services): Promise<void> {
  for (let run = 0; run < BATCHES_PER_RUN; run += 1) {
    const count = await move(await findFormer(services.db, EVENTS_AT_ONCE), services);
    if (count === 0) return deleteReceipts(services.db, RECEIPTS_PER_RUN);
  }
}

/** @throws StorageError */
async function move(events: ReadonlyMap<string, FormerEvent[]>, services: Services): Promise<number> {
  let count = 0;
  for (const [apiKeyId, own] of events) {
    attemptLater(apiKeyId, await services.outbox.adopt(apiKeyId, own), services);
    await deleteFormer(
      services.db,
      own.map(({ id }) => id),
    );
    count += own.length;
  }
  if (count > 0) services.log.info("former_events_moved", { count });
  return count;
}

/** What the queue of events and its dead letters carried. */
export type FormerMessage =
  | { kind: "deliver"; eventId: string }
  /** What Twilio told while D1 did not answer: it is nowhere else. The key begins with the number's id. */
  | { kind: "record"; told: { receiptKey: string; event: Omit<SealedEvent, "lane"> } };

/** Puts what such messages carry, or name, into the outboxes. */
export async function consumeFormer(
  messages: readonly Message<FormerMessage>[],
  services: Services,
): Promise<void> {
  for (const message of messages) {
    try {
      const { body } = message;
      if (body.kind === "deliver") await move(await findFormerById(services.db, body.eventId), services);
      else {
        const { receiptKey, event } = body.told;
        const lane = receiptKey.slice(0, receiptKey.indexOf("/"));
        await deliver(event.apiKeyId, [{ ...event, lane }], services);
      }
      message.ack();
    } catch (error) {
      services.log.warn("former_event_postponed", { kind: message.body.kind, ...errorFields(error) });
      message.retry({ delaySeconds: POSTPONED_SECONDS });
    }
  }
}
