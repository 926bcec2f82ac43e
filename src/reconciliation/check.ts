import { batch, run } from "../database.ts";
import { insertPending } from "../events/pending-store.ts";
import { relay } from "../events/tell.ts";
import { errorFields } from "../http/log.ts";
import { newId } from "../ids.ts";
import { nextAttempt } from "../next-attempt.ts";
import { leaseEnd } from "../phone-numbers/lease.ts";
import type { Services } from "../services.ts";
import { isAboutCredentials, TwilioError } from "../twilio/errors.ts";
import type { IncomingPhoneNumber, IncomingPhoneNumbers } from "../twilio/incoming-phone-numbers.ts";
import {
  type AccountInCheck,
  beginCheck,
  endCheck,
  finishCheck,
  renewCheck,
} from "../twilio-accounts/check-store.ts";
import { accountClient } from "../twilio-accounts/client.ts";
import { rejectionEvents } from "../twilio-accounts/rejected-event.ts";
import type { AccountHealth, AccountKey } from "../twilio-accounts/row.ts";
import { CHECK_INTERVAL_MS } from "../twilio-accounts/store.ts";
import { VaultError } from "../vault/vault.ts";
import { idInOrder } from "./compare.ts";
import { findAccountRows, findAccountSids } from "./number-store.ts";
import { applyFinding, ask } from "./repair.ts";
import type { CheckedRow } from "./row.ts";

const ROWS_AT_ONCE = 1_000;
const SIDS_AT_ONCE = 5_000;
// A run does not go on for ever: D1 takes a thousand queries of one invocation, and a number that is not in order costs
// up to four. What is left is taken up by the next run, where this one ended.
const MAX_WORK_PER_RUN = 150;
const RENEW_EVERY_MS = 15_000;

/**
 * Compares a Twilio account's numbers with what is here, and mends what differs: one request for each thousand numbers,
 * and one for each that is not in order. A check that dies is done anew by the next; done twice it changes nothing more.
 *
 * @returns false where the account is gone, or others are at work on it
 * @throws StorageError
 */
export async function checkAccount(key: AccountKey, services: Services): Promise<boolean> {
  const { db, now, log } = services;
  const checkId = newId("check");
  const time = now();
  const account = await beginCheck(db, key, checkId, leaseEnd(services, time), time.toISOString());
  if (!account) return false;
  try {
    const result = await compare(key, checkId, account, services);
    await finish(key, checkId, account, { health: "ok", ...result }, services);
  } catch (error) {
    if (!(error instanceof TwilioError || error instanceof VaultError)) {
      await run(endCheck(db, key, checkId)).catch(() => undefined);
      throw error;
    }
    // A token that does not open is as good as none; what it is about stands in the log.
    const health = isAboutCredentials(error) ? "credentials_rejected" : "unreachable";
    log.warn("account_not_checked", { account_sid: key.accountSid, health, ...errorFields(error) });
    await finish(
      key,
      checkId,
      account,
      { health, isComplete: false, position: account.check_position },
      services,
    );
  }
  return true;
}

type Comparison = {
  isComplete: boolean;
  /** Where the next run goes on: the last SID that was settled, or the beginning. */
  position: string;
};

async function compare(
  key: AccountKey,
  checkId: string,
  stored: AccountInCheck,
  services: Services,
): Promise<Comparison> {
  const { db, now, publicBaseUrl } = services;
  const startedAt = now().toISOString();
  const renew = renewer(key, checkId, services);
  const twilio = await accountClient(key, stored, services);
  const listed = await list(twilio, await ownSids(key, services), publicBaseUrl, renew);
  let position = stored.check_position;
  if (!listed) return { isComplete: false, position };

  let work = 0;
  for (;;) {
    const rows = await findAccountRows(db, key, position, ROWS_AT_ONCE);
    for (const row of rows) {
      // One that was changed since the list was begun may stand in it as it was before.
      const isDone = isInOrder(row, listed) || row.updated_at >= startedAt;
      if (!isDone) {
        if (work >= MAX_WORK_PER_RUN || !(await renew())) return { isComplete: false, position };
        // A list may miss a number that moves from one page to another meanwhile, so one that is missing is asked for by
        // itself, once; and so is one that points at another row of ours, or is in order again.
        const known = listed.others.get(row.twilio_number_sid);
        const asked = known || isKnownMissing(row, listed) ? known : await ask(row, twilio);
        const applied = await applyFinding(row, asked, key.apiKeyId, twilio, services);
        // What is as it was before cost nothing, unless it had to be asked for or tried.
        if (applied !== "as before" || asked !== known || row.drift_policy === "repair") work += 1;
      }
      position = row.twilio_number_sid;
    }
    if (rows.length < ROWS_AT_ONCE) return { isComplete: true, position: "" };
  }
}

/** Lengthens the lease of the check now and then. The answer is false where it has lost the account. */
function renewer(key: AccountKey, checkId: string, services: Services): () => Promise<boolean> {
  let renewedAt = services.now().getTime();
  return async () => {
    const time = services.now();
    if (time.getTime() - renewedAt < RENEW_EVERY_MS) return true;
    renewedAt = time.getTime();
    return renewCheck(services.db, key, checkId, leaseEnd(services, time));
  };
}

/** The numbers that are here, so that nothing need be kept in mind of those of the account that are not. */
async function ownSids(key: AccountKey, { db }: Services): Promise<Set<string>> {
  const all = new Set<string>();
  let after = "";
  for (;;) {
    const sids = await findAccountSids(db, key, after, SIDS_AT_ONCE);
    for (const sid of sids) all.add(sid);
    if (sids.length < SIDS_AT_ONCE) return all;
    after = sids.at(-1) ?? "";
  }
}

type Listed = {
  /** The ids in the webhooks of numbers that are in order, by SID: a few bytes each. */
  inOrder: Map<string, string>;
  /** Every other number that is here. */
  others: Map<string, IncomingPhoneNumber>;
  /** Numbers of which only the SID could be read; nothing is said of them. */
  strange: Set<string>;
};

/** @returns undefined where the check has lost the account meanwhile */
async function list(
  twilio: IncomingPhoneNumbers,
  own: ReadonlySet<string>,
  publicBaseUrl: string,
  renew: () => Promise<boolean>,
): Promise<Listed | undefined> {
  const listed: Listed = { inOrder: new Map(), others: new Map(), strange: new Set() };
  for await (const { numbers, strange } of twilio.pages()) {
    for (const sid of strange) if (own.has(sid)) listed.strange.add(sid);
    for (const number of numbers) {
      if (!own.has(number.sid)) continue;
      const id = idInOrder(number, publicBaseUrl);
      if (id === undefined) listed.others.set(number.sid, number);
      else listed.inOrder.set(number.sid, id);
    }
    if (!(await renew())) return undefined;
  }
  return listed;
}

/** Nothing is to be done and nothing to be written: the number is as it should be, and is known to be. */
function isInOrder(row: CheckedRow, { inOrder, strange }: Listed): boolean {
  if (strange.has(row.twilio_number_sid)) return true;
  return inOrder.get(row.twilio_number_sid) === row.id && row.health === "ok" && row.health_reasons === "[]";
}

function isKnownMissing(row: CheckedRow, { inOrder }: Listed): boolean {
  return row.health === "number_missing" && !inOrder.has(row.twilio_number_sid);
}

/** Ends the check, and where the account is found otherwise than before tells everybody whom it concerns. */
async function finish(
  key: AccountKey,
  checkId: string,
  before: AccountInCheck,
  { health: found, isComplete, position }: Comparison & { health: AccountHealth },
  services: Services,
): Promise<void> {
  const { db, now } = services;
  const time = now();
  // Not to be reached says nothing of whether its credentials are good again.
  const health = found === "unreachable" && before.health === "credentials_rejected" ? before.health : found;
  const failures = health === "ok" ? 0 : before.check_failures + 1;
  const next = health === "ok" && !isComplete ? time : nextAttempt(failures, CHECK_INTERVAL_MS, time);
  const result = {
    health,
    failures,
    position,
    nextCheckAt: next.toISOString(),
    checkedAt: isComplete ? time.toISOString() : null,
  };
  const isNews = health === "credentials_rejected" && before.health !== health;
  const events = isNews ? await rejectionEvents(key, "twilio_refused", services) : [];
  await batch(db, [
    finishCheck(db, key, checkId, result),
    ...events.map((event) => insertPending(db, event)),
  ]);
  services.measure("account_check", [health], [1, failures]);
  if (events.length > 0) services.defer(relay(events, services));
}
