import { type Delta, type Model, ModelError, type ModelRequest } from "./model.ts";

export type Patience = {
  /** How long the first piece may take, the second try included, in milliseconds. */
  firstMs: number;
  /** How long any further piece may take. */
  nextMs: number;
};

/**
 * An answer with deadlines: tried once more if it fails before its first piece, and never after, for what was said cannot
 * be taken back.
 *
 * @throws ModelError; and the signal's reason where the caller of this stops it
 */
export async function* steadily(
  model: Model,
  request: ModelRequest,
  signal: AbortSignal,
  { firstMs, nextMs }: Patience,
): AsyncGenerator<Delta> {
  const deadline = Date.now() + firstMs;
  for (let tries = 1; ; tries += 1) {
    let hasBegun = false;
    const stop = new AbortController();
    const pieces = model(request, AbortSignal.any([signal, stop.signal]))[Symbol.asyncIterator]();
    try {
      for (;;) {
        const waitMs = hasBegun ? nextMs : Math.max(deadline - Date.now(), 0);
        const { value, done } = await inTime(pieces.next(), waitMs, signal);
        if (done) {
          if (!hasBegun) throw new ModelError("The model said nothing", "unavailable");
          return;
        }
        hasBegun = true;
        yield value;
      }
    } catch (error) {
      signal.throwIfAborted();
      const isPassing = error instanceof ModelError && error.failure === "unavailable";
      if (hasBegun || tries > 1 || !isPassing || Date.now() >= deadline) throw error;
    } finally {
      stop.abort();
    }
  }
}

/** What comes, if it comes in time and before the signal. */
async function inTime<T>(work: Promise<T>, waitMs: number, signal: AbortSignal): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new ModelError("The model did not answer in time", "unavailable")),
    waitMs,
  );
  const onAbort = () => late.reject(signal.reason);
  signal.addEventListener("abort", onAbort);
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    // Of a piece that nobody waits for any more nobody hears.
    work.catch(() => undefined);
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}
