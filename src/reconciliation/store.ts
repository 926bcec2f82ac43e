import { all, readBatch, run } from "../database.ts";
import type { Health } from "../phone-numbers/health.ts";
import type { AccountHealth, AccountKey } from "../twilio-accounts/row.ts";

/** An account that is due, and its place in the order of due accounts. */
export type DueCursor = AccountKey & { nextCheckAt: string };

/** The due accounts after `cursor`, the longest due first. @throws StorageError */
export function findDueAccounts(
  db: D1Database,
  now: string,
  cursor: DueCursor | undefined,
  limit: number,
): Promise<DueCursor[]> {
  return all<DueCursor>(
    db
      .prepare(
        `SELECT api_key_id AS apiKeyId, account_sid AS accountSid, region, next_check_at AS nextCheckAt FROM twilio_accounts
         WHERE next_check_at <= ?1 AND (next_check_at, api_key_id, account_sid, region) > (?2, ?3, ?4, ?6)
         ORDER BY next_check_at, api_key_id, account_sid, region LIMIT ?5`,
      )
      .bind(
        now,
        cursor?.nextCheckAt ?? "",
        cursor?.apiKeyId ?? "",
        cursor?.accountSid ?? "",
        limit,
        cursor?.region ?? "",
      ),
  );
}

/** Makes accounts due at this time. @throws StorageError */
export async function postponeAccounts(
  db: D1Database,
  accounts: readonly AccountKey[],
  until: string,
): Promise<void> {
  const keys = JSON.stringify(
    accounts.map(({ apiKeyId, accountSid, region }) => [apiKeyId, accountSid, region]),
  );
  await run(
    db
      .prepare(
        `UPDATE twilio_accounts SET next_check_at = ?2 WHERE (api_key_id, account_sid, region) IN (
           SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]') FROM json_each(?1))`,
      )
      .bind(keys, until),
  );
}

/**
 * The health of a key's numbers, by account and health, and of its accounts, in one round trip.
 *
 * @throws StorageError
 */
export async function findHealth(db: D1Database, apiKeyId: string) {
  const [numbers, accounts] = await readBatch(db, [
    db
      .prepare(
        `SELECT account_sid, region, health, COUNT(*) AS count FROM phone_numbers
         WHERE api_key_id = ?1 AND state = 'active' GROUP BY account_sid, region, health`,
      )
      .bind(apiKeyId),
    db
      .prepare(
        `SELECT account_sid, region, health, checked_at, next_check_at FROM twilio_accounts
         WHERE api_key_id = ?1 ORDER BY account_sid, region LIMIT 1000`,
      )
      .bind(apiKeyId),
  ]);
  return {
    numbers: (numbers?.results ?? []) as {
      account_sid: string;
      region: string;
      health: Health;
      count: number;
    }[],
    accounts: (accounts?.results ?? []) as {
      account_sid: string;
      region: string;
      health: AccountHealth;
      checked_at: string | null;
      next_check_at: string;
    }[],
  };
}
