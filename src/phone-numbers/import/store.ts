import { batch } from "../../database.ts";
import type { SealedEvent } from "../../events/event.ts";
import { insertPending } from "../../events/pending-store.ts";
import { deleteUnusedAccounts } from "../../twilio-accounts/store.ts";
import type { PhoneNumberRow } from "../row.ts";

/** SQL, of the table `phone_numbers`. */
const IS_ORPHANED = `EXISTS (SELECT 1 FROM api_keys WHERE api_keys.id = phone_numbers.api_key_id AND revoked_at IS NOT NULL)`;

/** A row that stands where another is to be. `is_orphaned`: its API key is revoked, so nobody can release it. */
export type ExistingRow = PhoneNumberRow & { is_orphaned: 0 | 1 };

/** Statement for a batch: the row of a number, whosever it is. */
export function selectByPhoneNumber(db: D1Database, phoneNumber: string): D1PreparedStatement {
  return db
    .prepare(
      `SELECT id, phone_number, api_key_id, agent_id, account_sid, twilio_number_sid, inbound_enabled, outbound_enabled,
         state, claim_id, lease_expires_at, previous_configuration_sealed, ${IS_ORPHANED} AS is_orphaned
       FROM phone_numbers WHERE phone_number = ?1`,
    )
    .bind(phoneNumber);
}

/** A claim on a number: who imports it, and until when nobody else may. */
export type Claim = {
  id: string;
  claimId: string;
  leaseExpiresAt: string;
  phoneNumber: string;
  apiKeyId: string;
  agentId: string;
  accountSid: string;
  twilioNumberSid: string;
  previousConfigurationSealed: string;
};

/**
 * Inserts the number as `importing`, together with its Twilio account.
 *
 * @param superseded a row of another key that is returning or orphaned: who has the number at Twilio now comes first
 * @param accounts what makes sure that the Twilio account is there; see account-store.ts
 * @throws StorageError `conflict` where the number has a row already, `dangling` where the agent is gone
 */
export async function insertClaim(
  db: D1Database,
  claim: Claim,
  accounts: readonly D1PreparedStatement[],
  now: string,
  superseded?: Pick<PhoneNumberRow, "id" | "claim_id" | "api_key_id">,
): Promise<void> {
  const insert = db
    .prepare(
      `INSERT INTO phone_numbers (id, phone_number, api_key_id, agent_id, account_sid, twilio_number_sid, state, claim_id,
         lease_expires_at, previous_configuration_sealed, created_at, updated_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'importing', ?7, ?8, ?9, ?10, ?10)`,
    )
    .bind(
      claim.id,
      claim.phoneNumber,
      claim.apiKeyId,
      claim.agentId,
      claim.accountSid,
      claim.twilioNumberSid,
      claim.claimId,
      claim.leaseExpiresAt,
      claim.previousConfigurationSealed,
      now,
    );
  const clear = superseded
    ? [
        db
          .prepare(
            `DELETE FROM phone_numbers
             WHERE id = ?1 AND claim_id = ?2 AND (state = 'returning' OR ${IS_ORPHANED})
               AND (lease_expires_at IS NULL OR lease_expires_at <= ?3)`,
          )
          .bind(superseded.id, superseded.claim_id, now),
        deleteUnusedAccounts(db, superseded.api_key_id),
      ]
    : [];
  await batch(db, [...clear, ...accounts, insert]);
}

/**
 * Takes over a row of the same key whose import or release was not finished, if its lease is over and nobody else was
 * faster. Nothing stays of the time before but its id and what it has to give back.
 *
 * @param abandoned the claim that is taken over
 * @returns whether the row is now ours
 * @throws StorageError
 */
export async function takeOverClaim(
  db: D1Database,
  claim: Claim,
  abandoned: string,
  accounts: readonly D1PreparedStatement[],
  now: string,
): Promise<boolean> {
  const update = db
    .prepare(
      `UPDATE phone_numbers SET state = 'importing', agent_id = ?3, account_sid = ?4, twilio_number_sid = ?5,
         claim_id = ?6, lease_expires_at = ?7, previous_configuration_sealed = ?8, created_at = ?9, updated_at = ?9,
         inbound_enabled = 1, outbound_enabled = 1, next_return_at = NULL, return_attempts = 0, sms_refused = 0,
         health = 'ok', health_reasons = '[]', checked_at = NULL, drift_policy = 'repair', repaired_at = NULL,
         repairs = 0, first_inbound_at = NULL, last_inbound_at = NULL
       WHERE id = ?1 AND claim_id = ?2 AND state <> 'active' AND lease_expires_at <= ?9`,
    )
    .bind(
      claim.id,
      abandoned,
      claim.agentId,
      claim.accountSid,
      claim.twilioNumberSid,
      claim.claimId,
      claim.leaseExpiresAt,
      claim.previousConfigurationSealed,
      now,
    );
  const results = await batch(db, [...accounts, update, deleteUnusedAccounts(db, claim.apiKeyId)]);
  return results[accounts.length]?.meta.changes === 1;
}

/** @param smsRefused Twilio has said that the number cannot text */
export type Activation = Pick<Claim, "id" | "claimId"> & { smsRefused: boolean };

/**
 * Makes a claimed number active, and in the same transaction keeps the event that says so. Doing it twice is the same
 * as doing it once.
 *
 * @returns undefined where another import has taken the row over; else its agent, which may have been deleted meanwhile,
 *   and whether there is somebody to tell
 * @throws StorageError
 */
export async function activate(
  db: D1Database,
  { id, claimId, smsRefused }: Activation,
  event: SealedEvent,
  now: string,
): Promise<{ agentId: string | null; hasEvent: boolean } | undefined> {
  const update = db
    .prepare(
      `UPDATE phone_numbers SET state = 'active', lease_expires_at = NULL, sms_refused = ?4, updated_at = ?3
       WHERE id = ?1 AND claim_id = ?2 RETURNING agent_id`,
    )
    .bind(id, claimId, now, Number(smsRefused));
  const [updated, inserted] = await batch(db, [
    update,
    insertPending(db, event, { phoneNumberId: id, claimId, state: "active" }),
  ]);
  const row = updated?.results[0] as { agent_id: string | null } | undefined;
  return row && { agentId: row.agent_id, hasEvent: inserted?.meta.changes === 1 };
}

/**
 * Removes a claimed number, and its Twilio account where that has no other number.
 *
 * @throws StorageError
 */
export async function removeClaim(
  db: D1Database,
  { id, claimId, apiKeyId }: Pick<Claim, "id" | "claimId" | "apiKeyId">,
): Promise<void> {
  await batch(db, [
    db
      .prepare("DELETE FROM phone_numbers WHERE id = ?1 AND claim_id = ?2 AND state = 'importing'")
      .bind(id, claimId),
    deleteUnusedAccounts(db, apiKeyId),
  ]);
}
