import { batch, first, run } from "../database.ts";
import type { SealedEvent } from "../events/event.ts";
import { insertEvent } from "../events/store.ts";
import { deleteUnusedAccounts, type TwilioAccountRow } from "./account-store.ts";
import type { PhoneNumberRow } from "./store.ts";

/** A number with what it takes to give it back. */
export type ReleasableRow = PhoneNumberRow & TwilioAccountRow;

/** One of a key's numbers, in whatever state, with its account's tokens. @throws StorageError */
export function findReleasable(
  db: D1Database,
  apiKeyId: string,
  phoneNumber: string,
): Promise<ReleasableRow | null> {
  return first<ReleasableRow>(
    db
      .prepare(
        `SELECT n.id, n.phone_number, n.api_key_id, n.agent_id, n.account_sid, n.twilio_number_sid, n.inbound_enabled,
           n.outbound_enabled, n.state, n.claim_id, n.lease_expires_at, n.previous_configuration_sealed,
           t.auth_token_sealed, t.previous_auth_token_sealed, t.auth_token_changed_at
         FROM phone_numbers n
         JOIN twilio_accounts t ON t.api_key_id = n.api_key_id AND t.account_sid = n.account_sid
         WHERE n.phone_number = ?2 AND n.api_key_id = ?1`,
      )
      .bind(apiKeyId, phoneNumber),
  );
}

/**
 * Begins a release: of an active number, or of one that an unfinished import or release left behind.
 *
 * @returns false where somebody else is at work on it
 * @throws StorageError
 */
export async function beginRelease(
  db: D1Database,
  { id, claim_id }: PhoneNumberRow,
  claimId: string,
  leaseExpiresAt: string,
  now: string,
): Promise<boolean> {
  const changed = await run(
    db
      .prepare(
        `UPDATE phone_numbers SET state = 'releasing', claim_id = ?3, lease_expires_at = ?4, updated_at = ?5
         WHERE id = ?1 AND claim_id = ?2 AND (state = 'active' OR lease_expires_at <= ?5)`,
      )
      .bind(id, claim_id, claimId, leaseExpiresAt, now),
  );
  return changed === 1;
}

/**
 * Ends a release: the row goes, its account with it where that has no other number, and in the same transaction the event
 * is kept, and where Twilio could not be told also what the number had before.
 *
 * @returns `isReleased` false where another request has taken the release over
 * @throws StorageError
 */
export async function endRelease(
  db: D1Database,
  row: PhoneNumberRow,
  claimId: string,
  event: SealedEvent | undefined,
  { isReturned, now }: { isReturned: boolean; now: string },
): Promise<{ isReleased: boolean; hasEvent: boolean }> {
  const keep = db
    .prepare(
      `INSERT INTO unreturned_configurations (phone_number_id, api_key_id, phone_number,
         twilio_number_sid, previous_configuration_sealed, released_at)
       SELECT id, api_key_id, phone_number, twilio_number_sid, previous_configuration_sealed, ?3 FROM phone_numbers
       WHERE id = ?1 AND claim_id = ?2 ON CONFLICT (phone_number_id) DO NOTHING`,
    )
    .bind(row.id, claimId, now);
  const remove = db
    .prepare("DELETE FROM phone_numbers WHERE id = ?1 AND claim_id = ?2 AND state = 'releasing'")
    .bind(row.id, claimId);
  const tell = event ? [insertEvent(db, event, { phoneNumberId: row.id, claimId, state: "releasing" })] : [];
  const results = await batch(db, [
    ...tell,
    ...(isReturned ? [] : [keep]),
    remove,
    deleteUnusedAccounts(db, row.api_key_id),
  ]);
  return {
    isReleased: results.at(-2)?.meta.changes === 1,
    hasEvent: event !== undefined && results[0]?.meta.changes === 1,
  };
}

/** What a number had before an import that was never given back. */
export type UnreturnedRow = {
  phone_number_id: string;
  twilio_number_sid: string;
  previous_configuration_sealed: string;
};

/** Statement for a batch: what was kept last of this number, by whichever of the key's releases. */
export function selectUnreturned(db: D1Database, apiKeyId: string, phoneNumber: string): D1PreparedStatement {
  return db
    .prepare(
      `SELECT phone_number_id, twilio_number_sid, previous_configuration_sealed FROM unreturned_configurations
       WHERE api_key_id = ?1 AND phone_number = ?2 ORDER BY released_at DESC LIMIT 1`,
    )
    .bind(apiKeyId, phoneNumber);
}

/** Deletes up to `limit` of those released before. @returns how many. @throws StorageError */
export function clearUnreturned(db: D1Database, before: string, limit: number): Promise<number> {
  return run(
    db
      .prepare(
        `DELETE FROM unreturned_configurations WHERE phone_number_id IN (
           SELECT phone_number_id FROM unreturned_configurations WHERE released_at < ?1 ORDER BY released_at LIMIT ?2)`,
      )
      .bind(before, limit),
  );
}
