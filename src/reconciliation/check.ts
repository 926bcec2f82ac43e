import { runIdempotent } from "../database.ts";
import { relay } from "../events/tell.ts";
import { errorFields } from "../http/log.ts";
import { isRegionReason, parseReasons } from "../phone-numbers/health.ts";
import { leaseEnd } from "../phone-numbers/lease.ts";
import type { Services } from "../services.ts";
import { nextAttempt, WEEK_MS } from "../time.ts";
import { isAboutCredentials, TwilioError } from "../twilio/errors.ts";
import type { IncomingPhoneNumber, IncomingPhoneNumbers } from "../twilio/incoming-phone-numbers.ts";
import {
  type AccountInCheck,
  type CheckResult,
  type DueAccount,
  endCheck,
  finishCheck,
  renewCheck,
} from "../twilio-accounts/check-store.ts";
import { accountClient } from "../twilio-accounts/client.ts";
import { CHECK_INTERVAL_MS, QUIET_CHECK_INTERVAL_MS } from "../twilio-accounts/due-store.ts";
import type { Learnt } from "../twilio-accounts/health.ts";
import { learn } from "../twilio-accounts/learn.ts";
import { type AccountKey, accountOf } from "../twilio-accounts/row.ts";
import { VaultError } from "../vault/vault.ts";
import { idInOrder } from "./compare.ts";
import { type CheckedRow, findAccountRows, findAccountSids } from "./number-store.ts";
import { applyFinding, ask } from "./repair.ts";
import { checkRoutings, type RoutingProgress, UNCHECKED_PER_RUN } from "./routing.ts";
import { checkRules } from "./rules.ts";
import { checkTexts, isTextsCheckDue, mayBeRegistered } from "./texts.ts";

const ROWS_AT_ONCE = 1_000;
const SIDS_AT_ONCE = 5_000;
// D1 allows a thousand queries in one invocation, and a number that is not in order costs up to four. The next run
// continues where this one ended.
const MAX_WORK_PER_RUN = 150;
const RENEW_EVERY_MS = 15_000;

/**
 * Checks the numbers of a Twilio account and repairs what differs: one request for each thousand numbers, and one for
 * each that is not in order. If a check dies, the next one does its work; a second check of the same number changes
 * nothing more.
 *
 * @param account with the lease of this check
 * @returns whether the account is small and was in order
 * @throws StorageError
 */
export async function checkAccount(
  account: DueAccount,
  checkId: string,
  services: Services,
): Promise<boolean> {
  const { db, log } = services;
  const key = accountOf(account);
  try {
    const { isQuick, ...result } = await compare(key, checkId, account, services);
    await finish(key, checkId, account, { learnt: "accepted", ...result }, services);
    return isQuick;
  } catch (error) {
    if (!(error instanceof TwilioError || error instanceof VaultError)) {
      await runIdempotent(endCheck(db, key, checkId)).catch(() => undefined);
      throw error;
    }
    // If the token cannot be opened, the account counts as unreachable; the log says why.
    const learnt = isAboutCredentials(error) ? "credentials_rejected" : "unreachable";
    log.warn("account_not_checked", { account_sid: key.accountSid, health: learnt, ...errorFields(error) });
    const position = account.check_position;
    await finish(key, checkId, account, { learnt, isComplete: false, position }, services);
    return true;
  }
}

type Comparison = {
  isComplete: boolean;
  /** Where the next run continues: the last SID that was checked, or "" for the beginning. */
  position: string;
  routing?: RoutingProgress;
  rules?: CheckResult["rules"];
};

async function compare(
  key: AccountKey,
  checkId: string,
  stored: AccountInCheck,
  services: Services,
): Promise<Comparison & { isQuick: boolean }> {
  const { db, now, publicBaseUrl } = services;
  const startedAt = now().toISOString();
  const renew = renewer(key, checkId, services);
  const twilio = await accountClient(key, stored, services);
  const own = await ownSids(key, services);
  const listed = await list(twilio, key.id, own, publicBaseUrl, renew);
  let position = stored.check_position;
  if (!listed) return { isComplete: false, position, isQuick: false };

  let work = 0;
  const unchecked: CheckedRow[] = [];
  const texting: CheckedRow[] = [];
  for (;;) {
    const rows = await findAccountRows(db, key, position, ROWS_AT_ONCE);
    for (const row of rows) {
      if (unchecked.length < UNCHECKED_PER_RUN && parseReasons(row.health_reasons).some(isRegionReason))
        unchecked.push(row);
      if (listed.texting.has(row.twilio_number_sid) && isTextsCheckDue(row, now())) texting.push(row);
      // If a number was changed after we began to read the list, the list may hold its old state.
      const isDone = isInOrder(row, listed) || row.updated_at >= startedAt;
      if (!isDone) {
        if (work >= MAX_WORK_PER_RUN || !(await renew()))
          return { isComplete: false, position, isQuick: false };
        // A list may miss a number that moves to another page while we read. So we fetch a missing number once, and
        // also one that points at another row of ours or is in order again.
        const known = listed.others.get(row.twilio_number_sid);
        const asked = known || isKnownMissing(row, listed) ? known : await ask(row, twilio);
        const applied = await applyFinding(row, asked, key.apiKeyId, twilio, services);
        // Unchanged numbers are free, unless we had to fetch them or try a repair.
        const mayBeRepaired = asked !== undefined && row.drift_policy === "repair";
        if (applied !== "unchanged" || asked !== known || mayBeRepaired) work += 1;
      }
      position = row.twilio_number_sid;
    }
    if (rows.length === ROWS_AT_ONCE) continue;
    const routing = await checkRoutings(key, stored, { count: own.size, unchecked }, twilio, services);
    const rules = await checkRules(key, stored, twilio, services);
    await checkTexts(key, texting, twilio, services);
    return { isComplete: true, position: "", routing, rules, isQuick: work === 0 && own.size < ROWS_AT_ONCE };
  }
}

/** Renews the lease of the check every 15 seconds. Its result is false if the check has lost the lease. */
function renewer(key: AccountKey, checkId: string, services: Services): () => Promise<boolean> {
  let renewedAt = services.now().getTime();
  return async () => {
    const time = services.now();
    if (time.getTime() - renewedAt < RENEW_EVERY_MS) return true;
    renewedAt = time.getTime();
    return renewCheck(services.db, key, checkId, leaseEnd(services, time));
  };
}

/** The SIDs of the account's numbers here and their channels, so that the list need not keep the account's other numbers in memory. */
async function ownSids(key: AccountKey, { db }: Services): Promise<Map<string, string>> {
  const all = new Map<string, string>();
  let after = "";
  for (;;) {
    const sids = await findAccountSids(db, key, after, SIDS_AT_ONCE);
    for (const { sid, channels } of sids) all.set(sid, channels);
    if (sids.length < SIDS_AT_ONCE) return all;
    after = sids.at(-1)?.sid ?? "";
  }
}

type Listed = {
  /** The ids in the webhooks of the numbers that are in order, by SID: a few bytes each. */
  inOrder: Map<string, string>;
  /** Every other number of ours. */
  others: Map<string, IncomingPhoneNumber>;
  /** Numbers of which we could read only the SID. The check skips them. */
  unreadable: Set<string>;
  /** Numbers whose texts may have to be registered. */
  texting: Set<string>;
};

/** @returns undefined if the check has lost its lease */
async function list(
  twilio: IncomingPhoneNumbers,
  accountId: string,
  own: ReadonlyMap<string, string>,
  publicBaseUrl: string,
  renew: () => Promise<boolean>,
): Promise<Listed | undefined> {
  const listed: Listed = { inOrder: new Map(), others: new Map(), unreadable: new Set(), texting: new Set() };
  for await (const { numbers, unreadable } of twilio.pages()) {
    for (const sid of unreadable) if (own.has(sid)) listed.unreadable.add(sid);
    for (const number of numbers) {
      const channels = own.get(number.sid);
      if (channels === undefined) continue;
      if (mayBeRegistered(number)) listed.texting.add(number.sid);
      const id = idInOrder(number, channels, accountId, publicBaseUrl);
      if (id === undefined) listed.others.set(number.sid, number);
      else listed.inOrder.set(number.sid, id);
    }
    if (!(await renew())) return undefined;
  }
  return listed;
}

/** Nothing to do or write: the number is as it should be, and its row says so (or it could not be read). */
function isInOrder(row: CheckedRow, { inOrder, unreadable }: Listed): boolean {
  if (unreadable.has(row.twilio_number_sid)) return true;
  // What its routing record said is not for the list to change.
  return (
    inOrder.get(row.twilio_number_sid) === row.id && parseReasons(row.health_reasons).every(isRegionReason)
  );
}

function isKnownMissing(row: CheckedRow, { inOrder }: Listed): boolean {
  return parseReasons(row.health_reasons)[0] === "number_missing" && !inOrder.has(row.twilio_number_sid);
}

/** Ends the check, and tells the customer if Twilio has begun to refuse the credentials. */
async function finish(
  key: AccountKey,
  checkId: string,
  before: AccountInCheck,
  { learnt, isComplete, position, routing, rules }: Comparison & { learnt: Learnt },
  services: Services,
): Promise<void> {
  const time = services.now();
  const failures = learnt === "accepted" ? 0 : before.check_failures + 1;
  const isCutShort = learnt === "accepted" && !isComplete;
  const next = isCutShort ? time : nextAttempt(failures, CHECK_INTERVAL_MS, time);
  const ifQuiet = new Date(time.getTime() + QUIET_CHECK_INTERVAL_MS);
  const result = {
    failures,
    position,
    nextCheckAt: next.toISOString(),
    nextIfQuietAt: (isComplete ? ifQuiet : next).toISOString(),
    quietSince: new Date(time.getTime() - WEEK_MS).toISOString(),
    checkedAt: isComplete ? time.toISOString() : null,
    routing,
    rules,
  };
  const { hasEvent } = await learn(key, before, learnt, services, {
    checkId,
    statement: (state, reasons) => finishCheck(services.db, state, { reasons, ...result }),
  });
  services.measure("account_check", [learnt === "accepted" ? "ok" : learnt], [1, failures]);
  if (hasEvent) services.defer(relay(key.apiKeyId, services));
}
