import { all, first, part, run, runIdempotent, sql } from "../database.ts";
import type { AccountColumns, AccountKey, TwilioAccountRow } from "./row.ts";

/** Numbers `n` with their accounts `t`. */
export const NUMBERS_AND_ACCOUNTS = part`phone_numbers n JOIN twilio_accounts t ON t.id = n.twilio_account_id`;

/** Statement for a batch: the tokens of a key's account in every Region, with the Region's name. */
export function selectAccountInRegions(
  db: D1Database,
  apiKeyId: string,
  accountSid: string,
): D1PreparedStatement {
  return sql(db)`SELECT id, region, auth_token_sealed, previous_auth_token_sealed, auth_token_changed_at
    FROM twilio_accounts WHERE api_key_id = ${apiKeyId} AND account_sid = ${accountSid}`;
}

/** Accounts of a key, with their sealed tokens. @throws StorageError */
export function findAccountsOfKey(db: D1Database, apiKeyId: string, limit: number) {
  return all<AccountColumns & { api_key_id: string; auth_token_sealed: string }>(
    sql(db)`SELECT id AS twilio_account_id, api_key_id, account_sid, region, auth_token_sealed
      FROM twilio_accounts WHERE api_key_id = ${apiKeyId} LIMIT ${limit}`,
  );
}

/** A key's account, with its tokens. Null if the key has no number of it. @throws StorageError */
export function findAccount(
  db: D1Database,
  { apiKeyId, accountSid, region }: Omit<AccountKey, "id">,
): Promise<(TwilioAccountRow & { id: string }) | null> {
  return first(sql(db)`SELECT id, auth_token_sealed, previous_auth_token_sealed, auth_token_changed_at
    FROM twilio_accounts WHERE api_key_id = ${apiKeyId} AND account_sid = ${accountSid} AND region = ${region}`);
}

export type TokenToStore = AccountKey & {
  authTokenSealed: string;
  /** When the stored token was stored, as it was read; null also for the first. */
  tokenChangedAt: string | null;
  /** If the new token differs from the stored one: the list of replaced tokens after the change, sealed. Else null. */
  replaces: { retiredSealed: string | null } | null;
};

/** Statement for a batch: inserts the account, or replaces its token if the new one differs. */
export function upsertAccount(
  db: D1Database,
  { id, apiKeyId, accountSid, region, authTokenSealed, tokenChangedAt, replaces }: TokenToStore,
  now: string,
): D1PreparedStatement {
  // A running check with the old token loses its lease: its result is no longer true. We replace only the token that we
  // read. If several requests bring the same new token at once, one of them stores it, and the others must not make it
  // the "previous" one. If another request has made the account meanwhile, its row and its id stay.
  return sql(db)`INSERT INTO twilio_accounts (id, api_key_id, account_sid, region, auth_token_sealed,
      next_check_at, created_at, updated_at, routing_checked_at)
    VALUES (${id}, ${apiKeyId}, ${accountSid}, ${region}, ${authTokenSealed}, ${nextCheckAfter(now)}, ${now},
      ${now}, ${now})
    ON CONFLICT DO UPDATE SET previous_auth_token_sealed = ${replaces?.retiredSealed ?? null},
      auth_token_sealed = excluded.auth_token_sealed, auth_token_changed_at = excluded.updated_at,
      health_reasons = '[]', check_failures = 0, next_check_at = excluded.updated_at,
      updated_at = excluded.updated_at, check_holder = NULL, check_lease_expires_at = NULL
    WHERE ${Number(replaces !== null)} AND auth_token_changed_at IS ${tokenChangedAt}`;
}

/** A new account was just checked. An account with a new token is due at once. */
function nextCheckAfter(now: string): string {
  return new Date(Date.parse(now) + CHECK_INTERVAL_MS).toISOString();
}

/** An account is due this long after a check: less than an hour, because the cron runs only every 15 minutes. */
export const CHECK_INTERVAL_MS = 50 * 60 * 1000;

/**
 * Replaces the stored token.
 *
 * @returns false if another request has replaced it since we read it
 * @throws StorageError
 */
export async function replaceToken(db: D1Database, token: TokenToStore, now: string): Promise<boolean> {
  return (await run(upsertAccount(db, token, now))) === 1;
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

/** Statement for a batch: deletes this key's accounts without numbers, so that no token is kept without need. */
export function deleteUnusedAccounts(db: D1Database, apiKeyId: string): D1PreparedStatement {
  return sql(db)`DELETE FROM twilio_accounts WHERE api_key_id = ${apiKeyId} AND NOT EXISTS (
      SELECT 1 FROM phone_numbers n WHERE n.twilio_account_id = twilio_accounts.id)`;
}

/** SQL: Twilio has refused ConversationRelay to the account `t` within a day. */
export const RELAY_REFUSED = part`t.relay_refused_at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 day')`;

/** Twilio has refused ConversationRelay to this account. @throws StorageError */
export async function rememberRelayRefused(db: D1Database, accountId: string, now: string): Promise<void> {
  await run(sql(db)`UPDATE twilio_accounts SET relay_refused_at = ${now} WHERE id = ${accountId}`);
}
