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
  requests.push((await request.clone().json()) as Record<string, unknown>);
  return answer(request);
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
