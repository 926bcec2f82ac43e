import type { Owner } from "../actor.ts";
import { all, batch, first, type Part, part, readPage, runIdempotent, sql } from "../database.ts";
import type { SealedEvent } from "../events/event.ts";
import { insertPending } from "../events/pending-store.ts";
import type { Page } from "../http/page.ts";
import { checkSoon } from "../twilio-accounts/due-store.ts";
import type { AccountColumns } from "../twilio-accounts/row.ts";
import { NUMBERS_AND_ACCOUNTS, RELAY_REFUSED } from "../twilio-accounts/store.ts";
import type { ChannelColumns } from "./channels.ts";
import type { DriftPolicy, Health } from "./health.ts";
import type { ChangeBody } from "./schema.ts";
import type { OwnColumns } from "./settings.ts";

// What the owner of a number can see and change. Numbers whose import or release is not finished are left out.

/** A number as its owner sees it. */
export type OwnedNumber = AccountColumns &
  OwnColumns &
  ChannelColumns & {
    id: string;
    phone_number: string;
    connect_link_id: string | null;
    agent_id: string | null;
    twilio_number_sid: string;
    inbound_enabled: 0 | 1;
    outbound_enabled: 0 | 1;
    health: Health;
    health_reasons: string;
    drift_policy: DriftPolicy;
    account_reasons: string;
    is_relay_refused: 0 | 1 | null;
    checked_at: string | null;
    /** JSON array of codes. */
    warnings: string;
    texts_checked_at: string | null;
    first_inbound_at: string | null;
    last_inbound_at: string | null;
    created_at: string;
    updated_at: string;
  };

// A check of a whole account is a check of each of its numbers: the later of the two times counts.
const COLUMNS = part`n.id, n.phone_number, n.agent_id, n.twilio_account_id, t.account_sid, t.region,
  n.twilio_number_sid, n.inbound_enabled, n.outbound_enabled, n.channels, n.changing_channel, n.health, n.health_reasons, n.drift_policy,
  t.health_reasons AS account_reasons, ${RELAY_REFUSED} AS is_relay_refused,
  NULLIF(MAX(COALESCE(n.checked_at, ''), COALESCE(t.checked_at, '')), '') AS checked_at,
  n.first_inbound_at, n.last_inbound_at, n.created_at, n.updated_at,
  n.warnings, n.texts_checked_at,
  n.external_id, n.label, n.metadata, n.connect_link_id, n.settings`;

/** @throws StorageError */
export function findOwnNumber(
  db: D1Database,
  { apiKeyId, externalId }: Owner,
  phoneNumber: string,
): Promise<OwnedNumber | null> {
  return first<OwnedNumber>(sql(db)`SELECT ${COLUMNS} FROM ${NUMBERS_AND_ACCOUNTS}
    WHERE n.phone_number = ${phoneNumber} AND n.api_key_id = ${apiKeyId} AND n.state = 'active'
      AND (${externalId} IS NULL OR n.external_id = ${externalId})`);
}

/** The number with this SID at Twilio, if it is this key's, even if its import or release is not finished. @throws StorageError */
export async function findPhoneNumber(
  db: D1Database,
  apiKeyId: string,
  twilioNumberSid: string,
): Promise<string | null> {
  // By way of the key's accounts, because the index of SIDs begins with them.
  const row = await first<{ phone_number: string }>(sql(db)`SELECT n.phone_number FROM ${NUMBERS_AND_ACCOUNTS}
    WHERE t.api_key_id = ${apiKeyId} AND n.twilio_number_sid = ${twilioNumberSid}`);
  return row?.phone_number ?? null;
}

/** Which of these numbers the key has imported. @throws StorageError */
export function findImported(db: D1Database, apiKeyId: string, phoneNumbers: readonly string[]) {
  return all<{ id: string; phone_number: string }>(sql(db)`SELECT id, phone_number FROM phone_numbers
    WHERE phone_number IN (SELECT value FROM json_each(${JSON.stringify(phoneNumbers)}))
      AND api_key_id = ${apiKeyId} AND state <> 'returning'`);
}

/** Which numbers to list; what is undefined is not asked for. */
export type NumberFilter = {
  /** `none`: numbers whose agent was deleted. */
  agentId: string | undefined;
  externalId: string | undefined;
  accountSid: string | undefined;
  /** `attention`: every health but `ok`. */
  health: Health | "attention" | undefined;
  /** A part of the number, its label or its external id. */
  search: string | undefined;
};

// As `shownHealth` in serialise.ts has it.
const HEALTH = part`CASE WHEN t.health <> 'ok' THEN t.health
  WHEN n.health = 'ok' AND ${RELAY_REFUSED} THEN 'conversation_relay_refused' ELSE n.health END`;

function isFoundBy(search: string): Part {
  // As people write numbers: "(555) 000-1" is a part of +15550001.
  const digits = search.replace(/[\s()+.-]/g, "");
  return part`(instr(n.phone_number, NULLIF(${digits}, '')) OR instr(lower(n.label), lower(${search}))
    OR instr(lower(n.external_id), lower(${search})))`;
}

/** Only what is asked for, so that SQLite can read the page from an index. */
function conditionsOf({ agentId, externalId, accountSid, health, search }: NumberFilter): Part {
  const conditions = [
    agentId && (agentId === "none" ? part`n.agent_id IS NULL` : part`n.agent_id = ${agentId}`),
    externalId && part`n.external_id = ${externalId}`,
    accountSid && part`t.account_sid = ${accountSid}`,
    health && (health === "attention" ? part`${HEALTH} <> 'ok'` : part`${HEALTH} = ${health}`),
    search?.trim() && isFoundBy(search.trim()),
  ];
  return conditions.reduce<Part>(
    (all, one) => (one ? part`${all} AND ${one}` : all),
    part`n.state = 'active'`,
  );
}

/** A page of a key's numbers, newest first, and the total count, in one round trip. @throws StorageError */
export function listOwnNumbers(
  db: D1Database,
  apiKeyId: string,
  filter: NumberFilter,
  { limit, offset }: Page,
): Promise<{ rows: OwnedNumber[]; count: number }> {
  const own = part`${NUMBERS_AND_ACCOUNTS} WHERE n.api_key_id = ${apiKeyId} AND ${conditionsOf(filter)}`;
  return readPage<OwnedNumber>(
    db,
    sql(db)`SELECT ${COLUMNS} FROM ${own}
      ORDER BY n.created_at DESC, n.id DESC LIMIT ${limit} OFFSET ${offset}`,
    sql(db)`SELECT COUNT(*) AS count FROM ${own}`,
  );
}

/**
 * Setting the drift policy, even to its present value, ends the contest: repairs start again.
 *
 * @param before the number as the changes and the event know it
 * @param own what is its own afterwards
 * @param event tells what changes; undefined: nothing does
 * @returns whether it is changed: not if it no longer exists, or somebody else has changed it; and whether the event is stored
 * @throws StorageError `dangling` if the agent no longer exists
 */
export async function changeNumber(
  db: D1Database,
  before: OwnedNumber,
  body: Pick<ChangeBody, "agent_id" | "inbound_enabled" | "outbound_enabled" | "drift_policy">,
  own: OwnColumns,
  event: SealedEvent | undefined,
  now: string,
): Promise<{ isChanged: boolean; hasEvent: boolean }> {
  const flag = (value: boolean | undefined) => (value === undefined ? null : Number(value));
  const policy = body.drift_policy ?? null;
  const isAsKnown = part`id = ${before.id} AND state = 'active' AND agent_id IS ${before.agent_id}
      AND inbound_enabled = ${before.inbound_enabled} AND outbound_enabled = ${before.outbound_enabled}
      AND drift_policy = ${before.drift_policy} AND external_id IS ${before.external_id} AND label IS ${before.label}
      AND metadata IS ${before.metadata} AND settings IS ${before.settings}`;
  const change = sql(db)`UPDATE phone_numbers
    SET agent_id = COALESCE(${body.agent_id ?? null}, agent_id),
      inbound_enabled = COALESCE(${flag(body.inbound_enabled)}, inbound_enabled),
      outbound_enabled = COALESCE(${flag(body.outbound_enabled)}, outbound_enabled),
      drift_policy = COALESCE(${policy}, drift_policy),
      health_reasons = CASE WHEN ${policy} IS NULL THEN health_reasons
        ELSE (SELECT json_group_array(value) FROM json_each(health_reasons) WHERE value <> 'repair_contested') END,
      repairs = CASE WHEN ${policy} IS NULL THEN repairs ELSE 0 END, updated_at = ${now},
      external_id = ${own.external_id}, label = ${own.label}, metadata = ${own.metadata}, settings = ${own.settings}
    WHERE ${isAsKnown}`;
  const tell = event ? [insertPending(db, event, { number: isAsKnown })] : [];
  const results = await batch(db, [...tell, change, checkSoon(db, before.id, now)], { isIdempotent: true });
  return {
    isChanged: results.at(-2)?.meta.changes === 1,
    hasEvent: event !== undefined && results[0]?.meta.changes === 1,
  };
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
  const changed = await runIdempotent(sql(db)`UPDATE phone_numbers SET lease_expires_at = ${until},
      next_attempt_at = COALESCE(${recoverAfter}, next_attempt_at),
      outcome_unknown_until = COALESCE(${mayStillHappen ? recoverAfter : null}, outcome_unknown_until)
    WHERE id = ${id} AND lease_holder = ${holder} AND state <> 'active'`);
  return changed === 1;
}
