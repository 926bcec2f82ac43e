import type { Message, ModelRequest, Tool } from "../model/model.ts";
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

// Strict servers want a conversation that the user begins and ends: https://docs.mistral.ai/api/ and many templates of
// open models.
const BEGINS = "(The call has been answered.)";
const SILENT = "(Nothing was said.)";

// Enough to know what was talked about; what is older is left out.
const MAX_MESSAGES = 40;

export type Asked = {
  systemPrompt: string | null;
  turns: readonly Pick<Turn, "role" | "text">[];
  maxTokens: number;
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
  return requestOf({ systemPrompt, turns, maxTokens: talk.max_tokens_per_turn, call });
}

export function requestOf({ systemPrompt, turns, maxTokens, call }: Asked): ModelRequest {
  const content = [systemPrompt, call ? ON_THE_PHONE : BY_TEXT, call?.facts].filter(Boolean).join("\n\n");
  return {
    messages: [{ role: "system", content }, ...alternating(turns.slice(-MAX_MESSAGES))],
    tools: call ? toolsOf(call.transferNumbers) : [],
    maxTokens,
  };
}

/** User and assistant in turns, the user first and last. */
function alternating(turns: Asked["turns"]): Message[] {
  const messages: Message[] = [];
  for (const { role: by, text } of turns) {
    const role = by === "caller" ? "user" : "assistant";
    const last = messages.at(-1);
    if (last?.role === role) last.content += `\n${text}`;
    else if (messages.length === 0 && role === "assistant")
      messages.push({ role: "user", content: BEGINS }, { role, content: text });
    else messages.push({ role, content: text });
  }
  if (messages.at(-1)?.role !== "user")
    messages.push({ role: "user", content: messages.length === 0 ? BEGINS : SILENT });
  return messages;
}

function toolsOf(transferNumbers: readonly string[]): Tool[] {
  const end: Tool = {
    name: "end_call",
    description: "Ends the call. Say goodbye first. Use it once the caller has nothing more to say.",
    parameters: { type: "object", properties: {} },
  };
  if (transferNumbers.length === 0) return [end];
  const transfer: Tool = {
    name: "transfer_call",
    description: "Puts the caller through to a person. Say so first.",
    parameters: {
      type: "object",
      properties: { number: { type: "string", enum: [...transferNumbers] } },
      required: ["number"],
    },
  };
  return [end, transfer];
}

export type ToolPlan = { kind: "end" } | { kind: "transfer"; to: string } | { kind: "refuse" };

/** What follows from a tool that the model called. Only the agent's own numbers can be reached, whatever was said. */
export function planTool(
  call: { name: string; arguments: Record<string, unknown> },
  transferNumbers: readonly string[],
): ToolPlan {
  if (call.name === "end_call") return { kind: "end" };
  if (call.name !== "transfer_call") return { kind: "refuse" };
  const { number } = call.arguments;
  // A model that names none means the only one there is.
  const wanted = number === undefined && transferNumbers.length === 1 ? transferNumbers[0] : number;
  const to = transferNumbers.find((candidate) => candidate === wanted);
  return to === undefined ? { kind: "refuse" } : { kind: "transfer", to };
}
