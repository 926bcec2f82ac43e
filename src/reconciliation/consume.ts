import { errorFields } from "../http/log.ts";
import { checkAccount } from "./check.ts";
import type { ReconciliationMessage, ReconciliationServices } from "./services.ts";
import { settleUnfinished } from "./unfinished.ts";

const RETRY_SECONDS = 60;

/** The consumer of the queue of reconciliation. What fails is done again by the queue, and after that by the cron. */
export async function consumeReconciliation(
  messages: readonly Message<ReconciliationMessage>[],
  services: ReconciliationServices,
): Promise<void> {
  for (const message of messages) {
    const { body } = message;
    try {
      if (body.kind === "check") await checkAccount(body, services);
      else await settleUnfinished(body.phoneNumber, body.apiKeyId, services);
      message.ack();
    } catch (error) {
      services.log.warn("reconciliation_postponed", { kind: body.kind, ...errorFields(error) });
      message.retry({ delaySeconds: RETRY_SECONDS });
    }
  }
}
