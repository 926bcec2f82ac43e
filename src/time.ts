export const HOUR_MS = 60 * 60 * 1000;
export const DAY_MS = 24 * HOUR_MS;
export const WEEK_MS = 7 * DAY_MS;

/** The day of a time in UTC, as YYYY-MM-DD. */
export const dayOf = (time: number): string => new Date(time).toISOString().slice(0, "2026-01-31".length);

/** How long what an isolate remembers of D1 is as good as new, and how long it serves if D1 does not answer. */
export const FRESH_MS = 30_000;
export const STALE_MS = 24 * HOUR_MS;

/** When to try again after `failures` failures in a row: after `firstMs`, doubled each time, up to a day. */
export function nextAttempt(failures: number, firstMs: number, now: Date): Date {
  return new Date(now.getTime() + Math.min(firstMs * 2 ** failures, DAY_MS));
}
