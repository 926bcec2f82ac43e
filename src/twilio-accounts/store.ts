import { all, first, run } from "../database.ts";
import type { AccountColumns, AccountKey, TwilioAccountRow } from "./row.ts";

/** Statement for a batch: the tokens of a key's account in every Region, with the Region's name. */
export function selectAccountInRegions(
  db: D1Database,
  apiKeyId: string,
  accountSid: string,
): D1PreparedStatement {
  return db
    .prepare(
      `SELECT id, region, auth_token_sealed, previous_auth_token_sealed, auth_token_changed_at
       FROM twilio_accounts WHERE api_key_id = ?1 AND account_sid = ?2`,
    )
    .bind(apiKeyId, accountSid);
}

/** Accounts of a key, with their sealed tokens. @throws StorageError */
export function findAccountsOfKey(db: D1Database, apiKeyId: string, limit: number) {
  return all<AccountColumns & { api_key_id: string; auth_token_sealed: string }>(
    db
      .prepare(
        `SELECT id AS twilio_account_id, api_key_id, account_sid, region, auth_token_sealed FROM twilio_accounts
         WHERE api_key_id = ?1 LIMIT ?2`,
      )
      .bind(apiKeyId, limit),
  );
}

/** A key's account, with its tokens. Null if the key has no number of it. @throws StorageError */
export function findAccount(
  db: D1Database,
  { apiKeyId, accountSid, region }: Omit<AccountKey, "id">,
): Promise<(TwilioAccountRow & { id: string }) | null> {
  return first(
    db
      .prepare(
        `SELECT id, auth_token_sealed, previous_auth_token_sealed, auth_token_changed_at
         FROM twilio_accounts WHERE api_key_id = ?1 AND account_sid = ?2 AND region = ?3`,
      )
      .bind(apiKeyId, accountSid, region),
  );
}

export type TokenToStore = AccountKey & {
  authTokenSealed: string;
  /**
   * If the new token differs from the stored one: the stored token as it was read, and the list of replaced tokens
   * after the change, both sealed. Else null.
   */
  replaces: { sealed: string; retiredSealed: string | null } | null;
};

/** Statement for a batch: inserts the account, or replaces its token if the new one differs. */
export function upsertAccount(
  db: D1Database,
  { id, apiKeyId, accountSid, region, authTokenSealed, replaces }: TokenToStore,
  now: string,
): D1PreparedStatement {
  // A running check with the old token loses its lease: its result is no longer true. We replace only the token that we
  // read. If several requests bring the same new token at once, one of them stores it, and the others must not make it
  // the "previous" one. If another request has made the account meanwhile, its row and its id stay.
  return db
    .prepare(
      `INSERT INTO twilio_accounts (id, api_key_id, account_sid, region, auth_token_sealed, next_check_at, created_at,
         updated_at, routing_checked_at)
       VALUES (?9, ?1, ?2, ?8, ?3, ?6, ?4, ?4, ?4)
       ON CONFLICT DO UPDATE SET previous_auth_token_sealed = ?7,
         auth_token_sealed = excluded.auth_token_sealed, auth_token_changed_at = excluded.updated_at,
         health = 'ok', check_failures = 0, next_check_at = excluded.updated_at, updated_at = excluded.updated_at,
         check_holder = NULL, check_lease_expires_at = NULL
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
      region,
      id,
    );
}

/** A new account was just checked. An account with a new token is due at once. */
function nextCheckAfter(now: string): string {
  return new Date(Date.parse(now) + CHECK_INTERVAL_MS).toISOString();
}

/** An account is due this long after a check: less than an hour, because the cron runs only every 15 minutes. */
export const CHECK_INTERVAL_MS = 50 * 60 * 1000;

/**
 * Statement for a batch: Twilio has just accepted the stored token, so the account is `ok`. If it was not `ok` before,
 * it is due at once.
 */
export function markAccepted(
  db: D1Database,
  { apiKeyId, accountSid, region }: Omit<AccountKey, "id">,
  now: string,
): D1PreparedStatement {
  // By its natural key, as its id may be another one than the caller knows.
  return db
    .prepare(
      `UPDATE twilio_accounts SET health = 'ok', check_failures = 0, next_check_at = ?3,
         check_holder = NULL, check_lease_expires_at = NULL
       WHERE api_key_id = ?1 AND account_sid = ?2 AND region = ?4 AND health <> 'ok'`,
    )
    .bind(apiKeyId, accountSid, now, region);
}

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
  await run(
    db
      .prepare(
        `UPDATE twilio_accounts SET previous_auth_token_sealed = NULL
         WHERE id = ?1 AND auth_token_changed_at = ?2`,
      )
      .bind(id, changedAt),
    { isIdempotent: true },
  );
}

/** Statement for a batch: deletes this key's accounts without numbers, so that no token is kept without need. */
export function deleteUnusedAccounts(db: D1Database, apiKeyId: string): D1PreparedStatement {
  return db
    .prepare(
      `DELETE FROM twilio_accounts WHERE api_key_id = ?1 AND NOT EXISTS (
         SELECT 1 FROM phone_numbers n WHERE n.twilio_account_id = twilio_accounts.id)`,
    )
    .bind(apiKeyId);
}

/** Twilio has refused ConversationRelay to this account. @throws StorageError */
export async function rememberRelayRefused(db: D1Database, accountId: string, now: string): Promise<void> {
  await run(
    db.prepare("UPDATE twilio_accounts SET relay_refused_at = ?2 WHERE id = ?1").bind(accountId, now),
  );
}
