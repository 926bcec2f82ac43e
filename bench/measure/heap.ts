import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";

const SAMPLE_EVERY_MS = 10;
const MIB = 2 ** 20;

type HeapUsage = { usedSize: number; embedderHeapUsedSize?: number; backingStorageSize?: number };

/**
 * Looks into an isolate while work goes on, again and again, each time after its garbage was collected.
 * https://chromedevtools.github.io/devtools-protocol/v8/Runtime/#method-getHeapUsage
 *
 * @returns what it held each time, in MiB
 */
export async function heapDuring(inspector: URL, work: Promise<unknown>): Promise<number[]> {
  const socket = new WebSocket(String(inspector));
  await once(socket, "open");
  let answered = (_: HeapUsage) => {};
  socket.addEventListener("message", ({ data }) => {
    const { id, result } = JSON.parse(String(data));
    if (id === 1) answered(result); // What has no id is an event.
  });
  const ask = (method: string) =>
    new Promise<HeapUsage>((resolve) => {
      answered = resolve;
      socket.send(JSON.stringify({ id: 1, method }));
    });

  const seen: number[] = [];
  let isDone = false;
  const done = work.finally(() => {
    isDone = true;
  });
  while (!isDone) {
    // What the Worker logs is kept for as long as somebody inspects it, and is no memory of its own.
    await ask("Runtime.discardConsoleEntries");
    await ask("HeapProfiler.collectGarbage");
    const { usedSize, embedderHeapUsedSize = 0, backingStorageSize = 0 } = await ask("Runtime.getHeapUsage");
    seen.push((usedSize + embedderHeapUsedSize + backingStorageSize) / MIB);
    await pause(SAMPLE_EVERY_MS);
  }
  socket.close();
  await done;
  return seen;
}
