import { Agent, type IncomingHttpHeaders, request } from "node:http";

export type HttpRequest = {
  url: string;
  method?: "GET" | "POST" | "DELETE";
  headers?: Record<string, string>;
  body?: string;
};
export type HttpAnswer = { status: number; headers: IncomingHttpHeaders; body: string };

const MAX_CONNECTIONS = 256;

// Node's own client and not `fetch`: it costs half as much, and the cores are shared with what is measured.
const agent = new Agent({ keepAlive: true, maxSockets: MAX_CONNECTIONS, scheduling: "fifo" });

/** One request over kept connections. @throws Error where there is no answer */
export function send({ url, method = "POST", headers = {}, body = "" }: HttpRequest): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const length = body === "" ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const outgoing = request(url, { method, headers: { ...headers, ...length }, agent }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (chunk: string) => {
        text += chunk;
      });
      incoming.on("end", () =>
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text }),
      );
      incoming.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** @throws Error where the answer is not of this status */
export async function sendExpecting(status: number, message: HttpRequest): Promise<string> {
  const answer = await send(message);
  if (answer.status !== status) {
    throw new Error(
      `${message.url} answered ${answer.status} and not ${status}: ${answer.body.slice(0, 300)}`,
    );
  }
  return answer.body;
}

export const json = { "content-type": "application/json" };

/** Closes what is kept open, so that the servers can end. */
export function closeConnections(): void {
  agent.destroy();
}
