import { first, readPage, run } from "../database.ts";
import type { Page } from "../http/page.ts";
import type { AccountColumns, AccountHealth } from "../twilio-accounts/row.ts";
import type { DriftPolicy, Health } from "./health.ts";

// What the owner of a number can see and change. Numbers whose import or release is not finished are left out.

/** A number as its owner sees it. */
export type OwnedNumber = AccountColumns & {
  id: string;
  phone_number: string;
  agent_id: string | null;
  twilio_number_sid: string;
  inbound_enabled: 0 | 1;
  outbound_enabled: 0 | 1;
  health: Health;
  health_reasons: string;
  drift_policy: DriftPolicy;
  account_health: AccountHealth;
  is_relay_refused: 0 | 1 | null;
  checked_at: string | null;
  first_inbound_at: string | null;
  last_inbound_at: string | null;
  created_at: string;
  updated_at: string;
};

const RELAY_REFUSED = "t.relay_refused_at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 day')";

// A check of a whole account is a check of each of its numbers: the later of the two times counts.
const COLUMNS = `n.id, n.phone_number, n.agent_id, n.twilio_account_id, t.account_sid, t.region, n.twilio_number_sid, n.inbound_enabled,
  n.outbound_enabled, n.health, n.health_reasons, n.drift_policy, t.health AS account_health, ${RELAY_REFUSED} AS is_relay_refused,
  NULLIF(MAX(COALESCE(n.checked_at, ''), COALESCE(t.checked_at, '')), '') AS checked_at,
  n.first_inbound_at, n.last_inbound_at, n.created_at, n.updated_at`;

const FROM = `phone_numbers n
  JOIN twilio_accounts t ON t.id = n.twilio_account_id`;

/** @throws StorageError */
export function findOwnNumber(
  db: D1Database,
  apiKeyId: string,
  phoneNumber: string,
): Promise<OwnedNumber | null> {
  return first<OwnedNumber>(
    db
      .prepare(
        `SELECT ${COLUMNS} FROM ${FROM} WHERE n.phone_number = ?2 AND n.api_key_id = ?1 AND n.state = 'active'`,
      )
      .bind(apiKeyId, phoneNumber),
  );
}

/** The number with this SID at Twilio, if it is this key's, even if its import or release is not finished. @throws StorageError */
export async function findPhoneNumber(
  db: D1Database,
  apiKeyId: string,
  twilioNumberSid: string,
): Promise<string | null> {
  // By way of the key's accounts, because the index of SIDs begins with them.
  const row = await first<{ phone_number: string }>(
    db
      .prepare(`SELECT n.phone_number FROM ${FROM} WHERE t.api_key_id = ?1 AND n.twilio_number_sid = ?2`)
      .bind(apiKeyId, twilioNumberSid),
  );
  return row?.phone_number ?? null;
}

/** Which numbers to list; what is undefined is not asked for. */
export type NumberFilter = {
  /** `none`: numbers whose agent was deleted. */
  agentId: string | undefined;
  accountSid: string | undefined;
  /** `attention`: every health but `ok`. */
  health: Health | "attention" | undefined;
  /** A part of the number. */
  search: string | undefined;
};

// As `shownHealth` in serialise.ts has it.
const HEALTH = `CASE WHEN t.health <> 'ok' THEN t.health
  WHEN n.health = 'ok' AND ${RELAY_REFUSED} THEN 'conversation_relay_refused' ELSE n.health END`;

/** Only what is asked for, so that SQLite can read the page from an index. */
function conditionsOf({ agentId, accountSid, health, search }: NumberFilter): [sql: string, value: string][] {
  const conditions: [string, string | undefined][] = [
    agentId === "none" ? ["n.agent_id IS NULLIF(?, 'none')", agentId] : ["n.agent_id = ?", agentId],
    ["t.account_sid = ?", accountSid],
    health === "attention" ? [`${HEALTH} <> ?`, "ok"] : [`${HEALTH} = ?`, health],
    ["instr(n.phone_number, ?) > 0", search],
  ];
  return conditions.filter((one): one is [string, string] => one[1] !== undefined);
}

/** A page of a key's numbers, newest first, and the total count, in one round trip. @throws StorageError */
export function listOwnNumbers(
  db: D1Database,
  apiKeyId: string,
  filter: NumberFilter,
  { limit, offset }: Page,
): Promise<{ rows: OwnedNumber[]; count: number }> {
  const asked = conditionsOf(filter);
  const conditions = asked.map(([sql], index) => sql.replace("?", `?${index + 2}`));
  const where = ["n.api_key_id = ?1", "n.state = 'active'", ...conditions].join(" AND ");
  const values = [apiKeyId, ...asked.map(([, value]) => value)];
  const [limitAt, offsetAt] = [values.length + 1, values.length + 2];
  return readPage<OwnedNumber>(
    db,
    db
      .prepare(
        `SELECT ${COLUMNS} FROM ${FROM} WHERE ${where}
         ORDER BY n.created_at DESC, n.id DESC LIMIT ?${limitAt} OFFSET ?${offsetAt}`,
      )
      .bind(...values, limit, offset),
    db.prepare(`SELECT COUNT(*) AS count FROM ${FROM} WHERE ${where}`).bind(...values),
  );
}

export type NumberChanges = {
  agentId?: string | undefined;
  inboundEnabled?: boolean | undefined;
  outboundEnabled?: boolean | undefined;
  driftPolicy?: DriftPolicy | undefined;
};

/**
 * Setting the drift policy, even to its present value, clears the health reasons and the count of repairs, so that
 * repairs start again.
 *
 * @returns false if the number no longer exists
 * @throws StorageError `dangling` if the agent no longer exists
 */
export async function changeNumber(
  db: D1Database,
  id: string,
  { agentId, inboundEnabled, outboundEnabled, driftPolicy }: NumberChanges,
  now: string,
): Promise<boolean> {
  const flag = (value: boolean | undefined) => (value === undefined ? null : Number(value));
  const changed = await run(
    db
      .prepare(
        `UPDATE phone_numbers SET agent_id = COALESCE(?2, agent_id), inbound_enabled = COALESCE(?3, inbound_enabled),
           outbound_enabled = COALESCE(?4, outbound_enabled), drift_policy = COALESCE(?6, drift_policy),
           health_reasons = CASE WHEN ?6 IS NULL THEN health_reasons ELSE '[]' END,
           repairs = CASE WHEN ?6 IS NULL THEN repairs ELSE 0 END, updated_at = ?5
         WHERE id = ?1 AND state = 'active'`,
      )
      .bind(id, agentId ?? null, flag(inboundEnabled), flag(outboundEnabled), now, driftPolicy ?? null),
    { isIdempotent: true },
  );
  return changed === 1;
}

type LeaseEnd = {
  until: string;
  /** Recovery does not touch the row before this time. */
  recoverAfter?: string | null;
  /** Twilio may carry out an update until `recoverAfter`. */
  mayStillHappen?: boolean;
};

/**
 * Sets when the lease of an unfinished import or release expires.
 *
 * @returns false if another request has taken the row over
 * @throws StorageError
 */
export async function setLease(
  db: D1Database,
  { id, holder }: { id: string; holder: string },
  { until, recoverAfter = null, mayStillHappen = false }: LeaseEnd,
): Promise<boolean> {
  const changed = await run(
    db
      .prepare(
        `UPDATE phone_numbers SET lease_expires_at = ?3, next_attempt_at = COALESCE(?4, next_attempt_at),
           outcome_unknown_until = COALESCE(?5, outcome_unknown_until)
         WHERE id = ?1 AND lease_holder = ?2 AND state <> 'active'`,
      )
      .bind(id, holder, until, recoverAfter, mayStillHappen ? recoverAfter : null),
    { isIdempotent: true },
  );
  return changed === 1;
}
