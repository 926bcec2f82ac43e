import { RECONCILIATION } from "../../src/queues.ts";
import type { WorkMessage } from "../../src/twilio-accounts/work-message.ts";

const waiting = new Map<string, WorkMessage[]>();
let isDown = false;

/** Keeps messages until a test delivers them; otherwise the runtime decides when. */
function watchedQueue(name: string): Queue<never> {
  const keep = (body: WorkMessage) => waiting.set(name, [...queued(name), body]);
  return {
    send: async (body: WorkMessage) => {
      if (isDown) throw new Error("Queue send failed: internal error");
      keep(body);
    },
    sendBatch: async (messages: Iterable<{ body: WorkMessage }>) => {
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
export function queued(name = RECONCILIATION): readonly WorkMessage[] {
  return waiting.get(name) ?? [];
}

/** Takes all waiting messages out of a queue. */
export function takeQueued(name = RECONCILIATION): WorkMessage[] {
  const taken = [...queued(name)];
  waiting.delete(name);
  return taken;
}

export function enqueueIn(name: string, ...messages: WorkMessage[]): void {
  waiting.set(name, [...queued(name), ...messages]);
}
