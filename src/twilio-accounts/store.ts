import { first, run } from "../database.ts";
import type { AccountKey, TwilioAccountRow } from "./row.ts";

/** Statement for a batch: the account's tokens; no row where this key has no number of that account. */
export function selectAccount(db: D1Database, { apiKeyId, accountSid }: AccountKey): D1PreparedStatement {
  return db
    .prepare(
      `SELECT auth_token_sealed, previous_auth_token_sealed, auth_token_changed_at
       FROM twilio_accounts WHERE api_key_id = ?1 AND account_sid = ?2`,
    )
    .bind(apiKeyId, accountSid);
}

/** @throws StorageError */
export function findAccount(db: D1Database, account: AccountKey): Promise<TwilioAccountRow | null> {
  return first<TwilioAccountRow>(selectAccount(db, account));
}

export type TokenToStore = AccountKey & {
  authTokenSealed: string;
  /**
   * The stored token that this one is another than, as it was read, and what will have been replaced then, both sealed;
   * null where there is nothing to replace.
   */
  replaces: { sealed: string; retiredSealed: string | null } | null;
};

/** Statement for a batch: makes sure the account is there, and puts a newer token in the place of the present one. */
export function upsertAccount(
  db: D1Database,
  { apiKeyId, accountSid, authTokenSealed, replaces }: TokenToStore,
  now: string,
): D1PreparedStatement {
  // A check that is at work with the token before loses the account: what it finds is not true any more.
  // Only the token that was read is replaced: of several requests at once with the same new token one does it, and the
  // others would make that new token the "previous" one.
  return db
    .prepare(
      `INSERT INTO twilio_accounts (api_key_id, account_sid, auth_token_sealed, next_check_at, created_at, updated_at)
       VALUES (?1, ?2, ?3, ?6, ?4, ?4)
       ON CONFLICT (api_key_id, account_sid) DO UPDATE SET previous_auth_token_sealed = ?7,
         auth_token_sealed = excluded.auth_token_sealed, auth_token_changed_at = excluded.updated_at,
         health = 'ok', check_failures = 0, next_check_at = excluded.updated_at, updated_at = excluded.updated_at,
         check_claim_id = NULL, check_lease_expires_at = NULL
       WHERE auth_token_sealed = ?5`,
    )
    .bind(
      apiKeyId,
      accountSid,
      authTokenSealed,
      now,
      replaces?.sealed ?? null,
      nextCheckAfter(now),
      replaces?.retiredSealed ?? null,
    );
}

/** A new account was just looked at; a new token, though, is tried on all numbers of its account at once. */
function nextCheckAfter(now: string): string {
  return new Date(Date.parse(now) + CHECK_INTERVAL_MS).toISOString();
}

/** How long an account is not due after it was looked at: an hour, less what a quarter-hourly cron comes too late. */
export const CHECK_INTERVAL_MS = 50 * 60 * 1000;

/**
 * Statement for a batch: Twilio has just taken the stored token, so the account is well, and where it was not thought to
 * be it is looked at again at once.
 */
export function markAccepted(
  db: D1Database,
  { apiKeyId, accountSid }: AccountKey,
  now: string,
): D1PreparedStatement {
  return db
    .prepare(
      `UPDATE twilio_accounts SET health = 'ok', check_failures = 0, next_check_at = ?3,
         check_claim_id = NULL, check_lease_expires_at = NULL
       WHERE api_key_id = ?1 AND account_sid = ?2 AND health <> 'ok'`,
    )
    .bind(apiKeyId, accountSid, now);
}

/**
 * Puts a newer token in the place of the present one.
 *
 * @returns false where another request has replaced it since it was read
 * @throws StorageError
 */
export async function replaceToken(db: D1Database, token: TokenToStore, now: string): Promise<boolean> {
  return (await run(upsertAccount(db, token, now))) === 1;
}

/**
 * Forgets the token before the present one.
 *
 * @param changedAt when the present one took its place; a later change has a later "one before", which stays
 * @throws StorageError
 */
export async function forgetPreviousToken(
  db: D1Database,
  { apiKeyId, accountSid }: AccountKey,
  changedAt: string | null,
): Promise<void> {
  await run(
    db
      .prepare(
        `UPDATE twilio_accounts SET previous_auth_token_sealed = NULL
         WHERE api_key_id = ?1 AND account_sid = ?2 AND auth_token_changed_at = ?3`,
      )
      .bind(apiKeyId, accountSid, changedAt),
  );
}

/** Statement for a batch: forgets this key's accounts that have no number. No token is kept without need. */
export function deleteUnusedAccounts(db: D1Database, apiKeyId: string): D1PreparedStatement {
  return db
    .prepare(
      `DELETE FROM twilio_accounts WHERE api_key_id = ?1 AND NOT EXISTS (
         SELECT 1 FROM phone_numbers n
         WHERE n.api_key_id = twilio_accounts.api_key_id AND n.account_sid = twilio_accounts.account_sid)`,
    )
    .bind(apiKeyId);
}

/** Forgets up to `limit` tokens that were replaced before. @returns how many. @throws StorageError */
export function clearPreviousTokens(db: D1Database, before: string, limit: number): Promise<number> {
  return run(
    db
      .prepare(
        `UPDATE twilio_accounts SET previous_auth_token_sealed = NULL WHERE (api_key_id, account_sid) IN (
           SELECT api_key_id, account_sid FROM twilio_accounts
           WHERE previous_auth_token_sealed IS NOT NULL AND auth_token_changed_at < ?1 LIMIT ?2)`,
      )
      .bind(before, limit),
  );
}
