import { cut } from "../cut.ts";
import { type EventNumber, named } from "../events/event.ts";
import { postEvent } from "../events/post.ts";
import { signingSecrets } from "../events/secret.ts";
import { findSecret } from "../events/secret-store.ts";
import { signedHeaders } from "../events/signature.ts";
import type { BaseServices } from "../http/base-services.ts";
import { errorFields } from "../http/log.ts";
import { newId } from "../ids.ts";
import type { Message } from "../model/model.ts";
import { isPublicUrl } from "../public-url.ts";
import type { ToolDefinition } from "./definition.ts";

/** A tool that the model called. Plain data; it stands in the state of its conversation. */
export type ToolCall = {
  id: string;
  name: string;
  /** JSON of an object. */
  arguments: string;
  /** What the model is told of it; null until it is known, and for ever if it was lost with a restart. */
  result: string | null;
};

/** A call among what was said. It stands right behind what it was called for. */
export type ToolTurn = { role: "tool"; at: string; call: ToolCall };

export const isToolTurn = (turn: { role: string }): turn is ToolTurn => turn.role === "tool";

/** A call begins, or its result is known. @param at when it was said what it is called for */
export function noted<Turn extends { role: string; at: string }>(
  turns: readonly (Turn | ToolTurn)[],
  call: ToolCall,
  at: string,
): (Turn | ToolTurn)[] {
  const turn: ToolTurn = { role: "tool", at, call };
  const known = turns.findIndex((one) => isToolTurn(one) && one.call.id === call.id);
  if (known >= 0) return turns.with(known, turn);
  return turns.toSpliced(turns.findLastIndex((one) => one.at <= at) + 1, 0, turn);
}

/** What it is called for. */
export type Occasion = {
  number: Omit<EventNumber, "id"> | null;
  agent_id: string;
  call_id?: string;
  message_id?: string;
  direction: "inbound" | "outbound" | null;
  from: string | null;
  to: string | null;
  dry_run?: true;
};

const NO_NUMBER = { phone_number: null, external_id: null, label: null, metadata: null };

export type ToolServices = BaseServices & {
  ownAddresses: readonly string[];
  delivery: { allowLocal: boolean };
};

const MAX_DATA_LENGTH = 4_000;
// A character has four bytes at most.
const MAX_DATA_BYTES = 4 * MAX_DATA_LENGTH + 4;

const UNKNOWN =
  "The outcome is unknown: it may have been done or not. Do not call it again for the same; say that it could not be confirmed.";
export const NOT_SENT = "It failed: it could not be called. Nothing was done.";

/**
 * Calls a tool by one signed POST, which is never repeated.
 *
 * @returns what the model is told
 */
export async function callTool(
  { url, timeout_seconds }: ToolDefinition,
  call: ToolCall,
  apiKeyId: string,
  { number, ...occasion }: Occasion,
  services: ToolServices,
): Promise<string> {
  const { db, now, log, ownAddresses: ownUrls, delivery } = services;
  const about = { agent_id: occasion.agent_id, tool_call_id: call.id };
  const body = JSON.stringify({
    event: "tool.call",
    event_id: newId("event"),
    created_at: now().toISOString(),
    tool_call_id: call.id,
    tool: call.name,
    arguments: JSON.parse(call.arguments),
    ...(number ? named(number) : NO_NUMBER),
    ...occasion,
  });
  let signed: Record<string, string>;
  try {
    // It was checked when it was set; this deployment's address and its rules may have changed since.
    if (!isPublicUrl(url, { protocol: "https:", ownUrls, allowLocal: delivery.allowLocal }))
      throw new Error("The tool's URL is not allowed");
    const stored = await findSecret(db, apiKeyId);
    const none = { secret_sealed: null, previous_secret_sealed: null };
    signed = await signedHeaders(
      await signingSecrets(apiKeyId, stored ?? none, services),
      call.id,
      body,
      now(),
    );
  } catch (error) {
    log.warn("tool_not_called", { ...about, ...errorFields(error) });
    return NOT_SENT;
  }
  const answer = await postEvent(url, body, signed, timeout_seconds * 1_000, MAX_DATA_BYTES);
  log.info("tool_called", { ...about, ...("error" in answer ? answer : { http_status: answer.httpStatus }) });
  return toldOf(answer);
}

/** What the model is told of an answer. */
function toldOf(answer: Awaited<ReturnType<typeof postEvent>>): string {
  if ("error" in answer)
    return answer.error === "timeout" ? UNKNOWN : `It failed: the connection broke. ${UNKNOWN}`;
  const { httpStatus, type, body } = answer;
  if (httpStatus < 200 || httpStatus > 299) return `It failed: the server answered ${httpStatus}.`;
  if (body.length === 0) return "It was done. The server says nothing more.";
  if (!/^(?:text\/|application\/(?:[\w.-]+\+)?json\b)/i.test(type))
    return "It was done. The server's answer is neither text nor JSON.";
  const text = new TextDecoder().decode(body);
  const data = cut(text, MAX_DATA_LENGTH);
  return data === text ? text : `${data}\n(The rest is cut off.)`;
}

/** A call as the model remembers it. @param said what it said before it called */
export function messagesOf({ id, name, arguments: given, result }: ToolCall, said = ""): Message[] {
  // Mistral takes ids of nine letters and digits only.
  const short = id.slice(-9);
  const call = { id: short, type: "function", function: { name, arguments: given } };
  return [
    { role: "assistant", content: said, tool_calls: [call] },
    { role: "tool", tool_call_id: short, content: result ?? UNKNOWN },
  ];
}
