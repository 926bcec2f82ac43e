import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const MIB = 2 ** 20;

type HeapUsage = { usedSize: number; embedderHeapUsedSize?: number; backingStorageSize?: number };
export type HeapProbe = Awaited<ReturnType<typeof openHeapProbe>>;

/**
 * A place that a Worker asks when it wants its heap looked at, by way of its inspector.
 * https://chromedevtools.github.io/devtools-protocol/v8/Runtime/#method-getHeapUsage
 */
export async function openHeapProbe() {
  /** What the isolate held each time, in MiB. */
  const seen: number[] = [];
  const waiting = new Map<number, (usage: HeapUsage) => void>();
  let socket: WebSocket | undefined;
  let asked = 0;
  const ask = (method: string) => {
    asked += 1;
    socket?.send(JSON.stringify({ id: asked, method }));
    return new Promise<HeapUsage>((resolve) => waiting.set(asked, resolve));
  };
  const server = createServer(async (_, response) => {
    // What the Worker logs is kept for as long as somebody inspects it, and is no memory of its own.
    await ask("Runtime.discardConsoleEntries");
    const { usedSize, embedderHeapUsedSize = 0, backingStorageSize = 0 } = await ask("Runtime.getHeapUsage");
    seen.push((usedSize + embedderHeapUsedSize + backingStorageSize) / MIB);
    response.writeHead(204).end();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async watch(inspector: URL): Promise<void> {
      socket = new WebSocket(String(inspector));
      socket.addEventListener("message", ({ data }) => {
        const { id, result } = JSON.parse(String(data));
        waiting.get(id)?.(result);
        waiting.delete(id);
      });
      await once(socket, "open");
    },
    close() {
      socket?.close();
      server.close();
      server.closeAllConnections();
    },
  };
}
