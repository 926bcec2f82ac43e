import { batch, first, readPage, run, StorageError } from "../database.ts";
import type { Page } from "../http/page.ts";

export type AgentRow = {
  id: string;
  api_key_id: string;
  name: string;
  system_prompt: string | null;
  welcome_message: string | null;
  language: string;
  voice_id: string | null;
  is_active: 0 | 1;
  webhook_url: string | null;
  /** JSON of a `Connect`. */
  connect: string | null;
  /** JSON of a `Fallback`. */
  fallback: string | null;
  record: 0 | 1;
  /** JSON of what differs from the defaults of a `Talk`. */
  talk: string | null;
  created_at: string;
  updated_at: string;
};

const COLUMNS = `id, api_key_id, name, system_prompt, welcome_message, language, voice_id, is_active, webhook_url,
  connect, fallback, record, talk, created_at, updated_at`;

/** @throws StorageError */
export async function insertAgent(db: D1Database, row: AgentRow): Promise<void> {
  const places = "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15";
  await run(bindAll(db.prepare(`INSERT INTO agents (${COLUMNS}) VALUES (${places})`), row));
}

/**
 * @param lastUpdatedAt the `updated_at` that was read
 * @returns false if the agent was changed or deleted since then
 * @throws StorageError
 */
export async function updateAgent(db: D1Database, row: AgentRow, lastUpdatedAt: string): Promise<boolean> {
  const statement = db.prepare(
    `UPDATE agents SET name = ?3, system_prompt = ?4, welcome_message = ?5, language = ?6, voice_id = ?7,
       is_active = ?8, webhook_url = ?9, connect = ?10, fallback = ?11, record = ?12, talk = ?13, updated_at = ?15
     WHERE id = ?1 AND api_key_id = ?2 AND created_at = ?14 AND updated_at = ?16`,
  );
  return (await run(bindAll(statement, row, lastUpdatedAt))) === 1;
}

/** Binds the row in the order of `COLUMNS`, then the statement's other values. */
function bindAll(statement: D1PreparedStatement, row: AgentRow, ...more: string[]): D1PreparedStatement {
  return statement.bind(
    row.id,
    row.api_key_id,
    row.name,
    row.system_prompt,
    row.welcome_message,
    row.language,
    row.voice_id,
    row.is_active,
    row.webhook_url,
    row.connect,
    row.fallback,
    row.record,
    row.talk,
    row.created_at,
    row.updated_at,
    ...more,
  );
}

/** One of this key's agents, or null. @throws StorageError */
export function findAgent(db: D1Database, apiKeyId: string, agentId: string): Promise<AgentRow | null> {
  return first<AgentRow>(
    db.prepare(`SELECT ${COLUMNS} FROM agents WHERE id = ?1 AND api_key_id = ?2`).bind(agentId, apiKeyId),
  );
}

/** A page of a key's agents, newest first, and how many there are. One trip to D1. @throws StorageError */
export function listAgents(
  db: D1Database,
  apiKeyId: string,
  { limit, offset }: Page,
): Promise<{ rows: AgentRow[]; count: number }> {
  return readPage<AgentRow>(
    db,
    db
      .prepare(
        `SELECT ${COLUMNS} FROM agents WHERE api_key_id = ?1 ORDER BY created_at DESC, id DESC LIMIT ?2 OFFSET ?3`,
      )
      .bind(apiKeyId, limit, offset),
    db.prepare("SELECT COUNT(*) AS count FROM agents WHERE api_key_id = ?1").bind(apiKeyId),
  );
}

/**
 * Deletes one of this key's agents, in one transaction.
 *
 * @param force first removes the agent from its numbers: they stay imported, without an agent
 * @returns "in_use" and how many numbers the agent has, if it was not deleted for that reason
 * @throws StorageError
 */
export async function deleteAgent(
  db: D1Database,
  apiKeyId: string,
  agentId: string,
  { force, now }: { force: boolean; now: string },
): Promise<{ outcome: "deleted" | "absent" } | { outcome: "in_use"; count: number }> {
  const unroute = db
    .prepare(
      "UPDATE phone_numbers SET agent_id = NULL, updated_at = ?3 WHERE agent_id = ?1 AND api_key_id = ?2",
    )
    .bind(agentId, apiKeyId, now);
  const remove = db.prepare("DELETE FROM agents WHERE id = ?1 AND api_key_id = ?2").bind(agentId, apiKeyId);
  try {
    const results = await batch(db, force ? [unroute, remove] : [remove]);
    return { outcome: results.at(-1)?.meta.changes === 1 ? "deleted" : "absent" };
  } catch (error) {
    // The foreign key of its numbers refused the deletion.
    if (!(error instanceof StorageError && error.failure === "dangling")) throw error;
    const row = await first<{ count: number }>(
      db
        .prepare("SELECT COUNT(*) AS count FROM phone_numbers WHERE agent_id = ?1 AND api_key_id = ?2")
        .bind(agentId, apiKeyId),
    );
    return { outcome: "in_use", count: row?.count ?? 0 };
  }
}

/** The row of {@link selectOwner}. */
export type AgentOwner = { api_key_id: string };

/** Statement for a batch: the API key that owns the agent; no row if there is no such agent. */
export function selectOwner(db: D1Database, agentId: string): D1PreparedStatement {
  return db.prepare("SELECT api_key_id FROM agents WHERE id = ?1").bind(agentId);
}
