import type { Services } from "../services.ts";
import { CHECK_INTERVAL_MS } from "../twilio-accounts/store.ts";
import { type DueCursor, findDueAccounts, postponeAccounts } from "./store.ts";

// Cloudflare Queues takes at most 100 messages in one batch. https://developers.cloudflare.com/queues/platform/limits/
const ACCOUNTS_AT_ONCE = 100;
const MAX_ACCOUNTS_PER_RUN = 10_000;

/**
 * Sends a message for each Twilio account that is due. If a message is lost, its account is due again an hour later.
 * For the cron; bounded work.
 *
 * @throws StorageError
 */
export async function scheduleChecks({ db, queues, log, now }: Services): Promise<void> {
  const time = now();
  const until = new Date(time.getTime() + CHECK_INTERVAL_MS).toISOString();
  let count = 0;
  let cursor: DueCursor | undefined;
  while (count < MAX_ACCOUNTS_PER_RUN) {
    const due = await findDueAccounts(db, time.toISOString(), cursor, ACCOUNTS_AT_ONCE);
    cursor = due.at(-1);
    if (!cursor) break;
    const accounts = due.map(({ nextCheckAt: _, ...account }) => account);
    const messages = accounts.map((account) => ({ body: { kind: "check", ...account } as const }));
    await queues.reconciliation.sendBatch(messages);
    await postponeAccounts(db, accounts, until);
    count += due.length;
  }
  if (count > 0) log.info("checks_scheduled", { count });
}
