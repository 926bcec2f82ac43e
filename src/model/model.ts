/** One message of a conversation, in the words of OpenAI's chat completions. */
export type Message =
  | { role: "system" | "user"; content: string }
  | { role: "assistant"; content: string; tool_calls?: readonly object[] }
  | { role: "tool"; tool_call_id: string; content: string };

/** What the model may ask for instead of, or after, saying something. */
export type Tool = {
  name: string;
  description: string;
  /** JSON Schema of its arguments. */
  parameters: Record<string, unknown>;
};

export type ModelRequest = { messages: readonly Message[]; tools: readonly Tool[]; maxTokens: number };

/**
 * A piece of an answer: some text as it comes, or a whole tool call. Arguments are the model's word, not yet checked; null: no
 * JSON. `usage` comes behind the text, if the model says how many tokens it read and wrote.
 */
export type Delta =
  | { type: "text"; text: string }
  | { type: "usage"; tokens: number }
  | { type: "tool"; name: string; arguments: Record<string, unknown> | null };

/**
 * A language model: answers piece by piece, and stops when the signal says so.
 *
 * @throws ModelError
 */
export type Model = (request: ModelRequest, signal: AbortSignal) => AsyncIterable<Delta>;

/**
 * An answer that did not come, or broke off. `refused`: the same request would fail again (a wrong key, an unknown model);
 * `unavailable`: it may work the next time.
 */
export class ModelError extends Error {
  override readonly name = "ModelError";
  readonly failure: "refused" | "unavailable";

  constructor(message: string, failure: ModelError["failure"], cause?: unknown) {
    super(message, { cause });
    this.failure = failure;
  }
}
