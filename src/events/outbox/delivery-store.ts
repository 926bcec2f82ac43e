import type { Actor } from "../../actor.ts";
import { exec, type Part, part } from "../../database.ts";
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

const COLUMNS = part`id, type, agent_id, external_id, actor, state, next_attempt_at, queued_at, created_at, updated_at,
  attempts`;

export type DeliveryQuery = {
  state: DeliveryState | undefined;
  externalId?: string | undefined;
  limit: number;
  offset: number;
};

/** Where the deliveries of each state are. What waits is read off an index, or lies behind the watermark. */
const sources = (watermark: number) => ({
  any: part`events`,
  failed: part`events WHERE state = 'failed'`,
  delivered: part`events WHERE state = 'delivered'`,
  put_off: part`events WHERE next_attempt_at IS NOT NULL`,
  fresh: part`events WHERE seq > ${watermark} AND state = 'pending' AND next_attempt_at IS NULL`,
});

/** A page of deliveries, newest first, and how many there are in all. */
export function listDeliveries(
  sql: SqlStorage,
  {
    state = "any",
    externalId,
    limit,
    offset,
  }: Omit<DeliveryQuery, "state"> & { state?: DeliveryState | "any" | undefined },
  watermark: number,
): { deliveries: Delivery[]; count: number } {
  if (externalId !== undefined) {
    const ofState = state === "any" ? part`` : part` AND state = ${state}`;
    const from = part`events WHERE external_id = ${externalId}${ofState}`;
    return { deliveries: page(sql, from, limit, offset), count: count(sql, from) };
  }
  const { put_off, fresh, ...settled } = sources(watermark);
  const pending = part`events WHERE seq IN (SELECT seq FROM ${put_off} UNION ALL SELECT seq FROM ${fresh})`;
  return {
    deliveries: page(sql, state === "pending" ? pending : settled[state], limit, offset),
    count: countDeliveries(sql, state, watermark),
  };
}

/**
 * A page of what happened to a number itself, newest first; not its calls and texts.
 *
 * @param externalId only while the number had it; null: always
 */
export function listOfNumber(
  sql: SqlStorage,
  phoneNumberId: string,
  { limit, offset }: { limit: number; offset: number },
  externalId: string | null,
): { deliveries: Delivery[]; count: number } {
  // In these words the index has them.
  const from = part`events WHERE lane = ${phoneNumberId} AND type >= 'number.' AND type < 'number/'
    AND (${externalId} IS NULL OR external_id = ${externalId})`;
  return { deliveries: page(sql, from, limit, offset), count: count(sql, from) };
}

function page(sql: SqlStorage, from: Part, limit: number, offset: number): Delivery[] {
  return exec<Row>(sql)`SELECT ${COLUMNS} FROM ${from} ORDER BY seq DESC LIMIT ${limit} OFFSET ${offset}`
    .toArray()
    .map(serialise);
}

const count = (sql: SqlStorage, from: Part) =>
  exec<{ count: number }>(sql)`SELECT COUNT(*) AS count FROM ${from}`.one().count;

function countDeliveries(sql: SqlStorage, state: DeliveryState | "any", watermark: number): number {
  const { any, failed, put_off, fresh } = sources(watermark);
  const pending = () => count(sql, put_off) + count(sql, fresh);
  if (state === "any") return count(sql, any);
  if (state === "failed") return count(sql, failed);
  // No index has the delivered ones: they are what is left.
  return state === "pending" ? pending() : count(sql, any) - count(sql, failed) - pending();
}

export function findDelivery(sql: SqlStorage, id: string): Delivery | null {
  const [row] = exec<Row>(sql)`SELECT ${COLUMNS} FROM events WHERE id = ${id}`.toArray();
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
