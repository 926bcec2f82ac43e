import * as z from "zod/mini";
import { DIALABLE } from "../agents/connect-schema.ts";
import { agentFields, text, variables } from "../agents/schema.ts";
import { type AgentRow, findAgent } from "../agents/store.ts";
import { cut } from "../cut.ts";
import { StorageError } from "../database.ts";
import { postEvent } from "../events/post.ts";
import { satisfies } from "../http/schema.ts";

// A customer is asked what becomes of a call or a text, before it is answered. Imported when one is asked: most never are.

/** Signed, and ready to be sent. */
export type Question = {
  url: string;
  body: string;
  headers: Record<string, string>;
  timeoutMs: number;
  apiKeyId: string;
};

const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_VARIABLES_LENGTH = 4 * 1024;
const MAX_FIELD_LENGTH = 100;

/** @internal */
export const answerSchema = z.partial(
  z.object({
    agent_id: text(64),
    custom_prompt: text(8_000),
    welcome_message: agentFields.welcome_message.schema,
    voice_id: agentFields.voice_id.schema,
    language: agentFields.language.schema,
    dynamic_vars: variables.check(satisfies((all) => JSON.stringify(all).length <= MAX_VARIABLES_LENGTH)),
    transfer_to: z.string().check(z.regex(DIALABLE)),
    reject: z.enum(["busy", "rejected"]),
  }),
);

type Answer = z.output<typeof answerSchema>;

/** What the customer has said, with the agent that was named; or why nothing of it counts. */
export type Asked = Said | Fault;
export type Said = { answer: Answer; agent: AgentRow | null };
export type Fault = { fault: string; http_status?: number; field?: string };

/** Asks once. An answer counts as a whole or not at all. Never throws. */
export async function askCustomer(question: Question, db: D1Database): Promise<Asked> {
  const { url, body, headers, timeoutMs, apiKeyId } = question;
  const said = await postEvent(url, body, headers, timeoutMs, MAX_ANSWER_BYTES + 1);
  if ("error" in said) return { fault: said.error };
  // A redirect too: nobody has validated its target.
  if (said.httpStatus !== 200) return { fault: "http_error", http_status: said.httpStatus };
  if (said.body.length > MAX_ANSWER_BYTES) return { fault: "answer_too_large" };
  const parsed = answerSchema.safeParse(readJson(said.body));
  if (!parsed.success)
    return {
      fault: "invalid_answer",
      field: cut(parsed.error.issues[0]?.path.join(".") ?? "", MAX_FIELD_LENGTH),
    };
  const answer = parsed.data;
  if (answer.agent_id === undefined) return { answer, agent: null };
  try {
    const agent = await findAgent(db, apiKeyId, answer.agent_id);
    if (agent?.is_active === 1) return { answer, agent };
    return { fault: agent ? "agent_inactive" : "agent_not_found", field: "agent_id" };
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    return { fault: "agent_not_read", field: "agent_id" };
  }
}

/** null counts as absent, as everywhere in this API. */
function readJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body), (_, value) => (value === null ? undefined : value));
  } catch {
    return undefined;
  }
}
