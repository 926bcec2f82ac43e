import { readDeltas } from "./deltas.ts";
import { type Model, ModelError } from "./model.ts";
import { bodyOf } from "./openai-compatible.ts";

/** The part of the binding `AI` that is used. https://developers.cloudflare.com/workers-ai/configuration/bindings/ */
export type WorkersAi = {
  run: (model: string, input: Record<string, unknown>, options: { signal: AbortSignal }) => Promise<unknown>;
};

export function workersAi(ai: WorkersAi, model: string): Model {
  return async function* answer(request, signal) {
    // A caller waits: models that could think first are told not to, and others do not look at this.
    const input = { ...bodyOf(request), chat_template_kwargs: { enable_thinking: false } };
    const stream = await ai.run(model, input, { signal }).catch((cause: unknown) => {
      throw new ModelError("Workers AI did not answer", "unavailable", cause);
    });
    if (!(stream instanceof ReadableStream)) throw new ModelError("Workers AI did not stream", "refused");
    yield* readDeltas(stream);
  };
}
