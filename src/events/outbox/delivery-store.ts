import type { Actor } from "../../actor.ts";
import { countRows } from "../../counted-store.ts";
import { exec, type Part, part } from "../../database.ts";
import type { Page } from "../../http/page.ts";
import type { DeliveryError } from "../delivery.ts";
import type { EventType } from "../event.ts";
import type { DeliveryState } from "./store.ts";

/** A delivery as its owner sees it. */
export type Delivery = {
  id: string;
  event: EventType;
  agent_id: string | null;
  /** Of the number it happened to, as it was then. */
  external_id: string | null;
  /** Who made it happen; null: Twilio, or a caller. */
  actor: Actor | null;
  state: DeliveryState;
  next_attempt_at: string | null;
  created_at: string;
  updated_at: string;
  attempts: {
    attempted_at: string;
    http_status: number | null;
    error: DeliveryError | null;
    duration_ms: number;
  }[];
};

type Row = {
  seq: number;
  id: string;
  type: EventType;
  agent_id: string;
  external_id: string | null;
  actor: string | null;
  state: DeliveryState;
  next_attempt_at: number | null;
  queued_at: number;
  created_at: number;
  updated_at: number;
  attempts: string;
};

/** The same in a list, with its place; with its sealed body if it was looked for by its id, and has it still. */
export type ListedDelivery = Delivery & { seq: number; payload_sealed?: string };

const COLUMNS = part`seq, id, type, agent_id, external_id, actor, state, next_attempt_at, queued_at, created_at, updated_at,
  attempts`;

/** All deliveries; what was delivered long ago has only these columns. */
const ALL = part`(SELECT ${COLUMNS} FROM events
  UNION ALL SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, 'delivered', NULL,
    value ->> 6, value ->> 7, value ->> 8, value ->> 9 FROM delivered, json_each(lines))`;
const RECENT = part`events`;

/** Which deliveries. `phoneNumberId`: what happened to a number itself, and not its calls and texts. */
export type DeliveryFilter = {
  id?: string | undefined;
  event?: EventType | undefined;
  state?: DeliveryState | undefined;
  externalId?: string | undefined;
  phoneNumberId?: string | undefined;
};

/** Where the deliveries of each state are. What waits is read off an index, or lies behind the watermark. */
const sources = (watermark: number, table: Part) => ({
  any: table,
  failed: part`events WHERE state = 'failed'`,
  delivered: part`${table} WHERE state = 'delivered'`,
  put_off: part`events WHERE next_attempt_at IS NOT NULL`,
  fresh: part`events WHERE seq > ${watermark} AND state = 'pending' AND next_attempt_at IS NULL`,
});

/** A page of deliveries, newest first, and how many there are in all. */
export function listDeliveries(
  storage: DurableObjectStorage,
  filter: DeliveryFilter,
  { limit, offset }: Page,
  watermark: number,
): { rows: ListedDelivery[]; count: number } {
  const { sql } = storage;
  const newest = newestWithoutBody(sql);
  const page = (table: Part, after: number) => {
    const from = part`(SELECT * FROM ${source(filter, watermark, table)}) WHERE seq > ${after}`;
    return exec<Row>(sql)`SELECT ${COLUMNS} FROM ${from}
      ORDER BY seq DESC LIMIT ${limit} OFFSET ${offset}`.toArray();
  };
  // Most pages are of events that are newer than all that is kept without its body.
  const recent = page(RECENT, newest ?? 0);
  const all = newest === null || recent.length === limit ? recent : page(ALL, 0);
  const body = (seq: number) => (filter.id === undefined ? undefined : findBody(sql, seq));
  const rows = all.map((row) => ({ seq: row.seq, ...serialise(row), ...body(row.seq) }));
  // The id of one is no other's.
  if (filter.id !== undefined) return { rows, count: rows.length };
  const { state, ...others } = filter;
  const isOfFew = Object.values(others).some((value) => value !== undefined);
  const from = source(filter, watermark, tableOf(sql));
  return { rows, count: isOfFew ? count(sql, from) : countDeliveries(storage, state ?? "any", watermark) };
}

/** The places of the deliveries at two offsets of that list; null: there are fewer. */
export function placesAt(sql: SqlStorage, filter: DeliveryFilter, offsets: number[], watermark: number) {
  const from = source(filter, watermark, tableOf(sql));
  return offsets.map((offset) => {
    const [row] = exec<{ seq: number }>(sql)`SELECT seq FROM ${from}
      ORDER BY seq DESC LIMIT 1 OFFSET ${offset}`.toArray();
    return row?.seq ?? null;
  });
}

/** How many deliveries of that list are before a place. */
export function countBefore(sql: SqlStorage, filter: DeliveryFilter, seq: number, watermark: number): number {
  return count(sql, part`(SELECT seq FROM ${source(filter, watermark, tableOf(sql))}) WHERE seq > ${seq}`);
}

const findBody = (sql: SqlStorage, seq: number) =>
  exec<{ payload_sealed: string }>(sql)`SELECT payload_sealed FROM events WHERE seq = ${seq}`.toArray()[0];

function source(filter: DeliveryFilter, watermark: number, table: Part): Part {
  const { state, externalId, phoneNumberId, event, id } = filter;
  const own = externalId === undefined ? part`` : part` AND external_id = ${externalId}`;
  // In these words the index has them.
  if (phoneNumberId !== undefined)
    return part`events WHERE lane = ${phoneNumberId} AND type >= 'number.' AND type < 'number/'${own}`;
  const ofState = state === undefined ? part`` : part` AND state = ${state}`;
  if (id !== undefined) return part`${table} WHERE id = ${id}${own}`;
  if (event !== undefined) return part`${table} WHERE type = ${event}${own}${ofState}`;
  if (externalId !== undefined) return part`${table} WHERE external_id = ${externalId}${ofState}`;
  const { put_off, fresh, ...settled } = sources(watermark, table);
  if (state !== "pending") return settled[state ?? "any"];
  return part`events WHERE seq IN (SELECT seq FROM ${put_off} UNION ALL SELECT seq FROM ${fresh})`;
}

function newestWithoutBody(sql: SqlStorage): number | null {
  return exec<{ seq: number | null }>(sql)`SELECT MAX(seq) AS seq FROM delivered`.one().seq;
}

const tableOf = (sql: SqlStorage): Part => (newestWithoutBody(sql) === null ? RECENT : ALL);

const count = (sql: SqlStorage, from: Part) =>
  exec<{ count: number }>(sql)`SELECT COUNT(*) AS count FROM ${from}`.one().count;

function countDeliveries(
  storage: DurableObjectStorage,
  state: DeliveryState | "any",
  watermark: number,
): number {
  const { sql } = storage;
  const { failed, put_off, fresh } = sources(watermark, RECENT);
  const pending = () => count(sql, put_off) + count(sql, fresh);
  const any = () => countRows(storage, "events") + countArchived(sql);
  if (state === "any") return any();
  if (state === "failed") return count(sql, failed);
  // No index has the delivered ones: they are what is left.
  return state === "pending" ? pending() : any() - count(sql, failed) - pending();
}

const countArchived = (sql: SqlStorage) =>
  exec<{ count: number }>(sql)`SELECT COALESCE(SUM(count), 0) AS count FROM delivered`.one().count;

export function findDelivery(sql: SqlStorage, seq: number): Delivery | null {
  const [row] = exec<Row>(sql)`SELECT ${COLUMNS} FROM events WHERE seq = ${seq}`.toArray();
  return row ? serialise(row) : null;
}

type StoredAttempt = { at: number; status: number | null; error: DeliveryError | null; ms: number };

function serialise({ type, queued_at, attempts, ...row }: Row): Delivery {
  const time = (at: number) => new Date(at).toISOString();
  const next = row.state === "pending" ? (row.next_attempt_at ?? queued_at) : null;
  return {
    id: row.id,
    event: type,
    agent_id: row.agent_id || null,
    external_id: row.external_id,
    actor: row.actor === null ? null : (JSON.parse(row.actor) as Actor),
    state: row.state,
    next_attempt_at: next === null ? null : time(next),
    created_at: time(row.created_at),
    updated_at: time(row.updated_at),
    attempts: (JSON.parse(attempts) as StoredAttempt[]).map(({ at, status, error, ms }) => ({
      attempted_at: time(at),
      http_status: status,
      error,
      duration_ms: ms,
    })),
  };
}
