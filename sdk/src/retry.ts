import { NixflexError } from "./error.ts";

/** Doubled with each try. */
const FIRST_WAIT_SECONDS = 0.5;
/** Who would have to wait longer is told so, by `retryAfterSeconds`, instead of kept waiting. */
const MAX_WAIT_SECONDS = 60;

/**
 * After how many seconds to send a request again that may be sent twice; undefined if that would not help. The API says
 * in Retry-After which of its failures pass. What is no answer of the API, such as a proxy's 502, is tried again too.
 */
export function waitSeconds(failure: unknown, tries: number): number | undefined {
  const said = failure instanceof NixflexError ? failure.retryAfterSeconds : undefined;
  const passes =
    said !== undefined ||
    !(failure instanceof NixflexError) ||
    (failure.code === "unreadable_answer" && failure.status >= 500);
  const seconds = said ?? FIRST_WAIT_SECONDS * 2 ** (tries - 1);
  return passes && seconds <= MAX_WAIT_SECONDS ? seconds : undefined;
}

/** @throws the signal's reason if it is aborted meanwhile */
export function pause(seconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", giveUp);
      resolve();
    }, seconds * 1_000);
    signal?.addEventListener("abort", giveUp, { once: true });
  });
}
