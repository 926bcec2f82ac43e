import { errorFields } from "../http/log.ts";
import { recoverNumbers } from "../phone-numbers/recovery/recover.ts";
import type { Services } from "../services.ts";
import { checkDueAccounts } from "./check-due.ts";
import type { ReconciliationMessage } from "./message.ts";

// Longer than the lease of a check that died. A running check has often ended by then.
const RETRY_SECONDS = 120;

/** The consumer of the reconciliation queue. If work fails, the queue retries it, and after that the cron does. */
export async function consumeReconciliation(
  messages: readonly Message<ReconciliationMessage>[],
  services: Services,
): Promise<void> {
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
async function work(body: ReconciliationMessage, services: Services): Promise<boolean> {
  if (body.kind !== "check_due") return recoverNumbers(body, services);
  await checkDueAccounts(body.until, services);
  return true;
}
