import { batch, run } from "../database.ts";
import type { SealedEvent } from "../events/event.ts";
import { insertEvent } from "../events/store.ts";
import { deleteUnusedAccounts } from "./account-store.ts";

/**
 * A number and who it belongs to. `state` importing: claimed, and Twilio may or may not point at us yet; releasing: being
 * given back, and Twilio may or may not point at us still; returning: released, and to be given back when Twilio can be
 * told.
 */
export type PhoneNumberRow = {
  id: string;
  phone_number: string;
  api_key_id: string;
  agent_id: string | null;
  account_sid: string;
  twilio_number_sid: string;
  inbound_enabled: 0 | 1;
  outbound_enabled: 0 | 1;
  state: "importing" | "active" | "releasing" | "returning";
  claim_id: string;
  lease_expires_at: string | null;
  previous_configuration_sealed: string;
};

/** Statement for a batch: the row of a number, whosever it is. */
export function selectByPhoneNumber(db: D1Database, phoneNumber: string): D1PreparedStatement {
  return db
    .prepare(
      `SELECT id, phone_number, api_key_id, agent_id, account_sid, twilio_number_sid, inbound_enabled, outbound_enabled,
         state, claim_id, lease_expires_at, previous_configuration_sealed
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
 * @param superseded a row of another key that is only returning: who has the number at Twilio now comes first
 * @param account see `upsertAccount`
 * @throws StorageError `conflict` where the number has a row already, `dangling` where the agent is gone
 */
export async function insertClaim(
  db: D1Database,
  claim: Claim,
  account: D1PreparedStatement,
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
             WHERE id = ?1 AND claim_id = ?2 AND state = 'returning' AND lease_expires_at <= ?3`,
          )
          .bind(superseded.id, superseded.claim_id, now),
        deleteUnusedAccounts(db, superseded.api_key_id),
      ]
    : [];
  await batch(db, [...clear, account, insert]);
}

/**
 * Takes over a row whose import or release was not finished, if its lease is over and nobody else was faster.
 *
 * @param abandoned the row that is taken over, of whichever key
 * @returns whether the row is now ours
 * @throws StorageError
 */
export async function takeOverClaim(
  db: D1Database,
  claim: Claim,
  abandoned: Pick<PhoneNumberRow, "claim_id" | "api_key_id">,
  account: D1PreparedStatement,
  now: string,
): Promise<boolean> {
  const update = db
    .prepare(
      `UPDATE phone_numbers SET state = 'importing', next_return_at = NULL, return_attempts = 0, inbound_enabled = 1,
         outbound_enabled = 1, api_key_id = ?10, agent_id = ?3, account_sid = ?4, twilio_number_sid = ?5,
         claim_id = ?6, lease_expires_at = ?7, previous_configuration_sealed = ?8, updated_at = ?9
       WHERE id = ?1 AND claim_id = ?2 AND state <> 'active' AND lease_expires_at <= ?9`,
    )
    .bind(
      claim.id,
      abandoned.claim_id,
      claim.agentId,
      claim.accountSid,
      claim.twilioNumberSid,
      claim.claimId,
      claim.leaseExpiresAt,
      claim.previousConfigurationSealed,
      now,
      claim.apiKeyId,
    );
  const owners = [...new Set([claim.apiKeyId, abandoned.api_key_id])];
  const results = await batch(db, [
    account,
    update,
    ...owners.map((owner) => deleteUnusedAccounts(db, owner)),
  ]);
  return results[1]?.meta.changes === 1;
}

/**
 * Makes a claimed number active, and in the same transaction keeps the event that says so. Doing it twice is the same
 * as doing it once.
 *
 * @returns `isActive` false where another import has taken the row over; `hasEvent` whether there is somebody to tell
 * @throws StorageError
 */
export async function activate(
  db: D1Database,
  { id, claimId }: Pick<Claim, "id" | "claimId">,
  event: SealedEvent,
  now: string,
): Promise<{ isActive: boolean; hasEvent: boolean }> {
  const update = db
    .prepare(
      `UPDATE phone_numbers SET state = 'active', lease_expires_at = NULL, updated_at = ?3
       WHERE id = ?1 AND claim_id = ?2`,
    )
    .bind(id, claimId, now);
  const [updated, inserted] = await batch(db, [
    update,
    insertEvent(db, event, { phoneNumberId: id, claimId, state: "active" }),
  ]);
  return { isActive: updated?.meta.changes === 1, hasEvent: inserted?.meta.changes === 1 };
}

/**
 * Sets when the lease of a claim ends; now, to give it up.
 *
 * @returns false where another import has taken the row over
 * @throws StorageError
 */
export async function setLease(
  db: D1Database,
  id: string,
  claimId: string,
  expiresAt: string,
): Promise<boolean> {
  const changed = await run(
    db
      .prepare(
        `UPDATE phone_numbers SET lease_expires_at = ?3 WHERE id = ?1 AND claim_id = ?2 AND state <> 'active'`,
      )
      .bind(id, claimId, expiresAt),
  );
  return changed === 1;
}

/**
 * Takes an unfinished import over to undo it, if its lease is over and nobody else was faster.
 *
 * @param abandoned the claim that is taken over
 * @throws StorageError
 */
export async function reclaim(
  db: D1Database,
  { id, claimId, leaseExpiresAt }: Claim,
  abandoned: string,
  now: string,
): Promise<boolean> {
  const statement = db
    .prepare(
      `UPDATE phone_numbers SET claim_id = ?3, lease_expires_at = ?4
       WHERE id = ?1 AND claim_id = ?2 AND state = 'importing' AND lease_expires_at <= ?5`,
    )
    .bind(id, abandoned, claimId, leaseExpiresAt, now);
  return (await run(statement)) === 1;
}

/** Imports and releases whose lease is over, the longest first. @throws StorageError */
export async function findUnfinished(
  db: D1Database,
  now: string,
  limit: number,
): Promise<{ api_key_id: string; phone_number: string }[]> {
  const [result] = await batch(db, [
    db
      .prepare(
        `SELECT api_key_id, phone_number FROM phone_numbers
         WHERE state <> 'active' AND lease_expires_at <= ?1 AND (next_return_at IS NULL OR next_return_at <= ?1)
         ORDER BY lease_expires_at LIMIT ?2`,
      )
      .bind(now, limit),
  ]);
  return (result?.results ?? []) as { api_key_id: string; phone_number: string }[];
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
