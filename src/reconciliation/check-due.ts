import { errorFields } from "../http/log.ts";
import { newId } from "../ids.ts";
import { leaseEnd } from "../phone-numbers/lease.ts";
import type { Services } from "../services.ts";
import { beginDueCheck } from "../twilio-accounts/check-store.ts";
import { CHECK_INTERVAL_MS } from "../twilio-accounts/due-store.ts";
import { checkAccount } from "./check.ts";

/**
 * How many accounts one message checks. D1 allows a thousand queries in one invocation: an account in order takes about
 * six, and one that is not ends the message.
 */
export const ACCOUNTS_PER_MESSAGE = 20;

/**
 * Checks accounts, the longest due first. If there may be more of them, sends itself on.
 *
 * @param until not after this time: by then the cron has started others
 * @throws StorageError
 */
export async function checkDueAccounts(until: string, services: Services): Promise<void> {
  const { db, now, log, queues } = services;
  let isQuick = true;
  for (let checked = 0; isQuick && checked < ACCOUNTS_PER_MESSAGE; checked += 1) {
    const checkId = newId("check");
    const time = now();
    const lease = {
      leaseExpiresAt: leaseEnd(services, time),
      nextCheckAt: new Date(time.getTime() + CHECK_INTERVAL_MS).toISOString(),
    };
    const account = await beginDueCheck(db, checkId, lease, time.toISOString());
    // Far more than a few milliseconds: the object that does this does not live near the database.
    if (checked === 0) log.info("d1_trip", { duration_ms: now().getTime() - time.getTime() });
    if (!account) return;
    try {
      isQuick = await checkAccount(account, checkId, services);
    } catch (error) {
      // The others go on. This one is due again later.
      log.warn("reconciliation_postponed", {
        kind: "check",
        account_sid: account.account_sid,
        ...errorFields(error),
      });
    }
  }
  if (now().getTime() < Date.parse(until)) await queues.reconciliation.send({ kind: "check_due", until });
}
