import { readConfig } from "./config.ts";
import { consumeDeadLetters, consumeEvents } from "./events/deliver.ts";
import type { EventMessage } from "./events/outbox.ts";
import { deliveryServices } from "./events/services.ts";
import { createLogger } from "./http/log.ts";

/** The queues of wrangler.toml. A test holds the two together. */
export const EVENTS = "nixflex-events";
export const EVENTS_DEAD_LETTERS = "nixflex-events-dead-letters";

/** @throws Error for a queue that is not ours; its messages are delivered again then */
export async function consume(batch: MessageBatch<EventMessage>, env: Env): Promise<void> {
  const log = createLogger({ queue: batch.queue });
  const services = deliveryServices(env, readConfig(env), log);
  switch (batch.queue) {
    case EVENTS:
      return consumeEvents(batch.messages, services);
    case EVENTS_DEAD_LETTERS:
      return consumeDeadLetters(batch.messages, services);
    default:
      throw new Error(`no consumer for the queue "${batch.queue}"; src/queues.ts and wrangler.toml disagree`);
  }
}
