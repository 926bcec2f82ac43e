import { noteObjects } from "../../api-keys/store.ts";
import { batch, type Part, part, sql } from "../../database.ts";
import type { SealedEvent } from "../../events/event.ts";
import type { Near } from "../../events/near.ts";
import { insertPending } from "../../events/pending-store.ts";
import { hasRoom, isNearWithNext } from "../../limits-store.ts";
import type { AccountColumns, TwilioAccountRow } from "../../twilio-accounts/row.ts";
import { CREDENTIALS, deleteUnusedAccounts } from "../../twilio-accounts/store.ts";
import { type Channel, type ChannelColumns, channelsJson } from "../channels.ts";
import { type HealthReason, reasonsJson } from "../health.ts";
import type { PhoneNumberRow } from "../row.ts";
import type { OwnColumns } from "../settings.ts";

/** SQL, of the table `phone_numbers`. */
const IS_ORPHANED = part`EXISTS (
  SELECT 1 FROM api_keys WHERE api_keys.id = phone_numbers.api_key_id AND revoked_at IS NOT NULL)`;

/** SQL: the account of an import. Another import may have made it meanwhile, so its id is not the one that we know. */
const itsAccount = ({ apiKeyId, accountSid, region }: Claim) => part`(SELECT id FROM twilio_accounts
  WHERE api_key_id = ${apiKeyId} AND account_sid = ${accountSid} AND region = ${region})`;

/** The row that a number already has. `is_orphaned`: its API key is revoked, so nobody can release it. */
export type ExistingRow = PhoneNumberRow &
  AccountColumns &
  TwilioAccountRow & { is_orphaned: 0 | 1; missing_since: string | null };

/** Statement for a batch: the row of a number, of any API key. */
export function selectByPhoneNumber(db: D1Database, phoneNumber: string): D1PreparedStatement {
  return sql(db)`SELECT phone_numbers.*, ${IS_ORPHANED} AS is_orphaned, t.account_sid, t.region,
      ${CREDENTIALS}
    FROM phone_numbers JOIN twilio_accounts t ON t.id = phone_numbers.twilio_account_id
    WHERE phone_number = ${phoneNumber}`;
}

/** SQL: the API key of an import; nothing if it has as many numbers as it may. */
const keyWithRoom = ({ apiKeyId }: Claim, maxNumbers: number | null) =>
  part`(SELECT k.id FROM api_keys k WHERE k.id = ${apiKeyId} AND ${hasRoom("max_numbers", maxNumbers)})`;

/** Statement: Twilio shows the number in another account, and its own cannot be asked. */
export function noteMissing(db: D1Database, id: string, now: string): D1PreparedStatement {
  return sql(db)`UPDATE phone_numbers SET missing_since = COALESCE(missing_since, ${now}) WHERE id = ${id}`;
}

/** The row of an import: who imports the number, and until when nobody else may. */
export type Claim = ChannelColumns & {
  id: string;
  holder: string;
  leaseExpiresAt: string;
  phoneNumber: string;
  apiKeyId: string;
  agentId: string;
  accountId: string;
  accountSid: string;
  region: string;
  twilioNumberSid: string;
  previousConfigurationSealed: string;
  /** Until when Twilio may still carry out an update of a former import; null if there is none. */
  outcomeUnknownUntil: string | null;
};

/** With what only its first writing needs. `country`: empty if the number belongs to none. */
export type NewClaim = Claim & { country: string; own: OwnColumns; connectLinkId: string | null };

/**
 * Inserts the number as `importing`, together with its Twilio account.
 *
 * @param maxNumbers of a key that has no such limit of its own; looked at again, because imports of a key run side by side
 * @param superseded a row of another key that this one replaces: `returning`, orphaned, or `isLost`, which `told` tells
 * @param accounts statements that store the Twilio account; see twilio-accounts/store.ts
 * @returns the id of the account
 * @throws StorageError `conflict` if the number already has a row, `dangling` if the agent no longer exists, `absent` if the
 *   key has as many numbers as it may
 */
export async function insertClaim(
  db: D1Database,
  claim: NewClaim,
  accounts: readonly D1PreparedStatement[],
  maxNumbers: number | null,
  now: string,
  superseded?: Pick<PhoneNumberRow, "id" | "lease_holder" | "api_key_id"> & {
    isLost: boolean;
    told: SealedEvent | undefined;
  },
): Promise<string> {
  const insert = sql(db)`INSERT INTO phone_numbers (id, phone_number, api_key_id, agent_id, twilio_account_id,
      twilio_number_sid, state, lease_holder, lease_expires_at, previous_configuration_sealed, created_at,
      updated_at, outcome_unknown_until, country, external_id, label, metadata, settings,
      channels, changing_channel, connect_link_id)
    VALUES (${claim.id}, ${claim.phoneNumber}, ${keyWithRoom(claim, maxNumbers)}, ${claim.agentId}, ${itsAccount(claim)},
      ${claim.twilioNumberSid}, 'importing', ${claim.holder}, ${claim.leaseExpiresAt},
      ${claim.previousConfigurationSealed}, ${now}, ${now}, ${claim.outcomeUnknownUntil}, ${claim.country},
      ${claim.own.external_id}, ${claim.own.label}, ${claim.own.metadata}, ${claim.own.settings},
      ${claim.channels}, ${claim.changing_channel}, ${claim.connectLinkId})
    RETURNING twilio_account_id`;
  const clear = superseded
    ? [
        ...(superseded.told ? [insertPending(db, superseded.told, { number: isTheirs(superseded) })] : []),
        sql(db)`DELETE FROM phone_numbers
          WHERE id = ${superseded.id} AND lease_holder = ${superseded.lease_holder}
            AND (state = 'returning' OR ${IS_ORPHANED} OR ${Number(superseded.isLost)})
            AND (lease_expires_at IS NULL OR lease_expires_at <= ${now})`,
        deleteUnusedAccounts(db, superseded.api_key_id),
      ]
    : [];
  const results = await batch(db, [...clear, ...accounts, insert, noteObjects(db, claim.apiKeyId)]);
  return accountIdOf(results.at(-2)) ?? claim.accountId;
}

/** The number of the former owner, as it was found. */
const isTheirs = ({ id, lease_holder }: Pick<PhoneNumberRow, "id" | "lease_holder">) =>
  part`id = ${id} AND lease_holder = ${lease_holder} AND state = 'active'`;

/** The id of the account that a statement has just stored in a number. */
function accountIdOf(result: D1Result | undefined): string | undefined {
  return (result?.results[0] as { twilio_account_id: string } | undefined)?.twilio_account_id;
}

/**
 * Takes over a row of the same key whose import or release is unfinished, if its lease has expired and no other request
 * took it over. The row starts anew: of the old values only its id stays,
 * and until when Twilio may still carry out an update. `claim` has what to restore.
 *
 * @param previousHolder of its lease
 * @returns the id of the account if the row is now ours
 * @throws StorageError `absent` if the row was released, and the key has as many numbers as it may
 */
export async function takeOverClaim(
  db: D1Database,
  claim: NewClaim,
  previousHolder: string,
  accounts: readonly D1PreparedStatement[],
  maxNumbers: number | null,
  now: string,
): Promise<string | undefined> {
  const update = sql(db)`UPDATE phone_numbers SET state = 'importing', agent_id = ${claim.agentId},
      api_key_id = CASE state WHEN 'returning' THEN ${keyWithRoom(claim, maxNumbers)} ELSE api_key_id END,
      twilio_account_id = ${itsAccount(claim)}, twilio_number_sid = ${claim.twilioNumberSid},
      lease_holder = ${claim.holder}, lease_expires_at = ${claim.leaseExpiresAt},
      previous_configuration_sealed = ${claim.previousConfigurationSealed}, created_at = ${now},
      updated_at = ${now}, inbound_enabled = 1, outbound_enabled = 1, next_attempt_at = NULL,
      recovery_attempts = 0, channels = ${claim.channels}, changing_channel = ${claim.changing_channel}, health_reasons = '[]', checked_at = NULL,
      drift_policy = 'repair', repaired_at = NULL, repairs = 0, first_inbound_at = NULL,
      last_inbound_at = NULL, messaging_service_sid = NULL, messaging_service_checked_at = NULL,
      external_id = ${claim.own.external_id}, label = ${claim.own.label}, metadata = ${claim.own.metadata},
      settings = ${claim.own.settings}, connect_link_id = ${claim.connectLinkId},
      warnings = '[]', texts_checked_at = NULL
    WHERE id = ${claim.id} AND lease_holder = ${previousHolder} AND state <> 'active'
      AND lease_expires_at <= ${now}
    RETURNING twilio_account_id`;
  const results = await batch(db, [...accounts, update, deleteUnusedAccounts(db, claim.apiKeyId)]);
  return accountIdOf(results[accounts.length]);
}

/** The connect link by which the owner of a Twilio account imports the number. By that he consents to it. */
export type ImportingLink = {
  id: string;
  /** SQL: another request works by the link now, so this one brings nothing more. */
  isTaken: Part;
  /** Statements of the batch that makes the number active, after that one. @param isActive SQL: whether it is active */
  statements: (isActive: Part) => D1PreparedStatement[];
};

export type Activation = Pick<Claim, "id" | "holder"> & {
  /** The channels that point here. */
  taken: readonly Channel[];
  /** Calls to the number are known to be handled in the Region it was imported in. */
  isRegionChecked: boolean;
  link?: ImportingLink | undefined;
};

/**
 * Makes a claimed number active and stores the events in the same transaction. A second call changes nothing. If a channel is
 * to be given back, recovery does so.
 *
 * @returns undefined if another import has taken over the row or the link; else its agent, which is null if it was deleted
 *   meanwhile, and whether an event was stored
 * @throws StorageError
 */
export async function activate(
  db: D1Database,
  { id, holder, taken, isRegionChecked, link }: Activation,
  event: SealedEvent,
  { near, maxNumbers }: { near: Near | undefined; maxNumbers: number | null },
  now: string,
): Promise<{ agentId: string | null; hasEvent: boolean } | undefined> {
  const reasons: HealthReason[] = isRegionChecked ? [] : ["region_unchecked"];
  const update = sql(db)`UPDATE phone_numbers SET state = 'active',
      lease_expires_at = CASE WHEN changing_channel IS NOT NULL THEN ${now} END,
      next_attempt_at = outcome_unknown_until, channels = ${channelsJson(taken)}, updated_at = ${now},
      health_reasons = ${reasonsJson(reasons)}
    WHERE id = ${id} AND lease_holder = ${holder}
      AND (state = 'active' OR NOT ${link?.isTaken ?? part`0`}) RETURNING agent_id`;
  const isClaimed = part`EXISTS (SELECT 1 FROM phone_numbers
    WHERE id = ${id} AND lease_holder = ${holder} AND state = 'importing')`;
  const tell = near
    ? [
        insertPending(db, near.event, {
          key: part`${isNearWithNext("max_numbers", maxNumbers, near.limit)} AND ${isClaimed}`,
        }),
      ]
    : [];
  const isActive = part`id = ${id} AND lease_holder = ${holder} AND state = 'active'`;
  const results = await batch(db, [
    ...tell,
    update,
    insertPending(db, event, { number: isActive }),
    ...(link?.statements(part`EXISTS (SELECT 1 FROM phone_numbers WHERE ${isActive})`) ?? []),
  ]);
  const row = results[tell.length]?.results[0] as { agent_id: string | null } | undefined;
  const hasEvent =
    results[tell.length + 1]?.meta.changes === 1 || (near !== undefined && results[0]?.meta.changes === 1);
  return row && { agentId: row.agent_id, hasEvent };
}

/**
 * Removes a claimed number, and its Twilio account if that has no other number.
 *
 * @throws StorageError
 */
export async function removeClaim(
  db: D1Database,
  { id, holder, apiKeyId }: Pick<Claim, "id" | "holder" | "apiKeyId">,
): Promise<void> {
  await batch(
    db,
    [
      sql(db)`DELETE FROM phone_numbers
        WHERE id = ${id} AND lease_holder = ${holder} AND state = 'importing'`,
      deleteUnusedAccounts(db, apiKeyId),
    ],
    { isIdempotent: true },
  );
}
