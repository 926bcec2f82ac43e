import type { Phrases } from "../agents/phrases.ts";
import { cut } from "../cut.ts";
import { type Delta, type Model, ModelError, type ModelRequest } from "../model/model.ts";

export type TurnOptions = {
  model: Model;
  request: ModelRequest;
  signal: AbortSignal;
  /** How long the first word may take, in milliseconds, and how long each further piece. */
  patienceMs: number;
  maxCharacters: number;
  phrases: Pick<Phrases, "filler" | "apology">;
  /** Called with each piece, as it comes. The filler and the apology are of no answer. */
  say: (piece: string, isAnswer: boolean) => void;
  onFailure: (error: unknown) => void;
  /** How many tokens were read and written, as the model says or as is estimated; also if the answer is stopped. */
  spent: (tokens: number) => void;
};

export type TurnResult = {
  /** What the model said. */
  text: string;
  tool: Extract<Delta, { type: "tool" }> | null;
  /** Why nothing came. */
  failure: ModelError["failure"] | null;
};

export const NO_PHRASES = { filler: "", apology: "" };

// Where the model does not say how many, such as when it is interrupted. In English a token has about four characters, in
// other scripts fewer, of more bytes each.
const BYTES_PER_TOKEN = 4;

// With the default patience of 8 seconds, a filler comes after 1.5.
export const FILLER_SHARE = 1.5 / 8;

/**
 * Asks the model for one answer and says it as it comes. A failure before the first word is tried again, once without a
 * word and once after an apology; a refusal is not. An answer that breaks off midway is kept and not retried.
 *
 * @throws the signal's reason if it is stopped
 */
export async function takeTurn(options: TurnOptions): Promise<TurnResult> {
  const { model, request, signal, patienceMs, maxCharacters, phrases, say, onFailure, spent } = options;
  const result: TurnResult = { text: "", tool: null, failure: null };
  let firstBy = Date.now() + patienceMs;
  let hasApologised = false;
  const filler = setTimeout(() => say(phrases.filler, false), patienceMs * FILLER_SHARE);
  try {
    for (let tries = 1; ; tries += 1) {
      let tokens = 0;
      let hasBegun = false;
      try {
        for await (const delta of inTime(model, request, signal, { firstBy, nextMs: patienceMs })) {
          hasBegun = true;
          if (delta.type === "usage") {
            tokens = delta.tokens;
            continue;
          }
          clearTimeout(filler);
          if (delta.type === "tool") return { ...result, tool: delta };
          const piece = cut(delta.text, maxCharacters - result.text.length);
          result.text += piece;
          say(piece, true);
          if (piece !== delta.text) return result;
        }
        return result;
      } catch (error) {
        signal.throwIfAborted();
        onFailure(error);
        if (!(error instanceof ModelError)) throw error;
        if (result.text !== "") return result;
        if (error.failure === "refused" || hasApologised) return { ...result, failure: error.failure };
        if (tries === 1 && Date.now() < firstBy) continue;
        clearTimeout(filler);
        say(phrases.apology, false);
        hasApologised = true;
        firstBy = Date.now() + patienceMs;
      } finally {
        if (hasBegun || signal.aborted) spent(tokens || estimated(request, result.text));
      }
    }
  } finally {
    clearTimeout(filler);
  }
}

function estimated({ messages, tools }: ModelRequest, answer: string): number {
  const read = messages.map(({ content }) => content).join("") + JSON.stringify(tools);
  return Math.ceil(new TextEncoder().encode(read + answer).byteLength / BYTES_PER_TOKEN);
}

/** The pieces of one answer, each in time. @throws ModelError; and the signal's reason */
async function* inTime(
  model: Model,
  request: ModelRequest,
  signal: AbortSignal,
  { firstBy, nextMs }: { firstBy: number; nextMs: number },
): AsyncGenerator<Delta> {
  signal.throwIfAborted();
  const stop = new AbortController();
  const stopped = Promise.withResolvers<never>();
  signal.addEventListener("abort", () => stopped.reject(signal.reason), { signal: stop.signal });
  const pieces = model(request, AbortSignal.any([signal, stop.signal]))[Symbol.asyncIterator]();
  try {
    for (let count = 0; ; ) {
      const late = Promise.withResolvers<never>();
      const waitMs = count > 0 ? nextMs : Math.max(firstBy - Date.now(), 0);
      const why = new ModelError("The model did not answer in time", "unavailable");
      const timer = setTimeout(() => late.reject(why), waitMs);
      const next = pieces.next();
      // Of a piece that nobody waits for any more nobody hears.
      next.catch(() => undefined);
      const any = Promise.race([next, late.promise, stopped.promise]);
      const { value, done } = await any.finally(() => clearTimeout(timer));
      if (done && count === 0) throw new ModelError("The model said nothing", "unavailable");
      if (done) return;
      if (value.type !== "usage") count += 1;
      yield value;
    }
  } finally {
    stop.abort();
  }
}
