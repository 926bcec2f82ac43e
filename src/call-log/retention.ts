import { DAY_MS, HOUR_MS } from "../time.ts";
import { deleteAttempts, hasAttempts } from "./attempts-store.ts";
import { deleteCall, endForgotten, forgetCalls, forgetDeleted, getCall, hasCalls } from "./calls-store.ts";
import { forgetTranscripts } from "./transcripts.ts";
import { forgetUsage, hasUsage } from "./usage-store.ts";

/** Longer than an `Idempotency-Key` is kept, than any call lasts, and than Twilio repeats itself. */
const KEEP_ATTEMPTS_MS = 25 * HOUR_MS;
export const KEEP_CALLS_MS = 30 * DAY_MS;
/** Usage is asked for up to 366 days at once. */
const KEEP_DAYS_MS = 400 * DAY_MS;
const AT_ONCE = 1_000;

/** Deletes what is too old, in bounds. @returns whether there is more of it, and whether nothing is left at all */
export function forgetOld(
  storage: DurableObjectStorage,
  now: number,
): { hasMore: boolean; isEmpty: boolean } {
  const { sql } = storage;
  return storage.transactionSync(() => {
    const before = now - KEEP_ATTEMPTS_MS;
    endForgotten(sql, before);
    forgetUsage(sql, before, now - KEEP_DAYS_MS);
    forgetDeleted(sql, now - KEEP_CALLS_MS);
    const attempts = deleteAttempts(sql, before, AT_ONCE);
    const calls = forgetCalls(storage, now - KEEP_CALLS_MS, AT_ONCE);
    forgetTranscripts(storage, calls);
    return {
      hasMore: attempts === AT_ONCE || calls.length === AT_ONCE,
      isEmpty: !hasAttempts(sql) && !hasCalls(sql) && !hasUsage(sql),
    };
  });
}

/** Deletes a call that has ended. @returns whether R2 may have its transcript */
export function removeCall(storage: DurableObjectStorage, callId: string, now: number): boolean {
  return storage.transactionSync(() => {
    const call = getCall(storage.sql, callId);
    if (!call) return false;
    deleteCall(storage, call, now);
    return forgetTranscripts(storage, [call.seq]);
  });
}
