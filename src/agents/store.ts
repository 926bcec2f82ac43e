import { run } from "../database.ts";

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
  created_at: string;
  updated_at: string;
};

const INSERT = `
  INSERT INTO agents (id, api_key_id, name, system_prompt, welcome_message, language, voice_id, is_active, webhook_url,
    created_at, updated_at)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)`;

/** @throws StorageError */
export async function insertAgent(db: D1Database, row: AgentRow): Promise<void> {
  const { id, api_key_id, name, system_prompt, welcome_message, language, voice_id, is_active, webhook_url } =
    row;
  await run(
    db
      .prepare(INSERT)
      .bind(
        id,
        api_key_id,
        name,
        system_prompt,
        welcome_message,
        language,
        voice_id,
        is_active,
        webhook_url,
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
