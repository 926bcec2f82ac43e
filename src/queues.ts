import { readConfig } from "./config.ts";
import { createLogger, errorFields } from "./http/log.ts";
import { callObject, createObjects } from "./objects.ts";
import { recoverNumbers } from "./phone-numbers/recovery/recover.ts";
import { checkDueAccounts } from "./reconciliation/check-due.ts";
import { MAX_CHECKERS } from "./reconciliation/schedule.ts";
import { createServices } from "./services.ts";
import type { WorkMessage } from "./twilio-accounts/work-message.ts";

// The queue of wrangler.toml. A test fails if this and wrangler.toml differ.
/** @internal */
export const RECONCILIATION = "nixflex-reconciliation";

// Longer than the lease of a check that died. A running check has often ended by then.
const RETRY_SECONDS = 120;

/**
 * Has each message worked off by an object near D1 and Twilio. If work fails, the queue retries it, and after that the cron
 * does.
 *
 * @throws Error for an unknown queue; Cloudflare then delivers its messages again
 */
export async function consume(batch: MessageBatch<WorkMessage>, env: Env): Promise<void> {
  const log = createLogger({ queue: batch.queue });
  const objects = createObjects(env, readConfig(env));
  if (batch.queue.replace(/-staging$/, "") !== RECONCILIATION)
    throw new Error(`no consumer for the queue "${batch.queue}"; src/queues.ts and wrangler.toml disagree`);
  for (const message of batch.messages) {
    const open = () => objects.background(Math.floor(Math.random() * MAX_CHECKERS));
    // It may be at work although its answer is lost; the leases know.
    const isDone = await callObject(open, (object) => object.work(message.body), false).catch(
      (error: unknown) => {
        log.warn("reconciliation_postponed", { kind: message.body.kind, ...errorFields(error) });
        return false;
      },
    );
    if (isDone) message.ack();
    else message.retry({ delaySeconds: RETRY_SECONDS });
  }
}

/** @returns false if it failed, or must wait for work on the same account */
export async function work(
  message: WorkMessage,
  env: Env,
  context: Pick<ExecutionContext, "waitUntil">,
): Promise<boolean> {
  const log = createLogger({ queue: RECONCILIATION });
  try {
    const services = createServices(env, readConfig(env), log, (work) => context.waitUntil(work));
    if (message.kind === "recover") return await recoverNumbers(message, services);
    await checkDueAccounts(message.until, services);
    return true;
  } catch (error) {
    log.warn("reconciliation_postponed", { kind: message.kind, ...errorFields(error) });
    return false;
  }
}
