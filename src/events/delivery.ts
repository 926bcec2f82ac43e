// Decisions about deliveries. No I/O here.

/**
 * How long to wait before each retry, in seconds: five attempts over 75 minutes.
 *
 * @internal
 */
export const RETRY_DELAYS_SECONDS = [60, 300, 840, 3_300] as const;

export const MAX_ATTEMPTS = RETRY_DELAYS_SECONDS.length + 1;

/** The result of one attempt. */
export type Attempt = {
  attemptedAt: Date;
  durationMs: number;
  /** The answer's status; absent if no answer came. */
  httpStatus?: number;
  /** Why the event was not delivered, as a fixed word; absent if it was delivered. */
  error?: DeliveryError;
};

export const DELIVERY_ERRORS = [
  "http_error",
  "timeout",
  "network_error",
  /** The agent no longer has a webhook_url, or no longer exists. */
  "no_webhook_url",
  /** This deployment does not send to the agent's webhook_url. */
  "unsafe_webhook_url",
  /** The stored event or secret does not open: a sealing key is gone. */
  "unreadable",
  /** The URL kept failing, and no attempt was made for as long as this event may be tried. */
  "circuit_open",
] as const;
export type DeliveryError = (typeof DELIVERY_ERRORS)[number];

export type Outcome =
  | { state: "delivered" }
  | { state: "failed" }
  | { state: "pending"; delaySeconds: number };

/**
 * After 2xx the event is delivered. A refusal (4xx, except 408 and 429) is final, and so is an error that a retry cannot
 * change. After any other failure the event is tried again until no attempts are left.
 *
 * @param attemptsLeft including this attempt
 */
export function outcomeOf({ httpStatus, error }: Attempt, attemptsLeft: number): Outcome {
  if (error === undefined) return { state: "delivered" };
  const delaySeconds = RETRY_DELAYS_SECONDS[MAX_ATTEMPTS - attemptsLeft];
  if (isFinal(error, httpStatus) || attemptsLeft <= 1 || delaySeconds === undefined)
    return { state: "failed" };
  return { state: "pending", delaySeconds };
}

/** Whether the URL did not take an event that it may take later. */
export function isRetryable({ httpStatus, error }: Attempt): boolean {
  return error !== undefined && !isFinal(error, httpStatus);
}

function isFinal(error: DeliveryError, status = 0): boolean {
  if (error === "http_error") return status >= 400 && status < 500 && status !== 408 && status !== 429;
  return error !== "timeout" && error !== "network_error";
}
