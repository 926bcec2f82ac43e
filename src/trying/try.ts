import { fill } from "../agents/fill.ts";
import { phrasesIn } from "../agents/phrases.ts";
import type { AgentRow } from "../agents/store.ts";
import { planTool, requestOf, type ToolPlan } from "../conversations/request.ts";
import { NO_PHRASES, takeTurn } from "../conversations/turn.ts";
import { ApiError } from "../http/errors.ts";
import { errorFields, type Logger } from "../http/log.ts";
import { type Model, ModelError } from "../model/model.ts";
import { type Settings, speakingOf } from "../phone-numbers/settings.ts";
import type { TryBody } from "./schema.ts";

/** What an agent says next, and what it would do after that in a call. */
export type Tried = { text: string; action: Exclude<ToolPlan, { kind: "refuse" }> | null };

/**
 * One turn of a conversation that somebody types. Nothing is kept of it, and nothing is done but asking the model.
 *
 * @param own what the number has of its own, as which it is tried
 * @param begin called before the model is asked
 * @param spent called with the tokens that each answer took
 * @throws ApiError `agent_not_builtin`, `model_unavailable`
 */
export async function tryAgent(
  agent: AgentRow,
  own: Settings,
  { messages, system_prompt }: TryBody,
  {
    model,
    begin,
    spent,
    patienceMs,
    log,
  }: {
    model: Model | null;
    begin: () => Promise<void>;
    spent: (tokens: number) => void;
    patienceMs: number;
    log: Logger;
  },
): Promise<Tried> {
  const connect = agent.connect && (JSON.parse(agent.connect) as { type: string });
  if (connect && connect.type !== "builtin")
    throw new ApiError("agent_not_builtin", { details: { connect: connect.type } });
  if (!model)
    throw new ApiError("model_unavailable", {
      message: "This deployment has no language model, so its agents do not talk by themselves.",
      details: { reason: "not_configured" },
    });
  await begin();
  const { systemPrompt, language, talk } = speakingOf(
    { ...agent, system_prompt: system_prompt ?? agent.system_prompt },
    own,
  );
  let failure: ModelError | undefined;
  const {
    text,
    tool,
    failure: reason,
  } = await takeTurn({
    model,
    request: requestOf({
      systemPrompt: systemPrompt && fill(systemPrompt, own.dynamic_vars ?? {}),
      turns: messages,
      maxTokens: talk.max_tokens_per_turn,
      call: { transferNumbers: talk.transfer_numbers },
    }),
    signal: new AbortController().signal,
    patienceMs,
    maxCharacters: talk.max_characters_per_turn,
    phrases: NO_PHRASES,
    say: () => undefined,
    spent,
    onFailure: (error) => {
      if (!(error instanceof ModelError)) return;
      failure = error;
      log.warn("model_failed", { agent_id: agent.id, ...errorFields(error) });
    },
  });
  if (reason) throw new ApiError("model_unavailable", { details: { reason }, cause: failure });
  const plan = tool && planTool(tool, talk.transfer_numbers);
  if (plan?.kind !== "refuse") return { text: text.trim(), action: plan };
  return { text: text.trim() || phrasesIn(language).cannotTransfer, action: null };
}
