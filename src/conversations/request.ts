import type { Talk } from "../agents/schema.ts";
import type { Message, ModelRequest, Tool } from "../model/model.ts";
import type { State, Turn } from "./state.ts";

// What the model is asked. The customer's prompt and the caller's words are its data; nothing in them is acted on here.

const ON_THE_PHONE =
  "You are speaking on the telephone, and your words are read aloud. Answer in one to three short sentences, without " +
  "lists, markdown, emojis or web addresses. Say numbers and times as they are spoken. Ask one question at a time. If you " +
  "do not know something, say so. Speak the caller's language.";
const BY_TEXT =
  "You are answering a text message. Answer in one to three short sentences of plain text. If you do not know something, " +
  "say so. Write in the sender's language.";

// Enough to know what was talked about; what is older is left out.
const MAX_MESSAGES = 40;

/** What the model is asked next in a call. */
export function callRequest({ opening, turns }: State): ModelRequest {
  const { agent, from, phoneNumber, isOutbound } = opening;
  const { talk } = agent;
  const facts = isOutbound
    ? `You have called ${from}; the number that you call from is ${phoneNumber}.`
    : `The caller's number is ${from || "unknown"}; the number that was called is ${phoneNumber}.`;
  return {
    messages: [system(agent.systemPrompt, ON_THE_PHONE, facts), ...turns.slice(-MAX_MESSAGES).map(message)],
    tools: toolsOf(talk.transfer_numbers),
    maxTokens: talk.max_tokens_per_turn,
  };
}

/** The same for a conversation that somebody types to hear how the agent talks. */
export function tryRequest(
  agent: { systemPrompt: string | null; talk: Pick<Talk, "transfer_numbers" | "max_tokens_per_turn"> },
  turns: readonly Pick<Turn, "role" | "text">[],
): ModelRequest {
  return {
    messages: [system(agent.systemPrompt, ON_THE_PHONE), ...turns.slice(-MAX_MESSAGES).map(message)],
    tools: toolsOf(agent.talk.transfer_numbers),
    maxTokens: agent.talk.max_tokens_per_turn,
  };
}

/** The same for a text. */
export function textRequest(
  agent: { systemPrompt: string | null; talk: { max_tokens_per_turn: number } },
  turns: readonly Pick<Turn, "role" | "text">[],
): ModelRequest {
  return {
    messages: [system(agent.systemPrompt, BY_TEXT), ...turns.slice(-MAX_MESSAGES).map(message)],
    tools: [],
    maxTokens: agent.talk.max_tokens_per_turn,
  };
}

function system(prompt: string | null, ...ours: string[]): Message {
  return { role: "system", content: [prompt, ...ours].filter(Boolean).join("\n\n") };
}

function message({ role, text }: Pick<Turn, "role" | "text">): Message {
  return { role: role === "caller" ? "user" : "assistant", content: text };
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
