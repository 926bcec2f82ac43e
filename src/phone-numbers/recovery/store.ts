import { all, run } from "../../database.ts";
import type { AccountKey } from "../../twilio-accounts/row.ts";
import type { Claim } from "../import/store.ts";

// Unfinished imports and releases.

/**
 * Takes over an unfinished import to undo it, if its lease has expired and no other request took it over.
 *
 * @param previousHolder of its lease
 * @throws StorageError
 */
export async function takeOverImport(
  db: D1Database,
  { id, holder, leaseExpiresAt }: Claim,
  previousHolder: string,
  now: string,
): Promise<boolean> {
  const statement = db
    .prepare(
      `UPDATE phone_numbers SET lease_holder = ?3, lease_expires_at = ?4
       WHERE id = ?1 AND lease_holder = ?2 AND state = 'importing' AND lease_expires_at <= ?5`,
    )
    .bind(id, previousHolder, holder, leaseExpiresAt, now);
  return (await run(statement)) === 1;
}

/** Postpones an unfinished import or release, and counts the attempt. @throws StorageError */
export async function postponeRecovery(
  db: D1Database,
  id: string,
  holder: string,
  now: string,
  until: string,
): Promise<void> {
  await run(
    db
      .prepare(
        `UPDATE phone_numbers SET lease_expires_at = ?3, next_attempt_at = ?4, recovery_attempts = recovery_attempts + 1
         WHERE id = ?1 AND lease_holder = ?2 AND state <> 'active'`,
      )
      .bind(id, holder, now, until),
  );
}

/**
 * Twilio accounts with unfinished imports or releases whose lease has expired, the oldest first.
 *
 * @throws StorageError
 */
export function findUnfinishedAccounts(db: D1Database, now: string, limit: number): Promise<AccountKey[]> {
  return all<AccountKey>(
    db
      .prepare(
        `SELECT t.id, t.api_key_id AS apiKeyId, t.account_sid AS accountSid, t.region
         FROM phone_numbers n JOIN twilio_accounts t ON t.id = n.twilio_account_id
         WHERE n.state <> 'active' AND n.lease_expires_at <= ?1
           AND (n.next_attempt_at IS NULL OR n.next_attempt_at <= ?1)
         GROUP BY t.id ORDER BY MIN(n.lease_expires_at) LIMIT ?2`,
      )
      .bind(now, limit),
  );
}

/** The numbers of one account whose import or release is unfinished. @throws StorageError */
export async function findUnfinishedNumbers(
  db: D1Database,
  { id }: Pick<AccountKey, "id">,
  now: string,
  limit: number,
): Promise<string[]> {
  const rows = await all<{ phone_number: string }>(
    db
      .prepare(
        `SELECT phone_number FROM phone_numbers
         WHERE twilio_account_id = ?1 AND state <> 'active' AND lease_expires_at <= ?2
           AND (next_attempt_at IS NULL OR next_attempt_at <= ?2) LIMIT ?3`,
      )
      .bind(id, now, limit),
  );
  return rows.map(({ phone_number }) => phone_number);
}
