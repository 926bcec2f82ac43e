import { createLogger } from "../http/log.ts";
import { HOUR_MS } from "../time.ts";
import { forgetCalls, timeOf } from "./calls-store.ts";
import { KEEP_CALLS_MS } from "./retention.ts";
import { forgetTranscripts } from "./transcripts.ts";

// An object holds 10 GB. https://developers.cloudflare.com/durable-objects/platform/limits/
const MAX_BYTES = 8_000_000_000;
/** More than a call adds, and little enough to delete while it is written. */
const SHORTENED_BY = 100;
const SHORTENED = "shortened";

/** Sees to it that a log does not become full: a full object takes nothing. */
export function createRoom(storage: DurableObjectStorage) {
  const { sql, kv } = storage;
  let warnedAt = 0;
  return {
    /** Before that the oldest calls go, and whoever looks is told. */
    make(about: object, now: number): void {
      if (sql.databaseSize < MAX_BYTES) return;
      const gone = forgetCalls(sql, now, SHORTENED_BY);
      forgetTranscripts(storage, gone);
      const until = timeOf(gone.at(-1) ?? 0);
      if (until > 0) kv.put(SHORTENED, until);
      if (now - warnedAt < HOUR_MS) return;
      warnedAt = now;
      createLogger({ object: "call_log" }).warn("log_shortened", { ...about, until });
    },
    /** Until when calls are missing, in milliseconds; null if all of 30 days are there. */
    shortened(now: number): number | null {
      const until = kv.get<number>(SHORTENED) ?? 0;
      return until > now - KEEP_CALLS_MS ? until : null;
    },
  };
}
