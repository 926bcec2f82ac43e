import { batch, StorageError } from "../database.ts";
import { errorFields } from "../http/log.ts";
import type { Services } from "../services.ts";
import type { InboundEvent } from "./message.ts";
import { findOverdue, insertEvent, insertReceipt, postpone } from "./store.ts";

/**
 * Stores an event and its receipt in one transaction, then puts the event on the queue.
 *
 * @param beside the caller's own statements for the same transaction
 * @returns false if Twilio has sent this before; then nothing was written
 * @throws StorageError
 */
export async function recordInbound(
  { receiptKey, event }: InboundEvent,
  services: Services,
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

/** Puts a stored event on the queue. Never throws: if the queue does not accept the event, the cron sends it later. */
export async function announce(eventId: string, { queues, log }: Services): Promise<void> {
  try {
    await queues.events.send({ kind: "deliver", eventId });
  } catch (error) {
    log.warn("event_not_queued", { event_id: eventId, ...errorFields(error) });
  }
}

// If an attempt is this late, its message was lost: the queue did not accept it, or gave up.
const OVERDUE_MS = 2 * 60 * 1000;
// Queues accepts 100 messages at once. https://developers.cloudflare.com/queues/platform/limits/
const MESSAGES_PER_SEND = 100;
const SENDS_PER_RUN = 5;

/** Puts events with an overdue attempt on the queue again, up to 500 per run. For the cron. @throws StorageError */
export async function sendOverdue(services: Services): Promise<void> {
  const { db, queues, log, now } = services;
  const time = now();
  const before = new Date(time.getTime() - OVERDUE_MS).toISOString();
  const ids = await findOverdue(db, before, MESSAGES_PER_SEND * SENDS_PER_RUN);
  for (let start = 0; start < ids.length; start += MESSAGES_PER_SEND) {
    const some = ids.slice(start, start + MESSAGES_PER_SEND);
    await queues.events.sendBatch(some.map((eventId) => ({ body: { kind: "deliver", eventId } })));
    await postpone(db, some, time.toISOString());
  }
  if (ids.length > 0) log.warn("overdue_events_sent", { count: ids.length });
}
