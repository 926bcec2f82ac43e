import { readConfig } from "./config.ts";
import { consumeFormer, type FormerMessage } from "./events/former.ts";
import { createLogger } from "./http/log.ts";
import { consumeReconciliation } from "./reconciliation/consume.ts";
import type { ReconciliationMessage } from "./reconciliation/message.ts";
import { createServices } from "./services.ts";

// The queues of wrangler.toml. A test fails if these and wrangler.toml differ.
/** @internal */
export const FORMER_EVENTS = "nixflex-events";
/** @internal */
export const FORMER_DEAD_LETTERS = "nixflex-events-dead-letters";
/** @internal */
export const RECONCILIATION = "nixflex-reconciliation";

export type QueueMessage = FormerMessage | ReconciliationMessage;

/** @throws Error for an unknown queue; Cloudflare then delivers its messages again */
export async function consume(
  batch: MessageBatch<QueueMessage>,
  env: Env,
  context: Pick<ExecutionContext, "waitUntil">,
): Promise<void> {
  const log = createLogger({ queue: batch.queue });
  const services = createServices(env, readConfig(env), log, (work) => context.waitUntil(work));
  // Each queue carries its own kind of message.
  switch (batch.queue) {
    case FORMER_EVENTS:
    case FORMER_DEAD_LETTERS:
      return consumeFormer(batch.messages as readonly Message<FormerMessage>[], services);
    case RECONCILIATION:
      return consumeReconciliation(batch.messages as readonly Message<ReconciliationMessage>[], services);
    default:
      throw new Error(`no consumer for the queue "${batch.queue}"; src/queues.ts and wrangler.toml disagree`);
  }
}
