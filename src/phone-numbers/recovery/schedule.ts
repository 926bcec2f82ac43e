import type { Services } from "../../services.ts";
import { findUnfinishedAccounts } from "./store.ts";

// Cloudflare Queues takes at most 100 messages in one batch. https://developers.cloudflare.com/queues/platform/limits/
const MESSAGES_AT_ONCE = 100;
const MAX_ROWS_PER_RUN = 500;

/**
 * Sends a message for each account with unfinished imports or releases. For the cron; bounded work.
 *
 * @throws StorageError
 */
export async function scheduleRecovery({ db, queues, log, now }: Services): Promise<void> {
  const accounts = await findUnfinishedAccounts(db, now().toISOString(), MAX_ROWS_PER_RUN);
  const messages = accounts.map((account) => ({ body: { kind: "recover", ...account } as const }));
  for (let start = 0; start < messages.length; start += MESSAGES_AT_ONCE) {
    await queues.reconciliation.sendBatch(messages.slice(start, start + MESSAGES_AT_ONCE));
  }
  if (accounts.length > 0) log.warn("recovery_scheduled", { accounts: accounts.length });
}
