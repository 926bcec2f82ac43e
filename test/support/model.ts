import { REFUSED } from "../../src/model/openai-compatible.ts";
import { answerChat } from "../twilio-simulator/model.ts";

/** Where the model of the tests is. vitest.config.ts says so to the objects, which have an `env` of their own. */
export const MODEL_URL = "https://model.example/v1";

let isOn = false;
let variables: Record<string, string> = {};
let answer: (request: Request) => Promise<Response> | Response = answerChat;
let requests: Record<string, unknown>[] = [];

export function startModel(): void {
  REFUSED.clear();
  isOn = false;
  variables = {};
  answer = answerChat;
  requests = [];
}

/** The deployment of this test has a model: the simulator's, or one that answers as told. */
export function haveModel(answers: typeof answer = answerChat, more: Record<string, string> = {}): void {
  isOn = true;
  answer = answers;
  variables = more;
}

/** What the Worker's `env` says of it. */
export function modelVariables(): Record<string, string> {
  return isOn ? { MODEL_BASE_URL: MODEL_URL, MODEL: "scripted", ...variables } : {};
}

export async function askModel(request: Request): Promise<Response> {
  const body = (await request.clone().json()) as Record<string, unknown>;
  requests.push(body);
  const fault = faultOf(body.messages as ChatMessage[]);
  if (fault) return Response.json({ object: "error", message: fault, code: 3230 }, { status: 400 });
  return answer(request);
}

type ChatMessage = {
  role: string;
  content: string;
  tool_calls?: { id: string; function: { arguments: string } }[];
};

/**
 * What Mistral refuses of a conversation, and OpenAI does not: https://github.com/mistralai/mistral-vibe/issues/578 (a user
 * right behind a tool), https://github.com/jackmpcollins/magentic/issues/276 (ids of calls), https://docs.mistral.ai/api/.
 */
function faultOf(messages: readonly ChatMessage[]): string | undefined {
  const allowed: Record<string, string[]> = {
    system: ["user"],
    user: ["assistant"],
    assistant: ["user", "tool"],
    tool: ["tool", "assistant"],
  };
  let open: string[] = [];
  for (const [index, message] of messages.entries()) {
    const { role, tool_calls: calls = [] } = message;
    const before = messages[index - 1]?.role;
    if (before && !allowed[before]?.includes(role)) return `Unexpected role '${role}' after role '${before}'`;
    for (const { id, function: called } of calls) {
      if (!/^[A-Za-z0-9]{9}$/.test(id))
        return `Tool call id was ${id} but must be a-z, A-Z, 0-9, with a length of 9.`;
      JSON.parse(called.arguments);
    }
    if (role === "tool")
      open = open.filter((id) => id !== (message as { tool_call_id?: string }).tool_call_id);
    else if (open.length > 0) return "Not the same number of function calls and responses";
    open.push(...calls.map(({ id }) => id));
  }
  const last = messages.at(-1)?.role;
  return last === "user" || last === "tool" ? undefined : `Expected last role User or Tool but got ${last}`;
}

/** The bodies of the requests that the model has got so far. */
export function modelRequests(): Record<string, unknown>[] {
  return requests;
}

/** An answer in events, one piece of text each; what is no text is sent as it is. */
export function streamed(...pieces: (string | object)[]): Response {
  const events = pieces.map((piece) => {
    const delta = typeof piece === "string" ? { content: piece } : piece;
    return `data: ${JSON.stringify({ choices: [{ delta }] })}\n\n`;
  });
  return eventStream(`${events.join("")}data: [DONE]\n\n`);
}

export function eventStream(body: BodyInit): Response {
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}
