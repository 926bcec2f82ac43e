import { batch, first, run } from "../database.ts";
import type { TwilioAccountRow } from "../phone-numbers/account-store.ts";
import type { Health } from "./plan.ts";

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

export type ClaimedAccount = TwilioAccountRow & { health: Health; check_failures: number };

// So many API keys may be at work on one Twilio account at once, each with one request at a time.
const MAX_CHECKS_PER_ACCOUNT = 2;

/**
 * Claims an account for a check.
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
         RETURNING auth_token_sealed, previous_auth_token_sealed, auth_token_changed_at, health, check_failures`,
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
  /** Set where the account was compared as a whole. */
  checkedAt: string | null;
};

/** Statement for a batch: ends a check. */
export function finishCheck(
  db: D1Database,
  { apiKeyId, accountSid }: AccountKey,
  claimId: string,
  { health, failures, nextCheckAt, checkedAt }: CheckResult,
): D1PreparedStatement {
  return db
    .prepare(
      `UPDATE twilio_accounts SET health = ?4, check_failures = ?5, next_check_at = ?6,
         checked_at = COALESCE(?7, checked_at), check_claim_id = NULL, check_lease_expires_at = NULL
       WHERE api_key_id = ?1 AND account_sid = ?2 AND check_claim_id = ?3`,
    )
    .bind(apiKeyId, accountSid, claimId, health, failures, nextCheckAt, checkedAt);
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
        `SELECT DISTINCT a.id FROM agents a
         JOIN phone_numbers n ON n.agent_id = a.id AND n.api_key_id = a.api_key_id
         WHERE a.api_key_id = ?1 AND n.account_sid = ?2 AND a.webhook_url IS NOT NULL LIMIT ?3`,
      )
      .bind(apiKeyId, accountSid, limit),
  ]);
  return ((result?.results ?? []) as { id: string }[]).map(({ id }) => id);
}

/** The health of all a key has, in one trip. @throws StorageError */
export async function summariseHealth(db: D1Database, apiKeyId: string) {
  const [numbers, accounts] = await batch(db, [
    db
      .prepare(
        `SELECT CASE WHEN t.health = 'ok' THEN n.health ELSE t.health END AS found, COUNT(*) AS count
         FROM phone_numbers n
         JOIN twilio_accounts t ON t.api_key_id = n.api_key_id AND t.account_sid = n.account_sid
         WHERE n.api_key_id = ?1 AND n.state = 'active' GROUP BY found`,
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
    numbers: (numbers?.results ?? []) as { found: Health; count: number }[],
    accounts: (accounts?.results ?? []) as {
      account_sid: string;
      health: Health;
      checked_at: string | null;
      next_check_at: string;
    }[],
  };
}

/** Marks an account as having its credentials rejected, and due at once. @returns whether that is new. @throws StorageError */
export async function markRejected(
  db: D1Database,
  { apiKeyId, accountSid }: AccountKey,
  now: string,
): Promise<boolean> {
  const statement = db
    .prepare(
      `UPDATE twilio_accounts SET health = 'credentials_rejected', next_check_at = ?3
       WHERE api_key_id = ?1 AND account_sid = ?2 AND health <> 'credentials_rejected'`,
    )
    .bind(apiKeyId, accountSid, now);
  return (await run(statement)) === 1;
}
