import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

// The servers of all customers, in a process of its own. The path says how one behaves: /fast, /slow or /hang.

const SLOW_MS = 100;

/** When each text, or event of a call, arrived first, in milliseconds since 1970. */
let arrivals = new Map<string, number>();

const server = createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (chunk: string) => {
    body += chunk;
  });
  request.on("end", async () => {
    if (request.url?.startsWith("/hang")) return;
    const { message_id, call_id, event } = JSON.parse(body);
    const what = message_id ?? (call_id && `${call_id}/${event}`);
    if (what && !arrivals.has(what)) arrivals.set(what, Date.now());
    if (request.url?.startsWith("/slow")) await pause(SLOW_MS);
    response.writeHead(204).end();
  });
});

const commands = {
  count: () => arrivals.size,
  /** What arrived since the last time. */
  take(): [what: string, at: number][] {
    const taken = [...arrivals];
    arrivals = new Map();
    return taken;
  },
};

export type CustomerCommands = typeof commands;

process.on("message", ({ id, name }: { id: number; name: keyof CustomerCommands }) => {
  process.send?.({ id, result: commands[name]() });
});
// A connection that is closed while the Worker uses it again would cost an event a minute.
server.keepAliveTimeout = 600_000;
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  process.send?.({ url: `http://127.0.0.1:${port}`, names: Object.keys(commands) });
});
process.on("disconnect", () => process.exit(0));
