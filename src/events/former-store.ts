import { all, readBatch, run } from "../database.ts";
import type { FormerEvent } from "./outbox/adopt-store.ts";

// The tables of the version before outboxes. They are emptied, and then a later migration drops them.

type Row = FormerEvent & { api_key_id: string };
type AttemptRow = {
  attempted_at: string;
  http_status: number | null;
  error: string | null;
  duration_ms: number;
};

const COLUMNS = `e.id, e.api_key_id, e.agent_id, e.type, e.payload_sealed, e.state, e.attempts_left, e.created_at, e.updated_at, (
  SELECT json_group_array(json_object('attempted_at', t.attempted_at, 'http_status', t.http_status, 'error', t.error,
    'duration_ms', t.duration_ms) ORDER BY t.attempted_at)
  FROM event_attempts t WHERE t.event_id = e.id) AS attempts`;

/** Up to `limit` events, first those that are still to be delivered, by their API key. @throws StorageError */
export async function findFormer(db: D1Database, limit: number): Promise<Map<string, FormerEvent[]>> {
  const results = await readBatch(db, [
    db
      .prepare(
        `SELECT ${COLUMNS} FROM events e WHERE e.state = 'pending' AND e.next_attempt_at > '' ORDER BY e.next_attempt_at LIMIT ?1`,
      )
      .bind(limit),
    db
      .prepare(`SELECT ${COLUMNS} FROM events e WHERE e.created_at > '' ORDER BY e.created_at LIMIT ?1`)
      .bind(limit),
  ]);
  const [pending = [], all = []] = results.map(({ results }) => results as Row[]);
  return byApiKey(pending.length > 0 ? pending : all);
}

/** One of them, by its API key. @throws StorageError */
export async function findFormerById(db: D1Database, id: string): Promise<Map<string, FormerEvent[]>> {
  return byApiKey(await all<Row>(db.prepare(`SELECT ${COLUMNS} FROM events e WHERE e.id = ?1`).bind(id)));
}

function byApiKey(rows: readonly Row[]): Map<string, FormerEvent[]> {
  const events = rows.map((row) => ({ ...row, attempts: asHere(row.attempts) }));
  return Map.groupBy(events, ({ api_key_id }) => api_key_id);
}

function asHere(attempts: string): string {
  return JSON.stringify(
    (JSON.parse(attempts) as AttemptRow[]).map(({ attempted_at, http_status, error, duration_ms }) => ({
      at: Date.parse(attempted_at),
      status: http_status,
      error,
      ms: duration_ms,
    })),
  );
}

/** Deletes events, and their attempts with them. @throws StorageError */
export async function deleteFormer(db: D1Database, ids: readonly string[]): Promise<void> {
  await run(
    db.prepare("DELETE FROM events WHERE id IN (SELECT value FROM json_each(?1))").bind(JSON.stringify(ids)),
    { isIdempotent: true },
  );
}

/** Deletes up to `limit` receipts: the id of an event says now what was told before. @throws StorageError */
export async function deleteReceipts(db: D1Database, limit: number): Promise<void> {
  await run(
    db
      .prepare(
        "DELETE FROM twilio_receipts WHERE key IN (SELECT key FROM twilio_receipts WHERE key > '' LIMIT ?1)",
      )
      .bind(limit),
    { isIdempotent: true },
  );
}

/** Statement that deletes those of an API key. */
export function deleteFormerOf(db: D1Database, apiKeyId: string): D1PreparedStatement {
  return db.prepare("DELETE FROM events WHERE api_key_id = ?1").bind(apiKeyId);
}
