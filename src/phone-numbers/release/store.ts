import { batch, first, part, run, sql } from "../../database.ts";
import type { SealedEvent } from "../../events/event.ts";
import { insertPending } from "../../events/pending-store.ts";
import type { AccountColumns, TwilioAccountRow } from "../../twilio-accounts/row.ts";
import { CREDENTIALS, deleteUnusedAccounts, NUMBERS_AND_ACCOUNTS } from "../../twilio-accounts/store.ts";
import type { PhoneNumberRow } from "../row.ts";

/** A number with what its release needs. */
export type ReleasableRow = PhoneNumberRow &
  AccountColumns &
  TwilioAccountRow & {
    created_at: string;
    updated_at: string;
    recovery_attempts: number;
    /** JSON array of reasons. */
    health_reasons: string;
    /** When recovery may try again. */
    next_attempt_at: string | null;
    /** Of its account; see `consents`. */
    consented_numbers: string | null;
  };

/** A number in any state, with its account's tokens. @param apiKeyId whose; null: any key's @throws StorageError */
export function findReleasable(
  db: D1Database,
  apiKeyId: string | null,
  phoneNumber: string,
): Promise<ReleasableRow | null> {
  return first<ReleasableRow>(sql(db)`SELECT n.*, t.account_sid, t.region, t.consented_numbers, ${CREDENTIALS}
    FROM ${NUMBERS_AND_ACCOUNTS}
    WHERE n.phone_number = ${phoneNumber} AND n.api_key_id = COALESCE(${apiKeyId}, n.api_key_id)`);
}

/**
 * Begins the release of a number that is active, or whose import or release is unfinished. A row that is `returning` is
 * already released and keeps its state.
 *
 * @returns false if another request holds the lease
 * @throws StorageError
 */
export async function beginRelease(
  db: D1Database,
  { id, lease_holder, state }: PhoneNumberRow,
  holder: string,
  leaseExpiresAt: string,
  now: string,
): Promise<boolean> {
  const changed = await run(sql(db)`UPDATE phone_numbers SET lease_holder = ${holder},
      state = ${state === "returning" ? state : "releasing"}, lease_expires_at = ${leaseExpiresAt}
    WHERE id = ${id} AND lease_holder = ${lease_holder}
      AND (lease_expires_at IS NULL OR lease_expires_at <= ${now})`);
  return changed === 1;
}

type Ending = {
  holder: string;
  event: SealedEvent | undefined;
  now: string;
  /** When to try again to restore the number; undefined if there is nothing left to do, and the row is deleted. */
  returnAt: string | undefined;
  /** What is to be restored then, if its owner has changed the number since. */
  previousSealed: string | undefined;
};

/**
 * Ends a release and stores its event in the same transaction. Deletes the row, and its account if the account has no
 * other number; for a day, what verifies late reports is kept. If the number could not be restored at Twilio, keeps the row as `returning`, without an agent and
 * hidden from its owner.
 *
 * @returns `isReleased` false if another request has taken over the release
 * @throws StorageError
 */
export async function endRelease(
  db: D1Database,
  { id, api_key_id }: PhoneNumberRow,
  { holder, event, now, returnAt, previousSealed }: Ending,
): Promise<{ isReleased: boolean; hasEvent: boolean }> {
  const end =
    returnAt === undefined
      ? sql(db)`DELETE FROM phone_numbers WHERE id = ${id} AND lease_holder = ${holder}`
      : sql(db)`UPDATE phone_numbers
        SET updated_at = CASE WHEN state = 'returning' THEN updated_at ELSE ${now} END, state = 'returning', agent_id = NULL, lease_expires_at = ${now},
          recovery_attempts = recovery_attempts + 1, next_attempt_at = ${returnAt},
          previous_configuration_sealed = COALESCE(${previousSealed ?? null}, previous_configuration_sealed)
        WHERE id = ${id} AND lease_holder = ${holder}`;
  const keep = sql(db)`INSERT OR IGNORE INTO released_numbers (id, twilio_account_id, api_key_id, agent_id,
      phone_number, account_sid, region, api_key_sid, auth_token_sealed, previous_auth_token_sealed,
      auth_token_changed_at, signing_keys_sealed, released_at, external_id, label, metadata,
      connect_link_id)
    SELECT n.id, t.id, n.api_key_id, n.agent_id, n.phone_number, t.account_sid, t.region,
      ${CREDENTIALS}, ${now}, n.external_id, n.label, n.metadata, n.connect_link_id
    FROM ${NUMBERS_AND_ACCOUNTS}
    WHERE n.id = ${id} AND n.lease_holder = ${holder} AND n.state = 'releasing'`;
  const isBegun = part`id = ${id} AND lease_holder = ${holder} AND state = 'releasing'`;
  const tell = event ? [insertPending(db, event, { number: isBegun })] : [];
  const results = await batch(db, [...tell, keep, end, deleteUnusedAccounts(db, api_key_id)]);
  return {
    isReleased: results.at(-2)?.meta.changes === 1,
    hasEvent: event !== undefined && results[0]?.meta.changes === 1,
  };
}
