import { all, readBatch, sql } from "../database.ts";
import { type LimitColumns, type Limits, limitsOf } from "../limits.ts";
import { selectLimits } from "../limits-store.ts";

/** How many numbers and agents the key has, and its limits. @throws StorageError */
export async function findHoldings(
  db: D1Database,
  apiKeyId: string,
  defaults: Limits,
): Promise<{ numbers: number; agents: number; limits: Limits }> {
  const results = await readBatch(db, [
    sql(db)`SELECT COUNT(*) AS count FROM phone_numbers WHERE api_key_id = ${apiKeyId} AND state = 'active'`,
    sql(db)`SELECT COUNT(*) AS count FROM agents WHERE api_key_id = ${apiKeyId}`,
    selectLimits(db, apiKeyId),
  ]);
  const [numbers, agents, limits] = results.map((result) => result.results[0]);
  return {
    numbers: (numbers as { count: number }).count,
    agents: (agents as { count: number }).count,
    limits: limitsOf(limits as LimitColumns, defaults),
  };
}

const MAX_AGENTS = 1_000;

/** Agents of the key with a webhook_url: the oldest of each URL. @throws StorageError */
export async function findAgentsToTell(db: D1Database, apiKeyId: string): Promise<string[]> {
  const rows = await all<{ id: string; webhook_url: string }>(sql(db)`SELECT id, webhook_url FROM agents
    WHERE api_key_id = ${apiKeyId} AND webhook_url IS NOT NULL ORDER BY created_at, id LIMIT ${MAX_AGENTS}`);
  const byUrl = new Map(rows.toReversed().map(({ id, webhook_url }) => [webhook_url, id]));
  return [...byUrl.values()];
}
