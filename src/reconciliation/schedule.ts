import type { Services } from "../services.ts";
import { findDueTimes } from "../twilio-accounts/check-store.ts";
import { ACCOUNTS_PER_MESSAGE } from "./check-due.ts";

/** How many checkers work at once: `max_concurrency` of the queue in wrangler.toml. */
export const MAX_CHECKERS = 20;
const CRON_INTERVAL_MS = 15 * 60 * 1000;
// An account is due 50 minutes after its last check, and the cron comes every 15 minutes.
const LATE_MS = 60 * 60 * 1000;

/**
 * Starts as many checkers as the due accounts need; they take the account that is due for the longest, again and again,
 * until the cron comes the next time. Warns if accounts have been due for so long that they are not checked every hour.
 *
 * @throws StorageError
 */
export async function scheduleChecks({ db, queues, log, now }: Services): Promise<void> {
  const time = now();
  const due = await findDueTimes(db, time.toISOString(), MAX_CHECKERS * ACCOUNTS_PER_MESSAGE);
  const [since] = due;
  if (since === undefined) return;
  const checkers = Math.ceil(due.length / ACCOUNTS_PER_MESSAGE);
  const until = new Date(time.getTime() + CRON_INTERVAL_MS).toISOString();
  const message = { body: { kind: "check_due", until } as const };
  await queues.reconciliation.sendBatch(Array.from({ length: checkers }, () => message));
  log.info("checks_scheduled", { checkers });
  if (time.getTime() - Date.parse(since) > LATE_MS) log.warn("checks_behind", { since });
}
