import type { ModelConfig } from "../config.ts";
import type { Model } from "./model.ts";
import { openAiCompatible } from "./openai-compatible.ts";
import { type WorkersAi, workersAi } from "./workers-ai.ts";

/**
 * The deployment's model; null if it has none.
 *
 * @param env may have the binding `AI`, which is not declared for everybody (see wrangler.toml)
 */
export function configuredModel(config: ModelConfig | null, env: object): Model | null {
  if (config === null) return null;
  const { baseUrl } = config;
  if (baseUrl !== null) return openAiCompatible({ ...config, baseUrl });
  const { AI: ai } = env as { AI?: WorkersAi };
  return ai ? workersAi(ai, config.model) : null;
}
