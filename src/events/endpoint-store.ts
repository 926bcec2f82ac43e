import { all } from "../database.ts";

/** Where an agent's events go, and what signs them. It reads agents too, so that it costs one trip. */
export type EndpointRow = {
  agent_id: string;
  webhook_url: string | null;
  secret_sealed: string | null;
  previous_secret_sealed: string | null;
};

/** Those of a key's agents that are there. @throws StorageError */
export async function findEndpoints(
  db: D1Database,
  apiKeyId: string,
  agentIds: readonly string[],
): Promise<EndpointRow[]> {
  const statement = db
    .prepare(
      `SELECT a.id AS agent_id, a.webhook_url, s.secret_sealed, s.previous_secret_sealed
       FROM agents a LEFT JOIN webhook_secrets s ON s.api_key_id = a.api_key_id
       WHERE a.id IN (SELECT value FROM json_each(?2)) AND a.api_key_id = ?1`,
    )
    .bind(apiKeyId, JSON.stringify(agentIds));
  return all<EndpointRow>(statement);
}
