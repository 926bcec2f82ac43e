import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pause } from "./pause.ts";

const MIB = 2 ** 20;

export type Heap = {
  /** What the isolate holds, garbage included, in MiB. */
  used: () => Promise<number>;
  close: () => void;
};

type HeapUsage = { usedSize: number; embedderHeapUsedSize?: number; backingStorageSize?: number };

/**
 * Looks into an isolate by way of its inspector.
 * https://chromedevtools.github.io/devtools-protocol/v8/Runtime/#method-getHeapUsage
 */
export async function openHeap(inspectorUrl: URL): Promise<Heap> {
  const socket = new WebSocket(String(inspectorUrl));
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", () => reject(new Error(`no inspector at ${inspectorUrl}`)));
  });
  const waiting = new Map<number, (usage: HeapUsage) => void>();
  let asked = 0;
  const send = (method: string) => {
    asked += 1;
    socket.send(JSON.stringify({ id: asked, method }));
    return asked;
  };
  socket.addEventListener("message", ({ data }) => {
    const { id, result } = JSON.parse(String(data)) as { id?: number; result?: HeapUsage };
    if (id === undefined || !result) return;
    waiting.get(id)?.(result);
    waiting.delete(id);
  });
  return {
    async used() {
      // What the Worker logs is kept for as long as somebody inspects it, and is no memory of its own.
      send("Runtime.discardConsoleEntries");
      const id = send("Runtime.getHeapUsage");
      const answer = new Promise<HeapUsage>((resolve) => waiting.set(id, resolve));
      const { usedSize, embedderHeapUsedSize = 0, backingStorageSize = 0 } = await answer;
      return (usedSize + embedderHeapUsedSize + backingStorageSize) / MIB;
    },
    close: () => socket.close(),
  };
}

const SAMPLE_EVERY_MS = 5;

/** The most that is read while the work goes on. */
export async function peakDuring(
  read: () => number | Promise<number>,
  work: () => Promise<void>,
): Promise<number> {
  let isDone = false;
  let peak = await read();
  const sampling = (async () => {
    while (!isDone) {
      peak = Math.max(peak, await read());
      await pause(SAMPLE_EVERY_MS);
    }
  })();
  try {
    await work();
  } finally {
    isDone = true;
  }
  await sampling;
  return peak;
}

/** A place that a Worker asks when it wants its heap looked at. */
export async function openProbe(read: () => Promise<number>) {
  const seen: number[] = [];
  const server = createServer(async (_, response) => {
    seen.push(await read());
    response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: seen as readonly number[],
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
