import { all, first, type Part, part, runIdempotent, sql } from "../database.ts";
import type { SealedEvent } from "./event.ts";

// Where events go: to their agent's webhook_url; if it has none, to the API key's own.

/** SQL: the key `k` of an event, and its agent `a`, if it has one. */
export const keyAndAgent = (apiKeyId: string, agentId: string): Part =>
  part`api_keys k LEFT JOIN agents a ON a.id = ${agentId} AND a.api_key_id = k.id WHERE k.id = ${apiKeyId}`;

/** SQL: their webhook_url; null if neither has one. */
export const WEBHOOK_URL = part`COALESCE(a.webhook_url, k.webhook_url)`;

/** SQL: an agent of the key `k` has one. */
export const SOME_AGENT_HAS = part`EXISTS (SELECT 1 FROM agents o WHERE o.api_key_id = k.id AND o.webhook_url IS NOT NULL)`;

/** @throws StorageError */
export async function findOwnUrl(db: D1Database, apiKeyId: string): Promise<string | null> {
  const row = await first<{ url: string | null }>(
    sql(db)`SELECT webhook_url AS url FROM api_keys WHERE id = ${apiKeyId}`,
  );
  return row?.url ?? null;
}

/** @throws StorageError */
export async function putOwnUrl(db: D1Database, apiKeyId: string, url: string | null): Promise<void> {
  await runIdempotent(sql(db)`UPDATE api_keys SET webhook_url = ${url} WHERE id = ${apiKeyId}`);
}

const MAX_AGENTS = 1_000;
const MAX_URLS = 50;

/**
 * Whose webhook_urls an event of a key goes to: its own address, or the oldest agent of each other URL that the key's agents
 * have.
 *
 * @throws StorageError
 */
export async function findAddressees(
  db: D1Database,
  { apiKeyId, agentId }: Pick<SealedEvent, "apiKeyId" | "agentId">,
): Promise<string[]> {
  const own = await first<{ url: string | null }>(
    sql(db)`SELECT ${WEBHOOK_URL} AS url FROM ${keyAndAgent(apiKeyId, agentId)}`,
  );
  if (own?.url) return [agentId];
  const rows = await all<{ id: string; webhook_url: string }>(sql(db)`SELECT id, webhook_url FROM agents
    WHERE api_key_id = ${apiKeyId} AND webhook_url IS NOT NULL ORDER BY created_at, id LIMIT ${MAX_AGENTS}`);
  const byUrl = new Map(rows.toReversed().map(({ id, webhook_url }) => [webhook_url, id]));
  return [...byUrl.values()].slice(-MAX_URLS);
}
