import { all, first, type Part, part, runReturning, sql } from "../database.ts";
import type { ChannelColumns } from "../phone-numbers/channels.ts";
import { type DriftPolicy, type HealthReason, reasonsJson } from "../phone-numbers/health.ts";
import type { NamedRow } from "../phone-numbers/row.ts";
import type { AccountColumns, AccountKey, TwilioAccountRow } from "../twilio-accounts/row.ts";
import { CREDENTIALS, NUMBERS_AND_ACCOUNTS } from "../twilio-accounts/store.ts";

/** The columns of a number that a check needs. */
export type CheckedRow = ChannelColumns &
  NamedRow & {
    twilio_account_id: string;
    agent_id: string | null;
    twilio_number_sid: string;
    drift_policy: DriftPolicy;
    /** JSON array of reasons. */
    health_reasons: string;
    repaired_at: string | null;
    repairs: number;
    /** JSON array of codes. */
    warnings: string;
    texts_checked_at: string | null;
    updated_at: string;
  };

// If the API key is revoked, nobody can release its numbers: the owner leaves by changing
// them at Twilio, and we must not repair that.
const checkedColumns = (apiKeyId: string) => part`id, twilio_account_id, phone_number, external_id, label,
  metadata, connect_link_id, agent_id, twilio_number_sid, channels, changing_channel, health_reasons, repaired_at, repairs, warnings,
  texts_checked_at, updated_at,
  CASE WHEN EXISTS (SELECT 1 FROM api_keys k WHERE k.id = ${apiKeyId} AND k.revoked_at IS NOT NULL)
    THEN 'report' ELSE drift_policy END AS drift_policy`;

/** An account's active numbers after a SID, in the order of their SIDs. @throws StorageError */
export function findAccountRows(
  db: D1Database,
  { id, apiKeyId }: AccountKey,
  afterSid: string,
  limit: number,
): Promise<CheckedRow[]> {
  return all<CheckedRow>(sql(db)`SELECT ${checkedColumns(apiKeyId)} FROM phone_numbers
    WHERE twilio_account_id = ${id} AND twilio_number_sid > ${afterSid} AND state = 'active'
    ORDER BY twilio_number_sid LIMIT ${limit}`);
}

/** The SIDs and channels of an account's numbers after a SID, in order. Reads only an index. @throws StorageError */
export function findAccountSids(
  db: D1Database,
  { id }: Pick<AccountKey, "id">,
  afterSid: string,
  limit: number,
): Promise<{ sid: string; channels: string }[]> {
  return all(sql(db)`SELECT twilio_number_sid AS sid, channels FROM phone_numbers
    WHERE twilio_account_id = ${id} AND twilio_number_sid > ${afterSid}
    ORDER BY twilio_number_sid LIMIT ${limit}`);
}

/** One of a key's active numbers with its account's tokens, for a check of this number. @throws StorageError */
export function findNumberToCheck(
  db: D1Database,
  apiKeyId: string,
  phoneNumber: string,
): Promise<(CheckedRow & TwilioAccountRow & AccountColumns & { account_reasons: string }) | null> {
  return first(sql(
    db,
  )`SELECT n.*, t.account_sid, t.region, ${CREDENTIALS}, t.health_reasons AS account_reasons
    FROM ${NUMBERS_AND_ACCOUNTS}
    WHERE n.phone_number = ${phoneNumber} AND n.api_key_id = ${apiKeyId} AND n.state = 'active'`);
}

type Lease = { apiKeyId: string; id: string; holder: string; leaseExpiresAt: string };

/**
 * Acquires the lease of an active number for a repair, so that nobody else releases or repairs it meanwhile.
 *
 * @returns the number as it is now; null if it no longer exists, or another request holds the lease
 * @throws StorageError
 */
export function acquireLease(
  db: D1Database,
  { apiKeyId, id, holder, leaseExpiresAt }: Lease,
  now: string,
): Promise<CheckedRow | null> {
  return runReturning<CheckedRow>(sql(db)`UPDATE phone_numbers SET lease_holder = ${holder},
      lease_expires_at = ${leaseExpiresAt}
    WHERE api_key_id = ${apiKeyId} AND id = ${id} AND state = 'active'
      AND (lease_expires_at IS NULL OR lease_expires_at <= ${now})
    RETURNING ${checkedColumns(apiKeyId)}`);
}

/**
 * Statement: ends the lease of an active number, if `holder` still holds it. One with a channel to give back keeps it until
 * it expires, when recovery comes.
 *
 * @param outcomeUnknownUntil until when Twilio may still carry out the repair; null if it is over
 */
export function endLease(
  db: D1Database,
  id: string,
  holder: string,
  outcomeUnknownUntil: string | null,
): D1PreparedStatement {
  return sql(db)`UPDATE phone_numbers SET
      lease_expires_at = CASE WHEN changing_channel IS NOT NULL THEN lease_expires_at END,
      outcome_unknown_until = COALESCE(${outcomeUnknownUntil}, outcome_unknown_until)
    WHERE id = ${id} AND lease_holder = ${holder} AND state = 'active'`;
}

/** SQL: an active number has the channels and reasons that it had when it was read; after a repair, its lease. */
export function isAsFound({ id, channels, health_reasons }: CheckedRow, holder: string | undefined): Part {
  return holder === undefined
    ? part`id = ${id} AND state = 'active' AND channels = ${channels} AND health_reasons = ${health_reasons}`
    : part`id = ${id} AND state = 'active' AND lease_holder = ${holder}`;
}

export type NumberHealth = {
  reasons: readonly HealthReason[];
  /** Set if the number was just repaired. */
  repair?: { at: string; inARow: number };
  /** Twilio has just said that the number cannot text, so that channel is given back. */
  smsRefused?: boolean;
};

/** Statement for a batch: stores the result of a check, if the number is in the state in which it was found. */
export function putHealth(
  db: D1Database,
  state: Part,
  { reasons, repair, smsRefused = false }: NumberHealth,
  now: string,
): D1PreparedStatement {
  return sql(db)`UPDATE phone_numbers SET health_reasons = ${reasonsJson(reasons)}, checked_at = ${now},
      repaired_at = COALESCE(${repair?.at ?? null}, repaired_at), repairs = COALESCE(${repair?.inARow ?? null}, repairs),
      channels = CASE WHEN ${Number(smsRefused)} = 1 THEN '["voice"]' ELSE channels END,
      changing_channel = CASE WHEN ${Number(smsRefused)} = 1 THEN 'sms' ELSE changing_channel END,
      missing_since = CASE WHEN ${Number(reasons.includes("number_missing"))} = 1 THEN COALESCE(missing_since, ${now}) END
    WHERE ${state}`;
}

/** Statement for a batch: the number was checked, and its health has not changed. */
export function putChecked(db: D1Database, id: string, now: string): D1PreparedStatement {
  return sql(db)`UPDATE phone_numbers SET checked_at = ${now},
      missing_since = CASE WHEN health = 'number_missing' THEN missing_since END
    WHERE id = ${id} AND state = 'active'`;
}

/** Statement: what keeps the texts of an account's numbers from arriving, by id. */
export function putTextWarnings(
  db: D1Database,
  accountId: string,
  warnings: readonly (readonly [id: string, warning: string | undefined])[],
  now: string,
): D1PreparedStatement {
  const found = warnings.map(([id, warning]) => [id, JSON.stringify(warning ? [warning] : [])]);
  return sql(db)`UPDATE phone_numbers SET warnings = found.value, texts_checked_at = ${now}
    FROM json_each(${JSON.stringify(Object.fromEntries(found))}) AS found
    WHERE phone_numbers.id = found.key AND twilio_account_id = ${accountId} AND state = 'active'`;
}
