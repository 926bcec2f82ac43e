import { errorFields } from "../http/log.ts";
import { checkAccount } from "./check.ts";
import type { ReconciliationMessage, ReconciliationServices } from "./message.ts";
import { settleUnfinished } from "../phone-numbers/recovery/recover.ts";

// Longer than the lease of one that died; by then another that is at work has often ended.
const RETRY_SECONDS = 120;

/** The consumer of the queue of reconciliation. What fails is done again by the queue, and after that by the cron. */
export async function consumeReconciliation(
  messages: readonly Message<ReconciliationMessage>[],
  services: ReconciliationServices,
): Promise<void> {
  for (const message of messages) {
    const { body } = message;
    try {
      const work = body.kind === "check" ? checkAccount : settleUnfinished;
      if (await work(body, services)) message.ack();
      else message.retry({ delaySeconds: RETRY_SECONDS });
    } catch (error) {
      services.log.warn("reconciliation_postponed", { kind: body.kind, ...errorFields(error) });
      message.retry({ delaySeconds: RETRY_SECONDS });
    }
  }
}
