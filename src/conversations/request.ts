import type { Message, ModelRequest } from "../model/model.ts";
import { builtinTools, shownTool } from "../tools/builtin.ts";
import { isToolTurn, messagesOf, type ToolTurn } from "../tools/call.ts";
import type { ToolDefinition } from "../tools/definition.ts";
import { isE164 } from "../twilio/e164.ts";
import type { State, Turn } from "./state.ts";

// What the model is asked. The customer's prompt and the caller's words are its data; nothing in them is acted on here.

const ON_THE_PHONE =
  "You are speaking on the telephone, and your words are read aloud. Answer in one to three short sentences, without " +
  "lists, markdown, emojis or web addresses. Say numbers and times as they are spoken. Ask one question at a time. If you " +
  "do not know something, say so. Speak the caller's language.";
const BY_TEXT =
  "You are answering a text message. Answer in one to three short sentences of plain text. If you do not know something, " +
  "say so. Write in the sender's language.";

// Strict servers want a conversation that the user begins and ends, and between what a tool answers and the user's next words
// some of the assistant's: https://docs.mistral.ai/api/ and many templates of open models.
const BEGINS = "(The call has been answered.)";
const SILENT = "(Nothing was said.)";
const WENT_ON = "(The other side went on before I could say what came of it.)";

// Enough to know what was talked about; what is older is left out.
const MAX_MESSAGES = 40;

export type Asked = {
  systemPrompt: string | null;
  turns: readonly (Pick<Turn, "role" | "text"> | ToolTurn)[];
  maxTokens: number;
  /** The customer's own. */
  tools: readonly ToolDefinition[];
  /** On the telephone: what is known of the call, and whom it may be transferred to. Without it, it is a text. */
  call?: { facts?: string; transferNumbers: readonly string[] };
};

/** What the model is asked next in a call. */
export function callRequest({ opening, turns }: State): ModelRequest {
  const { agent, from, phoneNumber, isOutbound } = opening;
  const { systemPrompt, talk } = agent;
  // Who calls by SIP chooses the text.
  const other = isE164(from) ? from : "unknown";
  const facts = isOutbound
    ? `You have called ${other}; the number that you call from is ${phoneNumber}.`
    : `The caller's number is ${other}; the number that was called is ${phoneNumber}.`;
  const call = { facts, transferNumbers: talk.transfer_numbers };
  return requestOf({ systemPrompt, turns, maxTokens: talk.max_tokens_per_turn, tools: talk.tools, call });
}

export function requestOf({ systemPrompt, turns, maxTokens, tools, call }: Asked): ModelRequest {
  const content = [systemPrompt, call ? ON_THE_PHONE : BY_TEXT, call?.facts].filter(Boolean).join("\n\n");
  return {
    messages: [{ role: "system", content }, ...alternating(turns.slice(-MAX_MESSAGES))],
    tools: [...(call ? builtinTools(call.transferNumbers) : []), ...tools.map(shownTool)],
    maxTokens,
  };
}

/** User and assistant in turns, the user first and last; what tools answer stands behind the call of them. */
function alternating(turns: Asked["turns"]): Message[] {
  const messages: Message[] = [];
  for (const turn of turns) {
    const role = turn.role === "caller" ? "user" : "assistant";
    const last = messages.at(-1);
    if (!last && role === "assistant") messages.push({ role: "user", content: BEGINS });
    if (last?.role === "tool" && role === "user") messages.push({ role: "assistant", content: WENT_ON });
    if (isToolTurn(turn)) messages.push(...messagesOf(turn.call));
    else if (last?.role === role) last.content += `\n${turn.text}`;
    else messages.push({ role, content: turn.text });
  }
  const last = messages.at(-1)?.role;
  if (last !== "user" && last !== "tool") messages.push({ role: "user", content: last ? SILENT : BEGINS });
  return messages;
}
