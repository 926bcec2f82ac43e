import { DAY_MS } from "../../time.ts";
import { deleteOldCircuits } from "./circuit-store.ts";
import { forget, oldestSeq, timeOf } from "./store.ts";

const KEPT_MS = 30 * DAY_MS;
const AGAIN_MS = 60 * 60 * 1000;
// An object holds 10 GB. https://developers.cloudflare.com/durable-objects/platform/limits/
const MAX_BYTES = 8_000_000_000;
const ROWS_AT_ONCE = 5_000;

/**
 * Deletes what is older than 30 days and settled; the oldest before that if the object is nearly full. Bounded work.
 *
 * @returns when there is more to delete; null if the outbox is empty
 */
export function forgetOld(sql: SqlStorage, now: number, maxBytes = MAX_BYTES): number | null {
  const isFull = sql.databaseSize > maxBytes;
  const deleted = forget(sql, isFull ? now : now - KEPT_MS, ROWS_AT_ONCE);
  deleteOldCircuits(sql, now - DAY_MS);
  const oldest = oldestSeq(sql);
  if (oldest === null) return null;
  if (deleted === ROWS_AT_ONCE) return now;
  return Math.max(timeOf(oldest) + KEPT_MS, now + AGAIN_MS);
}
