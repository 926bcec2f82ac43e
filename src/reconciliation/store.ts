import { batch, first, run } from "../database.ts";
import type { TwilioAccountRow } from "../twilio-accounts/store.ts";
import type { Health } from "./compare.ts";

export type AccountKey = { apiKeyId: string; accountSid: string };

/** Accounts that are due after `cursor`, in the order of their time. @throws StorageError */
export async function findDueAccounts(
  db: D1Database,
  now: string,
  cursor: { nextCheckAt: string; apiKeyId: string; accountSid: string } | undefined,
  limit: number,
): Promise<{ api_key_id: string; account_sid: string; next_check_at: string }[]> {
  const [result] = await batch(db, [
    db
      .prepare(
        `SELECT api_key_id, account_sid, next_check_at FROM twilio_accounts
         WHERE next_check_at <= ?1 AND (next_check_at, api_key_id, account_sid) > (?2, ?3, ?4)
         ORDER BY next_check_at, api_key_id, account_sid LIMIT ?5`,
      )
      .bind(now, cursor?.nextCheckAt ?? "", cursor?.apiKeyId ?? "", cursor?.accountSid ?? "", limit),
  ]);
  return (result?.results ?? []) as { api_key_id: string; account_sid: string; next_check_at: string }[];
}

/** Makes accounts due at this time. @throws StorageError */
export async function postponeAccounts(
  db: D1Database,
  accounts: readonly AccountKey[],
  until: string,
): Promise<void> {
  const keys = JSON.stringify(accounts.map(({ apiKeyId, accountSid }) => [apiKeyId, accountSid]));
  await run(
    db
      .prepare(
        `UPDATE twilio_accounts SET next_check_at = ?2 WHERE (api_key_id, account_sid) IN (
           SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?1))`,
      )
      .bind(keys, until),
  );
}

export type ClaimedAccount = TwilioAccountRow & {
  health: Health;
  check_failures: number;
  check_position: string;
};

// So many API keys may be at work on one Twilio account at once, each with one request at a time.
const MAX_CHECKS_PER_ACCOUNT = 2;

/**
 * Claims an account for a check. Looks at the leases of other keys' checks of the same Twilio account, and at nothing else
 * of theirs.
 *
 * @returns null where the account is gone, or checks of it are at work already
 * @throws StorageError
 */
export function claimAccount(
  db: D1Database,
  { apiKeyId, accountSid }: AccountKey,
  claimId: string,
  leaseExpiresAt: string,
  now: string,
): Promise<ClaimedAccount | null> {
  return first<ClaimedAccount>(
    db
      .prepare(
        `UPDATE twilio_accounts SET check_claim_id = ?3, check_lease_expires_at = ?4
         WHERE api_key_id = ?1 AND account_sid = ?2
           AND (check_lease_expires_at IS NULL OR check_lease_expires_at <= ?5)
           AND (SELECT COUNT(*) FROM twilio_accounts other
                WHERE other.account_sid = ?2 AND other.check_lease_expires_at > ?5) < ?6
         RETURNING auth_token_sealed, previous_auth_token_sealed, auth_token_changed_at, health, check_failures,
           check_position`,
      )
      .bind(apiKeyId, accountSid, claimId, leaseExpiresAt, now, MAX_CHECKS_PER_ACCOUNT),
  );
}

/** Lengthens the lease of a check. @returns false where it has lost the account. @throws StorageError */
export async function keepAccount(
  db: D1Database,
  { apiKeyId, accountSid }: AccountKey,
  claimId: string,
  leaseExpiresAt: string,
): Promise<boolean> {
  const statement = db
    .prepare(
      `UPDATE twilio_accounts SET check_lease_expires_at = ?4
       WHERE api_key_id = ?1 AND account_sid = ?2 AND check_claim_id = ?3`,
    )
    .bind(apiKeyId, accountSid, claimId, leaseExpiresAt);
  return (await run(statement)) === 1;
}

export type CheckResult = {
  health: Health;
  failures: number;
  nextCheckAt: string;
  /** Where the next check goes on. */
  position: string;
  /** Set where the account was compared as a whole. */
  checkedAt: string | null;
};

/** Statement for a batch: ends a check. */
export function finishCheck(
  db: D1Database,
  { apiKeyId, accountSid }: AccountKey,
  claimId: string,
  { health, failures, nextCheckAt, position, checkedAt }: CheckResult,
): D1PreparedStatement {
  return db
    .prepare(
      `UPDATE twilio_accounts SET health = ?4, check_failures = ?5, next_check_at = ?6, check_position = ?8,
         checked_at = COALESCE(?7, checked_at), check_claim_id = NULL, check_lease_expires_at = NULL
       WHERE api_key_id = ?1 AND account_sid = ?2 AND check_claim_id = ?3`,
    )
    .bind(apiKeyId, accountSid, claimId, health, failures, nextCheckAt, checkedAt, position);
}

/** Agents with a webhook_url that answer numbers of this account. @throws StorageError */
export async function findAgentsToTell(
  db: D1Database,
  { apiKeyId, accountSid }: AccountKey,
  limit: number,
): Promise<string[]> {
  const [result] = await batch(db, [
    db
      .prepare(
        `SELECT a.id FROM agents a
         WHERE a.api_key_id = ?1 AND a.webhook_url IS NOT NULL AND EXISTS (
           SELECT 1 FROM phone_numbers n
           WHERE n.agent_id = a.id AND n.api_key_id = a.api_key_id AND n.account_sid = ?2) LIMIT ?3`,
      )
      .bind(apiKeyId, accountSid, limit),
  ]);
  return ((result?.results ?? []) as { id: string }[]).map(({ id }) => id);
}

/** The health of all a key has, numbers by account and health, in one trip. @throws StorageError */
export async function findHealth(db: D1Database, apiKeyId: string) {
  const [numbers, accounts] = await batch(db, [
    db
      .prepare(
        `SELECT account_sid, health, COUNT(*) AS count FROM phone_numbers
         WHERE api_key_id = ?1 AND state = 'active' GROUP BY account_sid, health`,
      )
      .bind(apiKeyId),
    db
      .prepare(
        `SELECT account_sid, health, checked_at, next_check_at FROM twilio_accounts
         WHERE api_key_id = ?1 ORDER BY account_sid LIMIT 1000`,
      )
      .bind(apiKeyId),
  ]);
  return {
    numbers: (numbers?.results ?? []) as { account_sid: string; health: Health; count: number }[],
    accounts: (accounts?.results ?? []) as {
      account_sid: string;
      health: Health;
      checked_at: string | null;
      next_check_at: string;
    }[],
  };
}

/** Statement for a batch: ends the claim of a check that came to nothing. */
export function releaseAccount(
  db: D1Database,
  { apiKeyId, accountSid }: AccountKey,
  claimId: string,
): D1PreparedStatement {
  return db
    .prepare(
      `UPDATE twilio_accounts SET check_claim_id = NULL, check_lease_expires_at = NULL
       WHERE api_key_id = ?1 AND account_sid = ?2 AND check_claim_id = ?3`,
    )
    .bind(apiKeyId, accountSid, claimId);
}

/**
 * Statement for a batch: an account is found like this outside its check, and is due at once. A check that is at work loses
 * it: what it will find was so before. Credentials that are rejected stay so while it is not to be reached.
 */
export function markAccount(
  db: D1Database,
  { apiKeyId, accountSid }: AccountKey,
  health: Extract<Health, "credentials_rejected" | "unreachable">,
  now: string,
): D1PreparedStatement {
  return db
    .prepare(
      `UPDATE twilio_accounts SET health = ?3, next_check_at = ?4, check_claim_id = NULL, check_lease_expires_at = NULL
       WHERE api_key_id = ?1 AND account_sid = ?2 AND health NOT IN (?3, 'credentials_rejected')`,
    )
    .bind(apiKeyId, accountSid, health, now);
}
