import { all, run } from "../database.ts";
import type { EventType, SealedEvent } from "./event.ts";

/**
 * Statement for a batch: keeps an event until its outbox has it, if its agent has a webhook_url to send it to.
 *
 * @param onlyFor the event belongs to an import or a release; it is kept only if that has brought the number to a state
 */
export function insertPending(
  db: D1Database,
  event: SealedEvent,
  onlyFor?: { phoneNumberId: string; holder: string; state: "active" | "releasing" },
): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO pending_events (id, api_key_id, agent_id, lane, type, payload_sealed, created_at)
       SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 FROM agents
       WHERE id = ?3 AND api_key_id = ?2 AND webhook_url IS NOT NULL AND (?8 IS NULL OR EXISTS (
         SELECT 1 FROM phone_numbers WHERE id = ?8 AND lease_holder = ?9 AND state = ?10))
       ON CONFLICT (id) DO NOTHING`,
    )
    .bind(
      event.id,
      event.apiKeyId,
      event.agentId,
      event.lane,
      event.type,
      event.payloadSealed,
      event.createdAt,
      onlyFor?.phoneNumberId ?? null,
      onlyFor?.holder ?? null,
      onlyFor?.state ?? null,
    );
}

/**
 * Up to `limit` events that no outbox has yet: those of each API key in the order in which they happened, and a share of each
 * key, so that none waits behind another's.
 *
 * @throws StorageError
 */
export function listPending(db: D1Database, limit: number): Promise<{ id: string; api_key_id: string }[]> {
  return all(
    db
      .prepare(
        "SELECT id, api_key_id FROM pending_events ORDER BY ROW_NUMBER() OVER (PARTITION BY api_key_id ORDER BY created_at, id) LIMIT ?1",
      )
      .bind(limit),
  );
}

type PendingRow = {
  id: string;
  api_key_id: string;
  agent_id: string;
  lane: string;
  type: EventType;
  payload_sealed: string;
  created_at: string;
};

/** Events that no outbox has yet. @throws StorageError */
export async function findPending(db: D1Database, ids: readonly string[]): Promise<SealedEvent[]> {
  const rows = await all<PendingRow>(
    db
      .prepare(
        `SELECT id, api_key_id, agent_id, lane, type, payload_sealed, created_at FROM pending_events
         WHERE id IN (SELECT value FROM json_each(?1))`,
      )
      .bind(JSON.stringify(ids)),
  );
  return rows.map((row) => ({
    id: row.id,
    apiKeyId: row.api_key_id,
    agentId: row.agent_id,
    lane: row.lane,
    type: row.type,
    payloadSealed: row.payload_sealed,
    createdAt: row.created_at,
  }));
}

/** @throws StorageError */
export async function deletePending(db: D1Database, ids: readonly string[]): Promise<void> {
  await run(
    db
      .prepare("DELETE FROM pending_events WHERE id IN (SELECT value FROM json_each(?1))")
      .bind(JSON.stringify(ids)),
    { isIdempotent: true },
  );
}

/** Statement that deletes those of an API key. */
export function deletePendingOf(db: D1Database, apiKeyId: string): D1PreparedStatement {
  return db.prepare("DELETE FROM pending_events WHERE api_key_id = ?1").bind(apiKeyId);
}
