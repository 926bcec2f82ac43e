import { createRoom } from "../load.ts";
import { forgetCalls, timeOf } from "./calls-store.ts";
import { KEEP_CALLS_MS } from "./retention.ts";
import { forgetTranscripts } from "./transcripts.ts";

/** More than a call adds, and little enough to delete while it is written. */
const SHORTENED_BY = 100;
const SHORTENED = "shortened";

/** Sees to it that a log does not become full. */
export function createLogRoom(storage: DurableObjectStorage) {
  const { sql, kv } = storage;
  return {
    make: createRoom("call_log", sql, (now) => {
      const gone = forgetCalls(storage, now, SHORTENED_BY);
      forgetTranscripts(storage, gone);
      const until = timeOf(gone.at(-1) ?? 0);
      if (until > 0) kv.put(SHORTENED, until);
      return { until };
    }),
    /** Until when calls are missing, in milliseconds; null if all of 30 days are there. */
    shortened(now: number): number | null {
      const until = kv.get<number>(SHORTENED) ?? 0;
      return until > now - KEEP_CALLS_MS ? until : null;
    },
  };
}
