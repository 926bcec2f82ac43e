import { all, batch, first, readBatch, run } from "../database.ts";
import { type Attempt, MAX_ATTEMPTS, type Outcome } from "./delivery.ts";
import type { EventType, SealedEvent } from "./event.ts";

export const DELIVERY_STATES = ["pending", "delivered", "failed"] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/**
 * Statement for a batch: stores an event if its agent has a webhook_url.
 *
 * @param onlyFor for the event of an import or a release: stores it only if the number's row has this claim and state
 */
export function insertEvent(
  db: D1Database,
  event: SealedEvent,
  onlyFor?: { phoneNumberId: string; claimId: string; state: "active" | "releasing" },
): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO events (id, api_key_id, agent_id, type, payload_sealed, state, attempts_left, next_attempt_at,
         created_at, updated_at)
       SELECT ?1, ?2, ?3, ?4, ?5, 'pending', ?9, ?6, ?6, ?6 FROM agents
       WHERE id = ?3 AND api_key_id = ?2 AND webhook_url IS NOT NULL AND (?7 IS NULL OR EXISTS (
         SELECT 1 FROM phone_numbers WHERE id = ?7 AND claim_id = ?8 AND state = ?10))
       ON CONFLICT (id) DO NOTHING`,
    )
    .bind(
      event.id,
      event.apiKeyId,
      event.agentId,
      event.type,
      event.payloadSealed,
      event.createdAt,
      onlyFor?.phoneNumberId ?? null,
      onlyFor?.claimId ?? null,
      MAX_ATTEMPTS,
      onlyFor?.state ?? null,
    );
}

/** Statement for a batch: records what Twilio has sent. Fails with `conflict` if Twilio has sent it before. */
export function insertReceipt(db: D1Database, key: string, now: string): D1PreparedStatement {
  return db.prepare("INSERT INTO twilio_receipts (key, received_at) VALUES (?1, ?2)").bind(key, now);
}

/** An event to deliver, with everything that this needs. */
export type DueEvent = {
  id: string;
  api_key_id: string;
  payload_sealed: string;
  state: DeliveryState;
  attempts_left: number;
  next_attempt_at: string | null;
  webhook_url: string | null;
  secret_sealed: string | null;
  previous_secret_sealed: string | null;
};

/** The events with these ids, in one query. @throws StorageError */
export async function findDueEvents(db: D1Database, ids: readonly string[]): Promise<Map<string, DueEvent>> {
  const statement = db
    .prepare(
      `SELECT e.id, e.api_key_id, e.payload_sealed, e.state, e.attempts_left, e.next_attempt_at, a.webhook_url,
         s.secret_sealed, s.previous_secret_sealed
       FROM events e
       LEFT JOIN agents a ON a.id = e.agent_id AND a.api_key_id = e.api_key_id
       LEFT JOIN webhook_secrets s ON s.api_key_id = e.api_key_id
       WHERE e.id IN (SELECT value FROM json_each(?1))`,
    )
    .bind(JSON.stringify(ids));
  const rows = await all<DueEvent>(statement);
  return new Map(rows.map((event) => [event.id, event]));
}

/**
 * Records an attempt and its outcome in one transaction.
 *
 * @param attemptsLeft including this attempt; if the row now has another count, the customer has asked for a new delivery
 *   in between, and the event keeps its state
 * @throws StorageError
 */
export async function recordAttempt(
  db: D1Database,
  eventId: string,
  { attempt, attemptsLeft, outcome }: { attempt: Attempt; attemptsLeft: number; outcome: Outcome },
  now: Date,
): Promise<void> {
  const time = now.toISOString();
  const nextAttemptAt =
    outcome.state === "pending" ? new Date(now.getTime() + outcome.delaySeconds * 1000).toISOString() : null;
  await batch(db, [
    db
      .prepare(
        `INSERT INTO event_attempts (event_id, attempted_at, http_status, error, duration_ms)
         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING`,
      )
      .bind(
        eventId,
        attempt.attemptedAt.toISOString(),
        attempt.httpStatus ?? null,
        attempt.error ?? null,
        attempt.durationMs,
      ),
    db
      .prepare(
        `UPDATE events SET state = ?2, attempts_left = attempts_left - 1, next_attempt_at = ?3, updated_at = ?4
         WHERE id = ?1 AND state = 'pending' AND attempts_left = ?5`,
      )
      .bind(eventId, outcome.state, nextAttemptAt, time, attemptsLeft),
  ]);
}

/** Pending events whose attempt was due before `before`, the oldest first. @throws StorageError */
export async function findOverdue(db: D1Database, before: string, limit: number): Promise<string[]> {
  const statement = db
    .prepare(
      `SELECT id FROM events WHERE state = 'pending' AND next_attempt_at <= ?1 ORDER BY next_attempt_at LIMIT ?2`,
    )
    .bind(before, limit);
  const rows = await all<{ id: string }>(statement);
  return rows.map(({ id }) => id);
}

/** Makes pending events due at `until`, so that the next run does not find them overdue again. @throws StorageError */
export async function postpone(db: D1Database, ids: readonly string[], until: string): Promise<void> {
  await run(
    db
      .prepare(
        `UPDATE events SET next_attempt_at = ?2
         WHERE state = 'pending' AND id IN (SELECT value FROM json_each(?1))`,
      )
      .bind(JSON.stringify(ids), until),
    { isIdempotent: true },
  );
}

/** A delivery as the customer sees it. `attempts` is a JSON array. */
export type DeliveryRow = {
  id: string;
  type: EventType;
  agent_id: string;
  state: DeliveryState;
  next_attempt_at: string | null;
  attempts: string;
  created_at: string;
  updated_at: string;
};

const DELIVERY = `
  e.id, e.type, e.agent_id, e.state, e.next_attempt_at, e.created_at, e.updated_at, (
    SELECT json_group_array(json_object('attempted_at', t.attempted_at, 'http_status', t.http_status,
      'error', t.error, 'duration_ms', t.duration_ms) ORDER BY t.attempted_at)
    FROM event_attempts t WHERE t.event_id = e.id) AS attempts`;

export type DeliveryQuery = {
  apiKeyId: string;
  state: DeliveryState | undefined;
  limit: number;
  offset: number;
};

/** A page of a key's deliveries, newest first, and how many there are in total. One trip to D1. @throws StorageError */
export async function listDeliveries(
  db: D1Database,
  { apiKeyId, state, limit, offset }: DeliveryQuery,
): Promise<{ rows: DeliveryRow[]; count: number }> {
  // Two different statements instead of one that allows any state: SQLite then reads the page from an index.
  const where = state ? "AND e.state = ?2" : "";
  const [page, total] = await readBatch(db, [
    db
      .prepare(
        `SELECT ${DELIVERY} FROM events e WHERE e.api_key_id = ?1 ${where}
         ORDER BY e.created_at DESC, e.id DESC LIMIT ?3 OFFSET ?4`,
      )
      .bind(apiKeyId, state ?? null, limit, offset),
    db
      .prepare(`SELECT COUNT(*) AS count FROM events e WHERE e.api_key_id = ?1 ${where}`)
      .bind(apiKeyId, ...(state ? [state] : [])),
  ]);
  return {
    rows: (page?.results ?? []) as DeliveryRow[],
    count: (total?.results[0] as { count: number } | undefined)?.count ?? 0,
  };
}

/** One of this key's deliveries, or null. @throws StorageError */
export function findDelivery(db: D1Database, apiKeyId: string, id: string): Promise<DeliveryRow | null> {
  return first<DeliveryRow>(
    db.prepare(`SELECT ${DELIVERY} FROM events e WHERE e.id = ?2 AND e.api_key_id = ?1`).bind(apiKeyId, id),
  );
}

/** Makes one of this key's events pending again, with all attempts. @returns whether it exists. @throws StorageError */
export async function reviveEvent(
  db: D1Database,
  apiKeyId: string,
  id: string,
  now: string,
): Promise<boolean> {
  const statement = db
    .prepare(
      `UPDATE events SET state = 'pending', attempts_left = ?4, next_attempt_at = ?3, updated_at = ?3
       WHERE id = ?2 AND api_key_id = ?1`,
    )
    .bind(apiKeyId, id, now, MAX_ATTEMPTS);
  return (await run(statement)) === 1;
}

/** Deletes up to `limit` receipts from before `before`. @returns how many. @throws StorageError */
export function clearReceipts(db: D1Database, before: string, limit: number): Promise<number> {
  return run(
    db
      .prepare(
        `DELETE FROM twilio_receipts WHERE key IN (
           SELECT key FROM twilio_receipts WHERE received_at < ?1 ORDER BY received_at LIMIT ?2)`,
      )
      .bind(before, limit),
    { isIdempotent: true },
  );
}

/** Deletes up to `limit` finished events from before `before`, with attempts. @returns how many. @throws StorageError */
export function clearEvents(db: D1Database, before: string, limit: number): Promise<number> {
  return run(
    db
      .prepare(
        `DELETE FROM events WHERE id IN (
           SELECT id FROM events WHERE created_at < ?1 AND state <> 'pending' ORDER BY created_at LIMIT ?2)`,
      )
      .bind(before, limit),
    { isIdempotent: true },
  );
}
