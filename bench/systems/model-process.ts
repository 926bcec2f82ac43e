import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

// A language model of fixed latency, in a process of its own: after so many milliseconds it repeats what was said last.

const FIRST_TOKEN_MS = 100;

type ChatRequest = { messages: { role: string; content: string }[] };

// Who asks may hang up in the middle, as a caller's interruption makes the Worker do.
process.on("uncaughtException", () => undefined);

const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { messages } = JSON.parse(Buffer.concat(chunks).toString()) as ChatRequest;
  const said = messages.findLast(({ role }) => role === "user")?.content ?? "";
  await new Promise((resolve) => setTimeout(resolve, FIRST_TOKEN_MS));
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const content of ["You said: ", said]) {
    response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`);
  }
  response.end("data: [DONE]\n\n");
});
server.listen(0, "127.0.0.1", () => {
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, names: [] });
});
process.on("disconnect", () => process.exit(0));
