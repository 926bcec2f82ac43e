import { readConfig } from "./config.ts";
import { createLogger } from "./http/log.ts";
import { consumeReconciliation } from "./reconciliation/consume.ts";
import type { ReconciliationMessage } from "./reconciliation/message.ts";
import { createServices } from "./services.ts";

// The queue of wrangler.toml. A test fails if this and wrangler.toml differ.
/** @internal */
export const RECONCILIATION = "nixflex-reconciliation";

/** @throws Error for an unknown queue; Cloudflare then delivers its messages again */
export async function consume(
  batch: MessageBatch<ReconciliationMessage>,
  env: Env,
  context: Pick<ExecutionContext, "waitUntil">,
): Promise<void> {
  const log = createLogger({ queue: batch.queue });
  const services = createServices(env, readConfig(env), log, (work) => context.waitUntil(work));
  if (batch.queue !== RECONCILIATION)
    throw new Error(`no consumer for the queue "${batch.queue}"; src/queues.ts and wrangler.toml disagree`);
  return consumeReconciliation(batch.messages, services);
}
