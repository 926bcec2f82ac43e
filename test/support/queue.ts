import { RECONCILIATION } from "../../src/queues.ts";
import type { ReconciliationMessage } from "../../src/reconciliation/message.ts";

const waiting = new Map<string, ReconciliationMessage[]>();
let isDown = false;

/** Keeps messages until a test delivers them; otherwise the runtime decides when. */
function watchedQueue(name: string): Queue<never> {
  const keep = (body: ReconciliationMessage) => waiting.set(name, [...queued(name), body]);
  return {
    send: async (body: ReconciliationMessage) => {
      if (isDown) throw new Error("Queue send failed: internal error");
      keep(body);
    },
    sendBatch: async (messages: Iterable<{ body: ReconciliationMessage }>) => {
      if (isDown) throw new Error("Queue sendBatch failed: internal error");
      for (const { body } of messages) keep(body);
    },
  } as unknown as Queue<never>;
}

export const watchedQueues = {
  RECONCILIATION: watchedQueue(RECONCILIATION) as Queue,
};

export function startQueue(): void {
  waiting.clear();
  isDown = false;
}

/** Makes the queues refuse messages, or accept them again. */
export function breakQueue(broken = true): void {
  isDown = broken;
}

/** The messages that wait in a queue. */
export function queued(name = RECONCILIATION): readonly ReconciliationMessage[] {
  return waiting.get(name) ?? [];
}

/** Takes all waiting messages out of a queue. */
export function takeQueued(name = RECONCILIATION): ReconciliationMessage[] {
  const taken = [...queued(name)];
  waiting.delete(name);
  return taken;
}

export function enqueueIn(name: string, ...messages: ReconciliationMessage[]): void {
  waiting.set(name, [...queued(name), ...messages]);
}
