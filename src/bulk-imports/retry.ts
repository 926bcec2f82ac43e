import type { ErrorBody } from "../http/error-handler.ts";
import { errorCatalogue } from "../http/errors.ts";

// When a failed attempt is repeated. No I/O here.

const MAX_ATTEMPTS = 6;
// Twilio has done nothing after a 429, so patience costs nothing. With the waits below this is more than an hour.
const MAX_RATE_LIMITED_ATTEMPTS = 100;
const FIRST_WAIT_MS = 1_000;
const MAX_WAIT_MS = 60_000;

/** Errors that say nothing against the number: the whole account is refused. */
const REFUSALS: readonly string[] = ["twilio_auth_failed", "twilio_invalid_credentials"];

export const isRateLimit = ({ code }: ErrorBody): boolean => code === "twilio_rate_limited";
export const isRefusal = ({ code }: ErrorBody): boolean => REFUSALS.includes(code);

/**
 * How long to wait before the next attempt, in milliseconds; undefined: there is none.
 *
 * @param attempts how many were made
 */
export function retryDelayMs(error: ErrorBody, attempts: number): number | undefined {
  const { retry_after: seconds, outcome } = error.details as { retry_after?: number; outcome?: string };
  const isRetryable =
    "retryable" in errorCatalogue[error.code] || seconds !== undefined || outcome === "unknown";
  const most = isRateLimit(error) ? MAX_RATE_LIMITED_ATTEMPTS : MAX_ATTEMPTS;
  if (!isRetryable || attempts >= most) return undefined;
  return Math.max((seconds ?? 0) * 1_000, pauseMs(attempts));
}

/** A second, doubled with each attempt or strike, a minute at most. */
export function pauseMs(times: number): number {
  return Math.min(FIRST_WAIT_MS * 2 ** (times - 1), MAX_WAIT_MS);
}
