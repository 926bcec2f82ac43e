import { connectOf, isBuiltin } from "../agents/connect.ts";
import { told } from "../agents/fill.ts";
import { phrasesIn } from "../agents/phrases.ts";
import type { AgentRow } from "../agents/store.ts";
import { requestOf } from "../conversations/request.ts";
import { ApiError } from "../http/errors.ts";
import { errorFields } from "../http/log.ts";
import { type Model, ModelError } from "../model/model.ts";
import { type Settings, speakingOf } from "../phone-numbers/settings.ts";
import { planTool, type ToolPlan } from "../tools/builtin.ts";
import { callTool, type Occasion, type ToolServices } from "../tools/call.ts";
import { NO_PHRASES } from "../tools/take-turn.ts";
import { takeTurnWithTools } from "../tools/turn.ts";
import type { TryBody } from "./schema.ts";

/** There is no call, nor anybody who calls. */
const NOBODY = { direction: null, from: null, to: null, dry_run: true } as const;

/** What an agent says next, and what it would do after that in a call. */
export type Tried = { text: string; action: Exclude<ToolPlan, { kind: "refuse" }> | null };

/**
 * One turn of a conversation that somebody types. Nothing is kept of it, and nothing is done but asking the model, and its
 * tools, which are told so.
 *
 * @param own what the number has of its own, as which it is tried
 * @param number that number, of which tools are told
 * @param begin called each time before the model is asked
 * @param spent called with the tokens that each answer took
 * @throws ApiError `agent_not_builtin`, `model_unavailable`
 */
export async function tryAgent(
  agent: AgentRow,
  own: Settings,
  { messages, system_prompt }: TryBody,
  {
    model,
    number,
    begin,
    spent,
    patienceMs,
    services,
  }: {
    model: Model | null;
    number: Occasion["number"];
    begin: () => Promise<void>;
    spent: (tokens: number) => void;
    patienceMs: number;
    services: ToolServices;
  },
): Promise<Tried> {
  const connect = connectOf(agent.connect);
  if (!isBuiltin(connect)) throw new ApiError("agent_not_builtin", { details: { connect: connect.type } });
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
  const options = {
    model,
    request: () =>
      requestOf({
        systemPrompt: told(systemPrompt, own.dynamic_vars ?? {}),
        turns: messages,
        maxTokens: talk.max_tokens_per_turn,
        tools: talk.tools,
        call: { transferNumbers: talk.transfer_numbers },
      }),
    signal: new AbortController().signal,
    patienceMs,
    maxCharacters: talk.max_characters_per_turn,
    phrases: NO_PHRASES,
    say: () => undefined,
    spent,
    onFailure: (error: unknown) => {
      if (!(error instanceof ModelError)) return;
      failure = error;
      services.log.warn("model_failed", { agent_id: agent.id, ...errorFields(error) });
    },
  };
  const result = await takeTurnWithTools(options, {
    tools: talk.tools,
    called: 0,
    take: async () => {
      await begin();
      return true;
    },
    note: async () => undefined,
    send: (definition, call) =>
      callTool(definition, call, agent.api_key_id, { ...NOBODY, number, agent_id: agent.id }, services),
  });
  const { text, tool, failure: reason } = result;
  if (reason) throw new ApiError("model_unavailable", { details: { reason }, cause: failure });
  const plan = tool && planTool(tool, talk.transfer_numbers);
  if (plan?.kind !== "refuse") return { text: text.trim(), action: plan };
  return { text: text.trim() || phrasesIn(language)[plan.why], action: null };
}
