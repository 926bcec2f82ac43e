import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export type Asked = { method: string; path: string; headers: IncomingMessage["headers"]; body: unknown };

/** What is answered: a status with JSON or text, or no answer at all. */
export type Answer =
  | { status?: number; json?: unknown; text?: string; headers?: Record<string, string> }
  | "hang up";

/** A server that answers as the API's contract says, request by request. */
export async function startApiDouble(answer: (asked: Asked) => Answer) {
  const requests: Asked[] = [];
  const server = createServer(async (request, response) => {
    const body = await text(request);
    const { method = "", url = "", headers } = request;
    const asked = { method, path: url, headers, body: body === "" ? undefined : JSON.parse(body) };
    requests.push(asked);
    reply(response, answer(asked));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () => server.close(),
  };
}

function reply(response: ServerResponse, answer: Answer): void {
  if (answer === "hang up") {
    response.destroy();
    return;
  }
  const { status = 200, json, text: body = JSON.stringify(json), headers } = answer;
  response
    .writeHead(status, { connection: "close", "content-type": "application/json", ...headers })
    .end(body);
}
