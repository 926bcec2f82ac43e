import { batch, StorageError } from "../database.ts";
import { errorFields, type Logger } from "../http/log.ts";
import type { Measure } from "../http/metrics.ts";
import type { Vault } from "../vault/vault.ts";
import type { SealedEvent } from "./event.ts";
import { findOverdue, insertEvent, insertReceipt, postpone } from "./store.ts";

/** What the queue of events carries. */
export type EventMessage =
  /** Make the next attempt to deliver an event that is in D1. */
  | { kind: "deliver"; eventId: string }
  /** Write down what Twilio told us: D1 could not take it when it was told. */
  | { kind: "record"; told: Told };

/** Something Twilio told us, which is kept once however often it is told. */
export type Told = { receiptKey: string; event: SealedEvent };

export type EventServices = {
  db: D1Database;
  vault: Vault;
  queue: Queue<EventMessage>;
  log: Logger;
  measure: Measure;
  now: () => Date;
};

/**
 * Keeps an event and its receipt in one transaction, and sends it on its way.
 *
 * @param beside statements of the caller for the same transaction
 * @returns false where Twilio has told this before; nothing was written then
 * @throws StorageError
 */
export async function recordTold(
  { receiptKey, event }: Told,
  services: EventServices,
  beside: D1PreparedStatement[] = [],
): Promise<boolean> {
  const { db, now } = services;
  try {
    const results = await batch(db, [
      insertReceipt(db, receiptKey, now().toISOString()),
      insertEvent(db, event),
      ...beside,
    ]);
    if (results[1]?.meta.changes === 1) await announce(event.id, services);
    return true;
  } catch (error) {
    if (error instanceof StorageError && error.failure === "conflict") return false;
    throw error;
  }
}

/** Puts an event that is in D1 on the queue. Never throws: what the queue does not take, the cron sends later. */
export async function announce(eventId: string, { queue, log }: EventServices): Promise<void> {
  try {
    await queue.send({ kind: "deliver", eventId });
  } catch (error) {
    log.warn("event_not_queued", { event_id: eventId, ...errorFields(error) });
  }
}

// An attempt that is this late was lost on its way: the queue did not take it, or gave it up.
const OVERDUE_MS = 2 * 60 * 1000;
// Queues takes 100 messages at once. https://developers.cloudflare.com/queues/platform/limits/
const MESSAGES_PER_SEND = 100;
const SENDS_PER_RUN = 5;

/** Sends events whose attempt is overdue once more. For the cron; bounded work. @throws StorageError */
export async function sendOverdue(services: EventServices): Promise<void> {
  const { db, queue, log, now } = services;
  const time = now();
  const before = new Date(time.getTime() - OVERDUE_MS).toISOString();
  const ids = await findOverdue(db, before, MESSAGES_PER_SEND * SENDS_PER_RUN);
  for (let start = 0; start < ids.length; start += MESSAGES_PER_SEND) {
    const some = ids.slice(start, start + MESSAGES_PER_SEND);
    await queue.sendBatch(some.map((eventId) => ({ body: { kind: "deliver", eventId } })));
    await postpone(db, some, time.toISOString());
  }
  if (ids.length > 0) log.warn("overdue_events_sent", { count: ids.length });
}
