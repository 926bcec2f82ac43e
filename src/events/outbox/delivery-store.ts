import type { DeliveryError } from "../delivery.ts";
import type { EventType } from "../event.ts";
import type { DeliveryState } from "./store.ts";

/** A delivery as its owner sees it. */
export type Delivery = {
  id: string;
  event: EventType;
  agent_id: string;
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
  state: DeliveryState;
  next_attempt_at: number | null;
  queued_at: number;
  created_at: number;
  updated_at: number;
  attempts: string;
};

const COLUMNS = "id, type, agent_id, state, next_attempt_at, queued_at, created_at, updated_at, attempts";

// What waits is read off an index, or lies behind the watermark.
const PENDING = `SELECT seq FROM events WHERE next_attempt_at IS NOT NULL UNION ALL
  SELECT seq FROM events WHERE seq > ?3 AND state = 'pending' AND next_attempt_at IS NULL`;

// Every statement names the same three parameters: limit, offset and watermark.
const CONDITIONS: Record<DeliveryState | "any", string> = {
  any: "?3 = ?3",
  pending: `seq IN (${PENDING})`,
  failed: "?3 = ?3 AND state = 'failed'",
  delivered: "?3 = ?3 AND state = 'delivered'",
};

export type DeliveryQuery = { state: DeliveryState | undefined; limit: number; offset: number };

/** A page of deliveries, newest first, and how many there are in all. */
export function listDeliveries(
  sql: SqlStorage,
  { state, limit, offset }: DeliveryQuery,
  watermark: number,
): { deliveries: Delivery[]; count: number } {
  const where = CONDITIONS[state ?? "any"];
  const rows = sql
    .exec<Row>(
      `SELECT ${COLUMNS} FROM events WHERE ${where} ORDER BY seq DESC LIMIT ?1 OFFSET ?2`,
      limit,
      offset,
      watermark,
    )
    .toArray();
  return { deliveries: rows.map(serialise), count: countDeliveries(sql, state, watermark) };
}

// In these words the index has them.
const OF_NUMBER = "events WHERE lane = ?1 AND type >= 'number.' AND type < 'number/'";

/** A page of what happened to a number itself, newest first; not its calls and texts. */
export function listOfNumber(
  sql: SqlStorage,
  phoneNumberId: string,
  { limit, offset }: { limit: number; offset: number },
): { deliveries: Delivery[]; count: number } {
  const page = `SELECT ${COLUMNS} FROM ${OF_NUMBER} ORDER BY seq DESC LIMIT ?2 OFFSET ?3`;
  const all = `SELECT COUNT(*) AS count FROM ${OF_NUMBER}`;
  return {
    deliveries: sql.exec<Row>(page, phoneNumberId, limit, offset).toArray().map(serialise),
    count: sql.exec<{ count: number }>(all, phoneNumberId).one().count,
  };
}

function countDeliveries(sql: SqlStorage, state: DeliveryState | undefined, watermark: number): number {
  const count = (from: string, ...values: number[]) =>
    sql.exec<{ count: number }>(`SELECT COUNT(*) AS count FROM ${from}`, ...values).one().count;
  const all = () => count("events");
  const failed = () => count("events WHERE state = 'failed'");
  const pending = () =>
    count("events WHERE next_attempt_at IS NOT NULL") +
    count("events WHERE seq > ? AND state = 'pending' AND next_attempt_at IS NULL", watermark);
  if (state === "failed") return failed();
  if (state === "pending") return pending();
  // No index has them: they are what is left.
  return state === "delivered" ? all() - failed() - pending() : all();
}

export function findDelivery(sql: SqlStorage, id: string): Delivery | null {
  const [row] = sql.exec<Row>(`SELECT ${COLUMNS} FROM events WHERE id = ?`, id).toArray();
  return row ? serialise(row) : null;
}

type StoredAttempt = { at: number; status: number | null; error: DeliveryError | null; ms: number };

function serialise({ type, queued_at, attempts, ...row }: Row): Delivery {
  const time = (at: number) => new Date(at).toISOString();
  const next = row.state === "pending" ? (row.next_attempt_at ?? queued_at) : null;
  return {
    id: row.id,
    event: type,
    agent_id: row.agent_id,
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
