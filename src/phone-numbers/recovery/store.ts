import { all, part, run, sql } from "../../database.ts";
import type { AccountKey } from "../../twilio-accounts/row.ts";
import { NUMBERS_AND_ACCOUNTS } from "../../twilio-accounts/store.ts";
import type { Claim } from "../import/store.ts";

// Unfinished imports and releases, and changes of channels.

/** SQL: a number has work that was not finished. As the index `phone_numbers_unfinished` has it. */
const IS_UNFINISHED = part`(state <> 'active' OR changing_channel IS NOT NULL)`;

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
  const statement = sql(db)`UPDATE phone_numbers SET lease_holder = ${holder},
      lease_expires_at = ${leaseExpiresAt}
    WHERE id = ${id} AND lease_holder = ${previousHolder} AND state = 'importing'
      AND lease_expires_at <= ${now}`;
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
  await run(sql(db)`UPDATE phone_numbers SET lease_expires_at = ${now}, next_attempt_at = ${until},
      recovery_attempts = recovery_attempts + 1
    WHERE id = ${id} AND lease_holder = ${holder} AND state <> 'active'`);
}

/**
 * Twilio accounts with unfinished work on numbers whose lease has expired, the oldest first.
 *
 * @throws StorageError
 */
export function findUnfinishedAccounts(db: D1Database, now: string, limit: number): Promise<AccountKey[]> {
  return all<AccountKey>(sql(db)`SELECT t.id, t.api_key_id AS apiKeyId, t.account_sid AS accountSid, t.region
    FROM ${NUMBERS_AND_ACCOUNTS}
    WHERE ${IS_UNFINISHED} AND n.lease_expires_at <= ${now}
      AND (n.next_attempt_at IS NULL OR n.next_attempt_at <= ${now})
    GROUP BY t.id ORDER BY MIN(n.lease_expires_at) LIMIT ${limit}`);
}

/** The numbers of one account whose work is unfinished. @throws StorageError */
export async function findUnfinishedNumbers(
  db: D1Database,
  { id }: Pick<AccountKey, "id">,
  now: string,
  limit: number,
): Promise<string[]> {
  const rows = await all<{ phone_number: string }>(sql(db)`SELECT phone_number FROM phone_numbers
    WHERE twilio_account_id = ${id} AND ${IS_UNFINISHED} AND lease_expires_at <= ${now}
      AND (next_attempt_at IS NULL OR next_attempt_at <= ${now}) LIMIT ${limit}`);
  return rows.map(({ phone_number }) => phone_number);
}
