import { readConfig } from "./config.ts";
import { consumeFormer, type FormerMessage } from "./events/former.ts";
import { createLogger, errorFields } from "./http/log.ts";
import { recoverNumbers } from "./phone-numbers/recovery/recover.ts";
import { checkDueAccounts } from "./reconciliation/check-due.ts";
import { createServices, type Services } from "./services.ts";
import type { WorkMessage } from "./twilio-accounts/work-message.ts";

// The queues of wrangler.toml. A test fails if these and wrangler.toml differ.
/** @internal */
export const FORMER_EVENTS = "nixflex-events";
/** @internal */
export const FORMER_DEAD_LETTERS = "nixflex-events-dead-letters";
/** @internal */
export const RECONCILIATION = "nixflex-reconciliation";

export type QueueMessage = FormerMessage | WorkMessage;

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
      return consumeWork(batch.messages as readonly Message<WorkMessage>[], services);
    default:
      throw new Error(`no consumer for the queue "${batch.queue}"; src/queues.ts and wrangler.toml disagree`);
  }
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
