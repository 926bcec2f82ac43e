import { all, part, readBatch, sql } from "../database.ts";
import { type LimitColumns, type Limits, limitsOf } from "../limits.ts";
import { selectLimits } from "../limits-store.ts";

/** How many numbers and agents the key has, how many of them have an external id, and its limits. @throws StorageError */
export async function findHoldings(
  db: D1Database,
  apiKeyId: string,
  defaults: Limits,
  externalId?: string,
): Promise<{ numbers: number; ofExternalId: number | undefined; agents: number; limits: Limits }> {
  const active = part`SELECT COUNT(*) AS count FROM phone_numbers
    WHERE api_key_id = ${apiKeyId} AND state = 'active'`;
  const results = await readBatch(db, [
    sql(db)`${active}`,
    sql(db)`SELECT COUNT(*) AS count FROM agents WHERE api_key_id = ${apiKeyId}`,
    selectLimits(db, apiKeyId),
    ...(externalId === undefined ? [] : [sql(db)`${active} AND external_id = ${externalId}`]),
  ]);
  const [numbers, agents, limits, ofExternalId] = results.map((result) => result.results[0]);
  return {
    numbers: (numbers as { count: number }).count,
    ofExternalId: (ofExternalId as { count: number } | undefined)?.count,
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
