import { batch, first, run } from "../database.ts";
import type { TwilioAccountRow } from "../phone-numbers/account-store.ts";
import type { CheckedRow, Health, HealthReason } from "./plan.ts";
import type { AccountKey } from "./store.ts";

const CHECKED_COLUMNS = `id, phone_number, agent_id, twilio_number_sid, drift_policy, health, health_reasons,
  repaired_at, repairs, updated_at`;

/** An account's active numbers after a SID, in the order of their SIDs. @throws StorageError */
export async function findAccountRows(
  db: D1Database,
  { apiKeyId, accountSid }: AccountKey,
  afterSid: string,
  limit: number,
): Promise<CheckedRow[]> {
  const [result] = await batch(db, [
    db
      .prepare(
        `SELECT ${CHECKED_COLUMNS} FROM phone_numbers
         WHERE api_key_id = ?1 AND account_sid = ?2 AND twilio_number_sid > ?3 AND state = 'active'
         ORDER BY twilio_number_sid LIMIT ?4`,
      )
      .bind(apiKeyId, accountSid, afterSid, limit),
  ]);
  return (result?.results ?? []) as CheckedRow[];
}

/** One of a key's active numbers with its account's tokens, for a check of it alone. @throws StorageError */
export function findNumberToCheck(
  db: D1Database,
  apiKeyId: string,
  phoneNumber: string,
): Promise<(CheckedRow & TwilioAccountRow & { account_sid: string }) | null> {
  return first(
    db
      .prepare(
        `SELECT n.id, n.phone_number, n.agent_id, n.twilio_number_sid, n.drift_policy, n.health, n.health_reasons,
           n.repaired_at, n.repairs, n.updated_at, n.account_sid,
           t.auth_token_sealed, t.previous_auth_token_sealed, t.auth_token_changed_at
         FROM phone_numbers n
         JOIN twilio_accounts t ON t.api_key_id = n.api_key_id AND t.account_sid = n.account_sid
         WHERE n.phone_number = ?2 AND n.api_key_id = ?1 AND n.state = 'active'`,
      )
      .bind(apiKeyId, phoneNumber),
  );
}

export type NumberHealth = {
  id: string;
  health: Health;
  reasons: readonly HealthReason[];
  /** Set where the number was repaired just now. */
  repair?: { at: string; inARow: number };
};

/**
 * Reserves an active number for a repair, so that it is not released in the middle of it.
 *
 * @returns false where it is not there any more, or somebody else is at work on it
 * @throws StorageError
 */
export async function reserveNumber(
  db: D1Database,
  id: string,
  leaseExpiresAt: string,
  now: string,
): Promise<boolean> {
  const statement = db
    .prepare(
      `UPDATE phone_numbers SET lease_expires_at = ?2
       WHERE id = ?1 AND state = 'active' AND (lease_expires_at IS NULL OR lease_expires_at <= ?3)`,
    )
    .bind(id, leaseExpiresAt, now);
  return (await run(statement)) === 1;
}

/** Statement for a batch: how a number was found. Ends its reservation. */
export function putHealth(
  db: D1Database,
  { id, health, reasons, repair }: NumberHealth,
  now: string,
): D1PreparedStatement {
  return db
    .prepare(
      `UPDATE phone_numbers SET health = ?2, health_reasons = ?3, checked_at = ?4, lease_expires_at = NULL,
         repaired_at = COALESCE(?5, repaired_at), repairs = COALESCE(?6, repairs)
       WHERE id = ?1 AND state = 'active'`,
    )
    .bind(id, health, JSON.stringify(reasons), now, repair?.at ?? null, repair?.inARow ?? null);
}
