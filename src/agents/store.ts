import { first, run } from "../database.ts";

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
  created_at: string;
  updated_at: string;
};

const INSERT = `
  INSERT INTO agents (id, api_key_id, name, system_prompt, welcome_message, language, voice_id, is_active, webhook_url,
    connect, fallback, record, created_at, updated_at)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)`;

/** @throws StorageError */
export async function insertAgent(db: D1Database, row: AgentRow): Promise<void> {
  await run(
    db
      .prepare(INSERT)
      .bind(
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
        row.created_at,
        row.updated_at,
      ),
  );
}

/** The row of {@link selectOwner}. */
export type AgentOwner = { api_key_id: string };

/** A statement for a batch: whose agent this is; no row where there is no such agent. */
export function selectOwner(db: D1Database, agentId: string): D1PreparedStatement {
  return db.prepare("SELECT api_key_id FROM agents WHERE id = ?1").bind(agentId);
}

/** Whether this key's agent has a webhook_url; null where the key has no such agent. @throws StorageError */
export async function hasWebhookUrl(
  db: D1Database,
  apiKeyId: string,
  agentId: string,
): Promise<boolean | null> {
  const row = await first<{ webhook_url: string | null }>(
    db.prepare("SELECT webhook_url FROM agents WHERE id = ?1 AND api_key_id = ?2").bind(agentId, apiKeyId),
  );
  return row && row.webhook_url !== null;
}
