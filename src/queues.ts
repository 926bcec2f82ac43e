import { readConfig } from "./config.ts";
import { createLogger, errorFields } from "./http/log.ts";
import { recoverNumbers } from "./phone-numbers/recovery/recover.ts";
import { checkDueAccounts } from "./reconciliation/check-due.ts";
import { createServices, type Services } from "./services.ts";
import type { WorkMessage } from "./twilio-accounts/work-message.ts";

// The queue of wrangler.toml. A test fails if this and wrangler.toml differ.
/** @internal */
export const RECONCILIATION = "nixflex-reconciliation";

/** @throws Error for an unknown queue; Cloudflare then delivers its messages again */
export async function consume(
  batch: MessageBatch<WorkMessage>,
  env: Env,
  context: Pick<ExecutionContext, "waitUntil">,
): Promise<void> {
  const log = createLogger({ queue: batch.queue });
  const services = createServices(env, readConfig(env), log, (work) => context.waitUntil(work));
  if (batch.queue.replace(/-staging$/, "") !== RECONCILIATION)
    throw new Error(`no consumer for the queue "${batch.queue}"; src/queues.ts and wrangler.toml disagree`);
  return consumeWork(batch.messages, services);
}

// Longer than the lease of a check that died. A running check has often ended by then.
const RETRY_SECONDS = 120;

/** If work fails, the queue retries it, and after that the cron does. */
async function consumeWork(messages: readonly Message<WorkMessage>[], services: Services): Promise<void> {
  for (const message of messages) {
    try {
      if (await work(message.body, services)) message.ack();
      else message.retry({ delaySeconds: RETRY_SECONDS });
    } catch (error) {
      services.log.warn("reconciliation_postponed", { kind: message.body.kind, ...errorFields(error) });
      message.retry({ delaySeconds: RETRY_SECONDS });
    }
  }
}

/** @returns false if it must wait for work on the same account */
async function work(message: WorkMessage, services: Services): Promise<boolean> {
  if (message.kind === "recover") return recoverNumbers(message, services);
  await checkDueAccounts(message.until, services);
  return true;
}
