import { batch, first, run } from "../../database.ts";
import type { SealedEvent } from "../../events/event.ts";
import { insertPending } from "../../events/pending-store.ts";
import type { TwilioAccountRow } from "../../twilio-accounts/row.ts";
import { deleteUnusedAccounts } from "../../twilio-accounts/store.ts";
import type { PhoneNumberRow } from "../row.ts";

/** A number with what it takes to give it back. */
export type ReleasableRow = PhoneNumberRow &
  TwilioAccountRow & {
    created_at: string;
    updated_at: string;
    return_attempts: number;
    /** When recovery may try again; the column is `next_return_at`, for releases were the first to wait. */
    next_attempt_at: string | null;
  };

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
           n.outbound_enabled, n.state, n.claim_id, n.lease_expires_at, n.previous_configuration_sealed, n.created_at, n.updated_at,
           n.return_attempts, n.next_return_at AS next_attempt_at,
           t.auth_token_sealed, t.previous_auth_token_sealed, t.auth_token_changed_at
         FROM phone_numbers n
         JOIN twilio_accounts t ON t.api_key_id = n.api_key_id AND t.account_sid = n.account_sid
         WHERE n.phone_number = ?2 AND n.api_key_id = ?1`,
      )
      .bind(apiKeyId, phoneNumber),
  );
}

/**
 * Begins a release: of an active number, or of one that an unfinished import or release left behind. One that is
 * `returning` was released already, and stays so.
 *
 * @returns false where somebody else is at work on it
 * @throws StorageError
 */
export async function beginRelease(
  db: D1Database,
  { id, claim_id, state }: PhoneNumberRow,
  claimId: string,
  leaseExpiresAt: string,
  now: string,
): Promise<boolean> {
  const changed = await run(
    db
      .prepare(
        `UPDATE phone_numbers SET state = ?6, claim_id = ?3, lease_expires_at = ?4
         WHERE id = ?1 AND claim_id = ?2 AND (lease_expires_at IS NULL OR lease_expires_at <= ?5)`,
      )
      .bind(id, claim_id, claimId, leaseExpiresAt, now, state === "returning" ? state : "releasing"),
  );
  return changed === 1;
}

type Ending = {
  claimId: string;
  event: SealedEvent | undefined;
  now: string;
  /** When to try again to give the number back; undefined where it was, and the row goes. */
  returnAt: string | undefined;
};

/**
 * Ends a release, and in the same transaction keeps the event that says so. The row goes, its account with it where that
 * has no other number; where Twilio could not be told it stays as `returning`, of no agent and seen by nobody.
 *
 * @returns `isReleased` false where another request has taken the release over
 * @throws StorageError
 */
export async function endRelease(
  db: D1Database,
  { id, api_key_id }: PhoneNumberRow,
  { claimId, event, now, returnAt }: Ending,
): Promise<{ isReleased: boolean; hasEvent: boolean }> {
  const end =
    returnAt === undefined
      ? db.prepare("DELETE FROM phone_numbers WHERE id = ?1 AND claim_id = ?2").bind(id, claimId)
      : db
          .prepare(
            `UPDATE phone_numbers SET updated_at = CASE WHEN state = 'returning' THEN updated_at ELSE ?3 END,
               state = 'returning', agent_id = NULL, lease_expires_at = ?3, return_attempts = return_attempts + 1, next_return_at = ?4
             WHERE id = ?1 AND claim_id = ?2`,
          )
          .bind(id, claimId, now, returnAt);
  const tell = event ? [insertPending(db, event, { phoneNumberId: id, claimId, state: "releasing" })] : [];
  const results = await batch(db, [...tell, end, deleteUnusedAccounts(db, api_key_id)]);
  return {
    isReleased: results.at(-2)?.meta.changes === 1,
    hasEvent: event !== undefined && results[0]?.meta.changes === 1,
  };
}
