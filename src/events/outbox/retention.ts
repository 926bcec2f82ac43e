import { NEARLY_FULL_BYTES } from "../../load.ts";
import { DAY_MS, HOUR_MS } from "../../time.ts";
import { deleteOldCircuits } from "./circuit-store.ts";
import { archive, findOldest, forgetDelivered, forgetEvents } from "./retention-store.ts";
import { timeOf } from "./store.ts";

const KEPT_MS = 30 * DAY_MS;
/** How long a delivered event can be delivered anew. */
const BODY_MS = 7 * DAY_MS;
const ROWS_AT_ONCE = 5_000;
const LINES_PER_ROW = 200;

/**
 * Deletes the bodies of what was delivered a week ago, and what is older than 30 days and settled; the oldest before that if
 * the object is nearly full. Bounded work.
 *
 * @returns when there is more to delete; null if the outbox is empty
 */
export function forgetOld(
  storage: DurableObjectStorage,
  now: number,
  maxBytes = NEARLY_FULL_BYTES,
): number | null {
  const { sql } = storage;
  const isFull = sql.databaseSize > maxBytes;
  const before = isFull ? now : now - KEPT_MS;
  const lines = forgetDelivered(sql, before, isFull ? ROWS_AT_ONCE / LINES_PER_ROW : ROWS_AT_ONCE);
  // In a full outbox the oldest go first.
  const events = isFull && lines > 0 ? 0 : forgetEvents(storage, before, ROWS_AT_ONCE);
  const archived = archive(storage, now - BODY_MS, LINES_PER_ROW);
  deleteOldCircuits(sql, now - DAY_MS);
  const oldest = findOldest(sql);
  if (oldest.event === null && oldest.delivered === null) return null;
  if (events === ROWS_AT_ONCE || archived === LINES_PER_ROW) return now;
  const ends = [
    // A day's at once, so that few rows are written.
    oldest.archivable !== null && timeOf(oldest.archivable) + BODY_MS + DAY_MS,
    oldest.event !== null && timeOf(oldest.event) + KEPT_MS,
    oldest.delivered !== null && timeOf(oldest.delivered) + KEPT_MS,
  ].filter((at) => at !== false);
  return Math.max(Math.min(...ends), now + HOUR_MS);
}
