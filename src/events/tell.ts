import { batch } from "../database.ts";
import { errorFields } from "../http/log.ts";
import type { Services } from "../services.ts";
import { makeAttempts } from "./courier.ts";
import type { SealedEvent } from "./event.ts";
import type { Work } from "./outbox/work.ts";
import { deletePending, findPending, insertPending } from "./pending-store.ts";

/**
 * Puts events of one API key into its outbox, and begins to deliver them. They are durable when this returns.
 *
 * @param isForced their owner waits for them: an open circuit does not hold them back
 * @throws StorageError
 */
export async function deliver(
  apiKeyId: string,
  events: readonly SealedEvent[],
  services: Services,
  isForced = false,
): Promise<void> {
  const works = await services.outbox.accept(apiKeyId, events, isForced);
  attemptLater(apiKeyId, works, services);
}

/** Makes attempts that an outbox has handed out, after whatever is waited for now. */
export function attemptLater(apiKeyId: string, works: readonly Work[], services: Services): void {
  if (works.length === 0) return;
  const report: Parameters<typeof makeAttempts>[1] = (...told) => services.outbox.report(apiKeyId, ...told);
  services.defer(makeAttempts(works, report, services));
}

/**
 * Stores one of Twilio's events in the outbox, or in D1 if the outbox fails: Twilio has its answer and does not repeat it.
 *
 * @throws StorageError if neither takes it
 */
export async function tellNow(event: SealedEvent, services: Services): Promise<void> {
  const { db, log } = services;
  try {
    await deliver(event.apiKeyId, [event], services);
  } catch (error) {
    log.warn("event_kept_in_d1", { event_id: event.id, ...errorFields(error) });
    await batch(db, [insertPending(db, event)], { isIdempotent: true });
  }
}

/** Moves events from D1 to their outboxes. Never throws: the cron tries it again. */
export async function relay(events: readonly SealedEvent[], services: Services): Promise<void> {
  const { db, log } = services;
  for (const [apiKeyId, own] of Map.groupBy(events, (event) => event.apiKeyId)) {
    try {
      await deliver(apiKeyId, own, services);
      await deletePending(
        db,
        own.map(({ id }) => id),
      );
    } catch (error) {
      log.warn("events_not_relayed", { key_id: apiKeyId, count: own.length, ...errorFields(error) });
    }
  }
}

const EVENTS_AT_ONCE = 100;
const BATCHES_PER_RUN = 50;

/** Moves events that still wait in D1. For the cron. @throws StorageError */
export async function relayPending(services: Services): Promise<void> {
  let after = "";
  for (let run = 0; run < BATCHES_PER_RUN; run += 1) {
    const events = await findPending(services.db, after, EVENTS_AT_ONCE);
    await relay(events, services);
    after = events.at(-1)?.id ?? "";
    if (events.length < EVENTS_AT_ONCE) break;
  }
}
