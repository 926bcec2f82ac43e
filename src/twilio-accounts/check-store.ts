import { all, type Part, part, runIdempotent, runReturning, sql } from "../database.ts";
import { type AccountReason, DISPROVES, type Learnt } from "./health.ts";
import type { AccountColumns, AccountKey, TwilioAccountRow } from "./row.ts";
import { IS_UNUSED } from "./store.ts";

// Checks of an account, and the health that is found. A check holds the account's lease, so each API key runs one at a
// time.

/** What a new finding about an account is compared with. */
export type AccountState = { auth_token_changed_at: string | null; health_reasons: string };

/** SQL: an account has the token and the reasons that it had, and the check that found something new still has its lease. */
export function isAsBefore(
  { id }: Pick<AccountKey, "id">,
  { auth_token_changed_at, health_reasons }: AccountState,
  checkId?: string,
): Part {
  const isLeased = checkId === undefined ? part`1` : part`check_holder = ${checkId}`;
  return part`id = ${id} AND auth_token_changed_at IS ${auth_token_changed_at} AND health_reasons = ${health_reasons}
    AND ${isLeased}`;
}

export type AccountInCheck = TwilioAccountRow & {
  health_reasons: string;
  check_failures: number;
  check_position: string;
  routing_position: string;
  routing_checked_at: string | null;
  webhook_rules_checked_at: string | null;
  webhook_rule: string | null;
  made_at_twilio: string | null;
  signing_due_at: string | null;
  is_used: 0 | 1;
};

const CHECK_COLUMNS = part`api_key_sid, auth_token_sealed, previous_auth_token_sealed, auth_token_changed_at,
  signing_keys_sealed, health_reasons,
  check_failures, check_position, routing_position, routing_checked_at, webhook_rules_checked_at, webhook_rule,
  made_at_twilio, signing_due_at, connected_at IS NOT NULL OR NOT ${IS_UNUSED} AS is_used`;

// How many API keys may check one Twilio account at once. Each sends one request to Twilio at a time.
const MAX_CHECKS_PER_ACCOUNT = 2;

/** Since when accounts are due, the longest first: one time for each of up to `limit`. @throws StorageError */
export async function findDueTimes(db: D1Database, now: string, limit: number): Promise<string[]> {
  const rows = await all<{ next_check_at: string }>(sql(db)`SELECT next_check_at FROM twilio_accounts
    WHERE next_check_at <= ${now} ORDER BY next_check_at LIMIT ${limit}`);
  return rows.map(({ next_check_at }) => next_check_at);
}

export type DueAccount = AccountInCheck & AccountColumns & { api_key_id: string };

/**
 * Begins a check of the account that has been due for the longest, by acquiring its lease.
 *
 * @param nextCheckAt when it is due again if this check never ends, so that an account whose checks die keeps no other
 *   waiting
 * @returns null if no account is due that nobody checks
 * @throws StorageError
 */
export function beginDueCheck(
  db: D1Database,
  checkId: string,
  { leaseExpiresAt, nextCheckAt }: { leaseExpiresAt: string; nextCheckAt: string },
  now: string,
): Promise<DueAccount | null> {
  return runReturning<DueAccount>(sql(db)`UPDATE twilio_accounts SET check_holder = ${checkId},
    check_lease_expires_at = ${leaseExpiresAt}, next_check_at = ${nextCheckAt}
    WHERE id = (
      SELECT due.id FROM twilio_accounts due
      WHERE due.next_check_at <= ${now}
        AND (due.check_lease_expires_at IS NULL OR due.check_lease_expires_at <= ${now})
        AND ${MAX_CHECKS_PER_ACCOUNT} > (SELECT COUNT(*) FROM twilio_accounts other
          WHERE other.account_sid = due.account_sid AND other.check_lease_expires_at > ${now})
      ORDER BY due.next_check_at LIMIT 1)
    RETURNING id AS twilio_account_id, api_key_id, account_sid, region, ${CHECK_COLUMNS}`);
}

/**
 * Keeps an account from checks by acquiring the lease of one. Reads the leases of other API keys on the same Twilio account,
 * and nothing else of theirs.
 *
 * @returns null if the account no longer exists, or other checks of it are running
 * @throws StorageError
 */
export function beginCheck(
  db: D1Database,
  { id, accountSid }: AccountKey,
  checkId: string,
  leaseExpiresAt: string,
  now: string,
): Promise<AccountInCheck | null> {
  return runReturning<AccountInCheck>(sql(db)`UPDATE twilio_accounts SET check_holder = ${checkId},
    check_lease_expires_at = ${leaseExpiresAt}
    WHERE id = ${id}
      AND (check_lease_expires_at IS NULL OR check_lease_expires_at <= ${now})
      AND ${MAX_CHECKS_PER_ACCOUNT} > (SELECT COUNT(*) FROM twilio_accounts other
        WHERE other.account_sid = ${accountSid} AND other.check_lease_expires_at > ${now})
    RETURNING ${CHECK_COLUMNS}`);
}

/** Renews the lease of a check. @returns false if the check has lost it. @throws StorageError */
export async function renewCheck(
  db: D1Database,
  { id }: Pick<AccountKey, "id">,
  checkId: string,
  leaseExpiresAt: string,
): Promise<boolean> {
  const statement = sql(db)`UPDATE twilio_accounts SET check_lease_expires_at = ${leaseExpiresAt}
    WHERE id = ${id} AND check_holder = ${checkId}`;
  return (await runIdempotent(statement)) === 1;
}

export type CheckResult = {
  reasons: readonly AccountReason[];
  failures: number;
  nextCheckAt: string;
  /** The same if it has been quiet and in order since then. */
  nextIfQuietAt: string;
  quietSince: string;
  /** Where the next check continues. */
  position: string;
  /** Set if the whole account was checked. */
  checkedAt: string | null;
  /** Set if routing records were read: the last SID, and when. */
  routing?: { position: string; checkedAt: string } | undefined;
  /** Set if Twilio told its Webhook Rules: the one that covers our address, as JSON, and when. */
  rules?: { covering: string | null; checkedAt: string } | undefined;
};

/** SQL, of the table `twilio_accounts`: it and its numbers had no call, text, change or repair since then, and are in order. */
const isQuiet = (since: string): Part => part`health_reasons = '[]' AND updated_at <= ${since}
  AND NOT EXISTS (SELECT 1 FROM phone_numbers n WHERE n.twilio_account_id = twilio_accounts.id
    AND (n.health_reasons <> '[]' OR n.updated_at > ${since} OR n.last_inbound_at > ${since} OR n.repaired_at > ${since}))`;

/** Statement for a batch: stores the result of a check and ends it. */
export function finishCheck(
  db: D1Database,
  state: Part,
  {
    reasons,
    failures,
    nextCheckAt,
    nextIfQuietAt,
    quietSince,
    position,
    checkedAt,
    routing,
    rules,
  }: CheckResult,
): D1PreparedStatement {
  return sql(db)`UPDATE twilio_accounts SET check_failures = ${failures},
      health_reasons = ${JSON.stringify(reasons)},
      next_check_at = CASE WHEN ${IS_UNUSED} THEN NULL WHEN ${isQuiet(quietSince)} THEN ${nextIfQuietAt} ELSE ${nextCheckAt} END,
      check_position = ${position},
      checked_at = COALESCE(${checkedAt}, checked_at), routing_position = COALESCE(${routing?.position ?? null}, routing_position),
      routing_checked_at = COALESCE(${routing?.checkedAt ?? null}, routing_checked_at),
      webhook_rule = CASE WHEN ${rules?.checkedAt ?? null} IS NULL THEN webhook_rule ELSE ${rules?.covering ?? null} END,
      webhook_rules_checked_at = COALESCE(${rules?.checkedAt ?? null}, webhook_rules_checked_at),
      check_holder = NULL, check_lease_expires_at = NULL
    WHERE ${state}`;
}

/** Statement for a batch: ends a check without a result. */
export function endCheck(
  db: D1Database,
  { id }: Pick<AccountKey, "id">,
  checkId: string,
): D1PreparedStatement {
  return sql(db)`UPDATE twilio_accounts SET check_holder = NULL, check_lease_expires_at = NULL
    WHERE id = ${id} AND check_holder = ${checkId}`;
}

/**
 * Statement for a batch: stores what was found outside a check, and makes the account due at once. A running check loses
 * its lease, because its result is older.
 */
export function putReasons(
  db: D1Database,
  state: Part,
  reasons: readonly AccountReason[],
  now: string,
): D1PreparedStatement {
  return sql(db)`UPDATE twilio_accounts SET next_check_at = ${now},
      health_reasons = ${JSON.stringify(reasons)},
      check_holder = NULL, check_lease_expires_at = NULL
    WHERE ${state}`;
}

/**
 * Statement for a batch: removes the reasons that something good disproves. If there are any, the account is due at once.
 *
 * @param tokenChangedAt when the token of which we have learnt it was stored: of another token it says nothing
 */
export function disprove(
  db: D1Database,
  { apiKeyId, accountSid, region }: Omit<AccountKey, "id">,
  tokenChangedAt: string | null,
  learnt: Learnt,
  now: string,
): D1PreparedStatement {
  const gone = part`(SELECT value FROM json_each(${JSON.stringify(DISPROVES[learnt])}))`;
  // By its natural key, as its id may be another one than the caller knows.
  return sql(db)`UPDATE twilio_accounts SET check_failures = 0, next_check_at = ${now}, check_holder = NULL,
      check_lease_expires_at = NULL, health_reasons =
        (SELECT json_group_array(value) FROM json_each(health_reasons) WHERE value NOT IN ${gone})
    WHERE api_key_id = ${apiKeyId} AND account_sid = ${accountSid} AND region = ${region}
      AND auth_token_changed_at IS ${tokenChangedAt}
      AND EXISTS (SELECT 1 FROM json_each(health_reasons) WHERE value IN ${gone})`;
}

/**
 * Deletes the previous token.
 *
 * @param changedAt when the present token replaced it; after a later change nothing is deleted
 * @throws StorageError
 */
export async function forgetPreviousToken(
  db: D1Database,
  { id }: Pick<AccountKey, "id">,
  changedAt: string | null,
): Promise<void> {
  await runIdempotent(sql(db)`UPDATE twilio_accounts SET previous_auth_token_sealed = NULL
    WHERE id = ${id} AND auth_token_changed_at = ${changedAt}`);
}
