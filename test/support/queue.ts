import type { EventMessage } from "../../src/events/outbox.ts";

let waiting: EventMessage[] = [];
let isDown = false;

/** Messages are kept here until a test delivers them, instead of whenever the runtime pleases. */
export const watchedQueue = {
  send: async (body: EventMessage) => {
    if (isDown) throw new Error("Queue send failed: internal error");
    waiting.push(body);
  },
  sendBatch: async (messages: Iterable<{ body: EventMessage }>) => {
    if (isDown) throw new Error("Queue sendBatch failed: internal error");
    for (const { body } of messages) waiting.push(body);
  },
} as unknown as Queue<EventMessage>;

export function startQueue(): void {
  waiting = [];
  isDown = false;
}

/** From now on the queue takes nothing, or it does again. */
export function breakQueue(broken = true): void {
  isDown = broken;
}

/** The messages that wait in the queue. */
export function queued(): readonly EventMessage[] {
  return waiting;
}

/** Takes all waiting messages out of the queue. */
export function takeQueued(): EventMessage[] {
  const taken = waiting;
  waiting = [];
  return taken;
}

export function enqueue(...messages: EventMessage[]): void {
  waiting.push(...messages);
}
