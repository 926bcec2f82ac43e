import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import type { EventMessage } from "../../src/events/outbox.ts";
import worker from "../../src/index.ts";
import { EVENTS } from "../../src/queues.ts";
import { takeQueued } from "./queue.ts";
import { bindings } from "./worker.ts";

type Result = { explicitAcks: string[]; retryMessages: { msgId: string }[] };

type Delivered = { acked: EventMessage[]; retried: { message: EventMessage; delaySeconds: number }[] };

/**
 * Hands what waits in the queue to the consumer as one batch, in real `Message` objects, and says what became of each.
 * What it wants again is not put back: a test that means it says so by `enqueue`.
 */
export async function deliverQueued(
  queue = EVENTS,
  overrides: Partial<Env> = {},
  attempts = 1,
): Promise<Delivered> {
  const messages = takeQueued().map((body, index) => ({
    id: String(index),
    timestamp: new Date(),
    attempts,
    body,
  }));
  const batch = createMessageBatch<EventMessage>(queue, messages);
  const delays = new Map<string, number>();
  for (const message of batch.messages) {
    // The result does not say with which delay a message is wanted again.
    const retry = message.retry.bind(message);
    message.retry = (options) => {
      delays.set(message.id, options?.delaySeconds ?? 0);
      retry(options);
    };
  }
  const context = createExecutionContext();
  await worker.queue(batch, { ...bindings, ...overrides });
  const { explicitAcks, retryMessages } = (await getQueueResult(batch, context)) as Result;
  const bodyOf = (id: string) => messages[Number(id)]?.body as EventMessage;
  return {
    acked: explicitAcks.map(bodyOf),
    retried: retryMessages.map(({ msgId }) => ({
      message: bodyOf(msgId),
      delaySeconds: delays.get(msgId) ?? 0,
    })),
  };
}
