import { Agent, request } from "node:http";

export type HttpRequest = {
  url: string;
  method?: "GET" | "POST" | "PATCH";
  headers?: Record<string, string>;
  body?: string;
};
export type HttpAnswer = { status: number; body: string };

// Node's own client and not `fetch`: it costs half as much, and the cores are shared with what is measured.
// Both servers close a connection that rests for five seconds, so that it must not be used again shortly before.
const agent = new Agent({ keepAlive: true, maxSockets: 256, scheduling: "fifo", timeout: 3_000 });

/** Closes the connections that rest: after a pause their servers have closed them, too. */
export const closeConnections = () => agent.destroy();

/** One request over kept connections. @throws Error if there is no answer */
export function send({ url, method = "POST", headers = {}, body = "" }: HttpRequest): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (chunk: string) => {
        text += chunk;
      });
      incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, body: text }));
      incoming.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** @returns the body @throws Error if the answer has another status */
export async function sendExpecting(status: number, message: HttpRequest): Promise<string> {
  const answer = await send(message);
  if (answer.status === status) return answer.body;
  throw new Error(`${message.url} answered ${answer.status} and not ${status}: ${answer.body.slice(0, 300)}`);
}

/** A POST of JSON. */
export function postOf(url: string, body: unknown, headers: Record<string, string> = {}): HttpRequest {
  return { url, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) };
}
