import type { ModelConfig } from "../config.ts";
import type { Model } from "./model.ts";
import type { WorkersAi } from "./workers-ai.ts";

/**
 * The deployment's model; null if it has none.
 *
 * @param env may have the binding `AI`, which is not declared for everybody (see wrangler.toml)
 */
export function configuredModel(config: ModelConfig | null, env: object): Model | null {
  if (config === null) return null;
  const { baseUrl, model } = config;
  if (baseUrl !== null) {
    return whenAsked(async () =>
      (await import("./openai-compatible.ts")).openAiCompatible({ ...config, baseUrl }),
    );
  }
  const { AI: ai } = env as { AI?: WorkersAi };
  return ai ? whenAsked(async () => (await import("./workers-ai.ts")).workersAi(ai, model)) : null;
}

/** No call's first answer waits for the code of a model. */
const whenAsked = (load: () => Promise<Model>): Model =>
  async function* answer(request, signal) {
    yield* (await load())(request, signal);
  };
