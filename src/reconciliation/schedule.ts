import { CHECK_INTERVAL_MS } from "../twilio-accounts/store.ts";
import { findUnfinishedAccounts } from "../phone-numbers/recovery/store.ts";
import type { ReconciliationMessage, ReconciliationServices } from "./message.ts";
import { type AccountKey, findDueAccounts, postponeAccounts } from "./store.ts";

// Queues takes 100 messages at once. https://developers.cloudflare.com/queues/platform/limits/
const ACCOUNTS_AT_ONCE = 100;
const MAX_ACCOUNTS_PER_RUN = 10_000;
const MAX_UNFINISHED_PER_RUN = 500;

/**
 * Sends a message for each Twilio account that is due. An account whose message is lost is due again an hour later. For
 * the cron; bounded work.
 *
 * @throws StorageError
 */
export async function scheduleChecks({
  db,
  reconciliation,
  log,
  now,
}: ReconciliationServices): Promise<void> {
  const time = now();
  const until = new Date(time.getTime() + CHECK_INTERVAL_MS).toISOString();
  let count = 0;
  let cursor: Parameters<typeof findDueAccounts>[2];
  while (count < MAX_ACCOUNTS_PER_RUN) {
    const due = await findDueAccounts(db, time.toISOString(), cursor, ACCOUNTS_AT_ONCE);
    const last = due.at(-1);
    if (!last) break;
    cursor = { nextCheckAt: last.next_check_at, apiKeyId: last.api_key_id, accountSid: last.account_sid };
    const accounts = due.map(({ api_key_id, account_sid }) => ({
      apiKeyId: api_key_id,
      accountSid: account_sid,
    }));
    await send(
      reconciliation,
      accounts.map((account: AccountKey) => ({ kind: "check", ...account })),
    );
    await postponeAccounts(db, accounts, until);
    count += due.length;
  }
  if (count > 0) log.info("checks_scheduled", { count });
}

/** Sends a message for each account with imports or releases that were left unfinished. For the cron. @throws StorageError */
export async function scheduleUnfinished({
  db,
  reconciliation,
  log,
  now,
}: ReconciliationServices): Promise<void> {
  const rows = await findUnfinishedAccounts(db, now().toISOString(), MAX_UNFINISHED_PER_RUN);
  const messages = rows.map(
    ({ api_key_id, account_sid }) =>
      ({ kind: "settle", apiKeyId: api_key_id, accountSid: account_sid }) as const,
  );
  for (let start = 0; start < messages.length; start += ACCOUNTS_AT_ONCE) {
    await send(reconciliation, messages.slice(start, start + ACCOUNTS_AT_ONCE));
  }
  if (rows.length > 0) log.warn("unfinished_found", { accounts: rows.length });
}

async function send(
  queue: Queue<ReconciliationMessage>,
  messages: readonly ReconciliationMessage[],
): Promise<void> {
  await queue.sendBatch(messages.map((body) => ({ body })));
}
