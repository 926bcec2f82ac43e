import { createLogger, type LogFields } from "./http/log.ts";
import type { Kind, Place } from "./parts.ts";
import { DAY_MS, HOUR_MS } from "./time.ts";

// An object holds 10 GB and takes some 1,000 requests a second. Splitting it takes hold slowly: what it has stays in it for
// 30 days. https://developers.cloudflare.com/durable-objects/platform/limits/
const MAX_BYTES = 10_000_000_000;
const MAX_PER_MINUTE = 60_000;
const SHARE = 1 / 3;

/** How full an object is, 0 to 1. */
export const filled = (bytes: number): number => Math.round((bytes / MAX_BYTES) * 1_000) / 1_000;

/** Says once a day if a part carries a third of what an object can. What it counts is forgotten with the object. */
export function createLoad(object: Kind) {
  let minute = 0;
  let requests = 0;
  let warnedAt = 0;
  return {
    note({ apiKeyId, part, parts }: Place, bytes: number, count = 1): void {
      const now = Date.now();
      const current = Math.floor(now / 60_000);
      requests = current === minute ? requests + count : count;
      minute = current;
      const isBusy = requests > MAX_PER_MINUTE * SHARE;
      if ((!isBusy && bytes < MAX_BYTES * SHARE) || now - warnedAt < DAY_MS) return;
      warnedAt = now;
      const about = { key_id: apiKeyId, part, parts, filled: filled(bytes), requests_per_minute: requests };
      createLogger({ object }).warn("part_filling", about);
    },
  };
}

/** A log or an outbox with so much is as good as full. */
export const NEARLY_FULL_BYTES = 8_000_000_000;

/**
 * Makes room in a full object, which would take nothing: before each thing that it takes the oldest go, and whoever looks is
 * told, once an hour.
 *
 * @param shorten deletes the oldest, and says what the log line is to say of it
 */
export function createRoom(
  object: "call_log" | "event_outbox",
  sql: SqlStorage,
  shorten: (now: number) => LogFields | undefined,
) {
  let warnedAt = 0;
  return (about: LogFields, now: number): void => {
    if (sql.databaseSize < NEARLY_FULL_BYTES) return;
    const shortened = shorten(now);
    if (now - warnedAt < HOUR_MS) return;
    warnedAt = now;
    createLogger({ object }).warn("log_shortened", { ...about, ...shortened });
  };
}
