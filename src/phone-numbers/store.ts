import { batch, first, run } from "../database.ts";
import type { SealedEvent } from "../events/event.ts";
import { insertEvent } from "../events/store.ts";
import { deleteUnusedAccounts, type TwilioAccountRow } from "./account-store.ts";

/**
 * A number and who it belongs to. `state` importing: claimed, and Twilio may or may not point at us yet; releasing: being
 * given back, and Twilio may or may not point at us still.
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
  state: "importing" | "active" | "releasing";
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
 * @param account see `upsertAccount`
 * @throws StorageError `conflict` where the number has a row already, `dangling` where the agent is gone
 */
export async function insertClaim(
  db: D1Database,
  claim: Claim,
  account: D1PreparedStatement,
  now: string,
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
  await batch(db, [account, insert]);
}

/**
 * Takes over a row whose import or release was not finished, if its lease is over and nobody else was faster.
 *
 * @param abandoned the claim that is taken over
 * @returns whether the row is now ours
 * @throws StorageError
 */
export async function takeOverClaim(
  db: D1Database,
  claim: Claim,
  abandoned: string,
  account: D1PreparedStatement,
  now: string,
): Promise<boolean> {
  const update = db
    .prepare(
      `UPDATE phone_numbers SET state = 'importing', inbound_enabled = 1, outbound_enabled = 1, agent_id = ?3, account_sid = ?4, twilio_number_sid = ?5,
         claim_id = ?6, lease_expires_at = ?7, previous_configuration_sealed = ?8, updated_at = ?9
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
  const results = await batch(db, [account, update, deleteUnusedAccounts(db, claim.apiKeyId)]);
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
        `UPDATE phone_numbers SET lease_expires_at = ?3 WHERE id = ?1 AND claim_id = ?2 AND state = 'importing'`,
      )
      .bind(id, claimId, expiresAt),
  );
  return changed === 1;
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

/** All that answering a call or a text needs to know, in one row: the one place where a query joins the rooms. */
export type InboundRow = TwilioAccountRow & {
  api_key_id: string;
  account_sid: string;
  phone_number: string;
  inbound_enabled: 0 | 1;
  agent_id: string | null;
  is_active: 0 | 1 | null;
  welcome_message: string | null;
  language: string | null;
  connect: string | null;
  fallback: string | null;
  record: 0 | 1 | null;
  webhook_url: string | null;
};

/** Where a call to this number goes; null where there is no such number. Importing ones answer too. @throws StorageError */
export function findInboundRow(db: D1Database, id: string): Promise<InboundRow | null> {
  return first<InboundRow>(
    db
      .prepare(
        `SELECT n.api_key_id, n.account_sid, n.phone_number, n.inbound_enabled,
           t.auth_token_sealed, t.previous_auth_token_sealed, t.auth_token_changed_at,
           a.id AS agent_id, a.is_active, a.welcome_message, a.language, a.connect, a.fallback, a.record, a.webhook_url
         FROM phone_numbers n
         JOIN twilio_accounts t ON t.api_key_id = n.api_key_id AND t.account_sid = n.account_sid
         LEFT JOIN agents a ON a.id = n.agent_id
         WHERE n.id = ?1`,
      )
      .bind(id),
  );
}

/** Statement for a batch: a call or a text came in. Writes at most once a minute, however busy the number is. */
export function touchInbound(db: D1Database, id: string, now: Date): D1PreparedStatement {
  const minuteAgo = new Date(now.getTime() - 60_000).toISOString();
  return db
    .prepare(
      `UPDATE phone_numbers SET first_inbound_at = COALESCE(first_inbound_at, ?2), last_inbound_at = ?2
       WHERE id = ?1 AND (last_inbound_at IS NULL OR last_inbound_at <= ?3)`,
    )
    .bind(id, now.toISOString(), minuteAgo);
}
