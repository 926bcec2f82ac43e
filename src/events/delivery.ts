// Decisions about deliveries. No I/O here.

/**
 * How long to wait before each further attempt, in seconds: five attempts over 75 minutes.
 *
 * @internal
 */
export const RETRY_DELAYS_SECONDS = [60, 300, 840, 3_300] as const;

export const MAX_ATTEMPTS = RETRY_DELAYS_SECONDS.length + 1;

/** What came of one attempt. */
export type Attempt = {
  attemptedAt: Date;
  durationMs: number;
  /** The answer's status; absent where none came. */
  httpStatus?: number;
  /** Why it was not delivered, as a stable word; absent where it was. */
  error?: DeliveryError;
};

export type DeliveryError =
  | "http_error"
  | "timeout"
  | "network_error"
  /** The agent has no webhook_url any more, or is gone. */
  | "no_webhook_url"
  /** The agent's webhook_url is not one this deployment sends to. */
  | "unsafe_webhook_url"
  /** What was stored cannot be opened: a sealing key is gone. */
  | "unreadable"
  /** Attempts to the URL kept failing, and none was made any more for as long as this event was to be tried. */
  | "circuit_open";

export type Outcome =
  | { state: "delivered" }
  | { state: "failed" }
  | { state: "pending"; delaySeconds: number };

/**
 * 2xx is done; a refusal (4xx, but 408 and 429) is final, and so is what no repetition can mend; everything else is
 * tried again until the attempts are used up.
 *
 * @param attemptsLeft before this attempt
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
