import type { Owner } from "../actor.ts";
import { noteObjects } from "../api-keys/store.ts";
import { batch, first, part, readPage, run, StorageError, sql } from "../database.ts";
import type { Near } from "../events/near.ts";
import { insertPending } from "../events/pending-store.ts";
import type { Page } from "../http/page.ts";
import { hasRoom, isNearWithNext } from "../limits-store.ts";

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

const COLUMNS = part`id, api_key_id, name, system_prompt, welcome_message, language, voice_id, is_active,
  webhook_url, connect, fallback, record, talk, created_at, updated_at`;

/**
 * @param maxAgents how many agents a key may have that has no such limit of its own
 * @param near is stored with the agent that it is true of
 * @returns whether the agent was stored; if not, the key has as many as it may
 * @throws StorageError
 */
export async function insertAgent(
  db: D1Database,
  row: AgentRow,
  maxAgents: number | null,
  near: Near | undefined,
): Promise<{ isStored: boolean; hasEvent: boolean }> {
  const insert = sql(db)`INSERT INTO agents (${COLUMNS})
    SELECT ${row.id}, ${row.api_key_id}, ${row.name}, ${row.system_prompt}, ${row.welcome_message},
      ${row.language}, ${row.voice_id}, ${row.is_active}, ${row.webhook_url}, ${row.connect}, ${row.fallback},
      ${row.record}, ${row.talk}, ${row.created_at}, ${row.updated_at}
    FROM api_keys k WHERE k.id = ${row.api_key_id} AND ${hasRoom("max_agents", maxAgents)}`;
  const tell =
    near && insertPending(db, near.event, { key: isNearWithNext("max_agents", maxAgents, near.limit) });
  const results = await batch(db, [...(tell ? [tell, noteObjects(db, row.api_key_id)] : []), insert]);
  return {
    isStored: results.at(-1)?.meta.changes === 1,
    hasEvent: tell !== undefined && results[0]?.meta.changes === 1,
  };
}

/**
 * @param lastUpdatedAt the `updated_at` that was read
 * @returns false if the agent was changed or deleted since then
 * @throws StorageError
 */
export async function updateAgent(db: D1Database, row: AgentRow, lastUpdatedAt: string): Promise<boolean> {
  const changed = await run(sql(db)`UPDATE agents SET name = ${row.name},
      system_prompt = ${row.system_prompt}, welcome_message = ${row.welcome_message},
      language = ${row.language}, voice_id = ${row.voice_id}, is_active = ${row.is_active},
      webhook_url = ${row.webhook_url}, connect = ${row.connect}, fallback = ${row.fallback},
      record = ${row.record}, talk = ${row.talk}, updated_at = ${row.updated_at}
    WHERE id = ${row.id} AND api_key_id = ${row.api_key_id} AND created_at = ${row.created_at}
      AND updated_at = ${lastUpdatedAt}`);
  return changed === 1;
}

/** One of this key's agents, or null. @throws StorageError */
export function findAgent(db: D1Database, apiKeyId: string, agentId: string): Promise<AgentRow | null> {
  return first<AgentRow>(sql(db)`SELECT ${COLUMNS} FROM agents
    WHERE id = ${agentId} AND api_key_id = ${apiKeyId}`);
}

/** The agents of an owner: of one external id, those that its numbers have. */
const ofOwner = ({ apiKeyId, externalId }: Owner) =>
  externalId === null
    ? part`agents WHERE api_key_id = ${apiKeyId}`
    : part`agents WHERE api_key_id = ${apiKeyId} AND id IN (SELECT agent_id FROM phone_numbers
        WHERE api_key_id = ${apiKeyId} AND external_id = ${externalId} AND state = 'active')`;

/** One of an owner's agents. @throws StorageError */
export function findOwnAgent(db: D1Database, owner: Owner, agentId: string): Promise<AgentRow | null> {
  return first<AgentRow>(sql(db)`SELECT ${COLUMNS} FROM ${ofOwner(owner)} AND id = ${agentId}`);
}

/** Statement that reads whether an agent of an owner's is active. */
export function selectIsActive(db: D1Database, owner: Owner, agentId: string): D1PreparedStatement {
  return sql(db)`SELECT is_active FROM ${ofOwner(owner)} AND id = ${agentId}`;
}

/** A page of an owner's agents, newest first, and how many there are. One trip to D1. @throws StorageError */
export function listAgents(
  db: D1Database,
  owner: Owner,
  { limit, offset }: Page,
): Promise<{ rows: AgentRow[]; count: number }> {
  return readPage<AgentRow>(
    db,
    sql(db)`SELECT ${COLUMNS} FROM ${ofOwner(owner)}
      ORDER BY created_at DESC, id DESC LIMIT ${limit} OFFSET ${offset}`,
    sql(db)`SELECT COUNT(*) AS count FROM ${ofOwner(owner)}`,
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
  const unroute = sql(db)`UPDATE phone_numbers SET agent_id = NULL, updated_at = ${now}
    WHERE agent_id = ${agentId} AND api_key_id = ${apiKeyId}`;
  const remove = sql(db)`DELETE FROM agents WHERE id = ${agentId} AND api_key_id = ${apiKeyId}`;
  try {
    const results = await batch(db, force ? [unroute, remove] : [remove]);
    return { outcome: results.at(-1)?.meta.changes === 1 ? "deleted" : "absent" };
  } catch (error) {
    // The foreign key of its numbers refused the deletion.
    if (!(error instanceof StorageError && error.failure === "dangling")) throw error;
    const row = await first<{ count: number }>(sql(db)`SELECT COUNT(*) AS count FROM phone_numbers
      WHERE agent_id = ${agentId} AND api_key_id = ${apiKeyId}`);
    return { outcome: "in_use", count: row?.count ?? 0 };
  }
}

/** The row of {@link selectOwner}. */
export type AgentOwner = { api_key_id: string };

/** Statement for a batch: the API key that owns the agent; no row if there is no such agent. */
export function selectOwner(db: D1Database, agentId: string): D1PreparedStatement {
  return sql(db)`SELECT api_key_id FROM agents WHERE id = ${agentId}`;
}
