import { first, part, readBatch, sql } from "../database.ts";
import { type LimitColumns, type Limits, limitsOf } from "../limits.ts";
import { selectLimits } from "../limits-store.ts";

type Names = { label: string | null; metadata: string | null; connect_link_id: string | null };

/** What the customer calls a number, also if it was released within a day; `metadata` is JSON. @throws StorageError */
export async function findNames(db: D1Database, id: string): Promise<Names> {
  const row = await first<Names>(sql(
    db,
  )`SELECT label, metadata, connect_link_id FROM phone_numbers WHERE id = ${id}
    UNION ALL SELECT label, metadata, connect_link_id FROM released_numbers WHERE id = ${id} LIMIT 1`);
  return row ?? { label: null, metadata: null, connect_link_id: null };
}

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
