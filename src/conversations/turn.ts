import { type Delta, type Model, ModelError, type ModelRequest } from "../model/model.ts";
import { steadily } from "../model/steadily.ts";
import type { Phrases } from "./phrases.ts";

export type TurnOptions = {
  model: Model;
  request: ModelRequest;
  signal: AbortSignal;
  /** How long the first word may take, in milliseconds. */
  patienceMs: number;
  maxCharacters: number;
  phrases: Pick<Phrases, "filler" | "apology">;
  /** Called with each piece, as it comes. */
  say: (piece: string) => void;
  onFailure: (error: unknown) => void;
};

export type TurnResult = {
  /** What the model said, without our fillers. */
  text: string;
  tool: Extract<Delta, { type: "tool" }> | null;
  tokens: number;
  firstTokenMs: number | null;
  /** Nothing came, twice. */
  hasFailed: boolean;
};

// With the default patience of 8 seconds, a filler comes after 1.5.
const FILLER_SHARE = 1.5 / 8;
const ATTEMPTS = 2;

/**
 * Asks the model for one answer and says it as it comes. A filler bridges the wait; after a failure comes an apology, and
 * the model is asked once more. What broke off in the middle stays as it was said.
 *
 * @throws the signal's reason where it is stopped
 */
export async function takeTurn(options: TurnOptions): Promise<TurnResult> {
  const { model, request, signal, patienceMs, maxCharacters, phrases, say, onFailure } = options;
  const result: TurnResult = { text: "", tool: null, tokens: 0, firstTokenMs: null, hasFailed: false };
  const startedAt = Date.now();
  const filler = setTimeout(() => say(phrases.filler), patienceMs * FILLER_SHARE);
  try {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      try {
        const patience = { firstMs: patienceMs, nextMs: patienceMs };
        for await (const delta of steadily(model, request, signal, patience)) {
          signal.throwIfAborted();
          clearTimeout(filler);
          result.firstTokenMs ??= Date.now() - startedAt;
          if (delta.type === "tool") return { ...result, tool: delta };
          result.tokens += 1;
          const piece = delta.text.slice(0, maxCharacters - result.text.length);
          result.text += piece;
          say(piece);
          if (result.text.length >= maxCharacters) return result;
        }
        return result;
      } catch (error) {
        signal.throwIfAborted();
        clearTimeout(filler);
        onFailure(error);
        if (!(error instanceof ModelError)) throw error;
        if (result.text !== "") return result;
        if (attempt < ATTEMPTS) say(phrases.apology);
      }
    }
    return { ...result, hasFailed: true };
  } finally {
    clearTimeout(filler);
  }
}
