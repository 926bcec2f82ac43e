const DAY_MS = 24 * 60 * 60 * 1000;

/** When to try again after `failures` failures in a row: after `firstMs`, doubled each time, up to a day. */
export function nextAttempt(failures: number, firstMs: number, now: Date): Date {
  return new Date(now.getTime() + Math.min(firstMs * 2 ** failures, DAY_MS));
}
