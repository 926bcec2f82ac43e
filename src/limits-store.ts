import { first, type Part, part, sql } from "./database.ts";
import { type Holding, type LimitColumns, type Limits, limitsOf, nearAt, type Room } from "./limits.ts";

/**
 * SQL: the columns of {@link LimitColumns} of the API key `k`. Its numbers' countries are found by as many steps in the
 * index as there are countries, however many numbers it has; numbers that are not yet, or no longer, imported have none.
 */
export const LIMIT_COLUMNS = part`k.limits, (WITH RECURSIVE found (country) AS (
    SELECT MIN(country) FROM phone_numbers WHERE api_key_id = k.id AND state = 'active'
    UNION ALL SELECT (SELECT MIN(country) FROM phone_numbers
        WHERE api_key_id = k.id AND state = 'active' AND country > found.country)
      FROM found WHERE found.country IS NOT NULL)
  SELECT group_concat(country, ' ') FROM found) AS countries`;

/** SQL: a limit of the key `k`; null: none. `max`: that of a key that has no such limit of its own. */
const limitOf = (name: Holding, max: number | null) => part`COALESCE(k.limits ->> ${name}, ${max})`;

/** SQL: what the key `k` has. A number that is being imported takes its place already. */
const HELD = {
  max_agents: part`(SELECT COUNT(*) FROM agents h WHERE h.api_key_id = k.id)`,
  max_numbers: part`(SELECT COUNT(*) FROM phone_numbers h WHERE h.api_key_id = k.id AND h.state <> 'returning')`,
};
const READY = {
  max_agents: HELD.max_agents,
  max_numbers: part`(SELECT COUNT(*) FROM phone_numbers h WHERE h.api_key_id = k.id AND h.state = 'active')`,
};

/** SQL: the key `k` may have one more. */
export const hasRoom = (name: Holding, max: number | null): Part =>
  part`(${limitOf(name, max)} IS NULL OR ${HELD[name]} < ${limitOf(name, max)})`;

/** SQL: this is the limit of the key `k`, and one more is the first of its last fifth. */
export const isNearWithNext = (name: Holding, max: number | null, limit: number): Part =>
  part`${limitOf(name, max)} = ${limit} AND ${READY[name]} + 1 = ${nearAt(limit)}`;

/** Statement for a batch: a {@link Room}; nothing is counted if there is no such limit. */
export function selectRoom(
  db: D1Database,
  apiKeyId: string,
  name: Holding,
  max: number | null,
): D1PreparedStatement {
  const limit = limitOf(name, max);
  return sql(db)`SELECT ${limit} AS "limit", CASE WHEN ${limit} IS NULL THEN 0 ELSE ${HELD[name]} END AS used
    FROM api_keys k WHERE k.id = ${apiKeyId}`;
}

/** @throws StorageError */
export async function findRoom(...[db, apiKeyId, name, max]: Parameters<typeof selectRoom>): Promise<Room> {
  return (await first<Room>(selectRoom(db, apiKeyId, name, max))) ?? { limit: max, used: 0 };
}

/** Statement for a batch: the row for `limitsOf`. */
export function selectLimits(db: D1Database, apiKeyId: string): D1PreparedStatement {
  return sql(db)`SELECT ${LIMIT_COLUMNS} FROM api_keys k WHERE k.id = ${apiKeyId}`;
}

/** @throws StorageError */
export async function findLimits(db: D1Database, apiKeyId: string, defaults: Limits): Promise<Limits> {
  const row = await first<LimitColumns>(selectLimits(db, apiKeyId));
  return limitsOf(row ?? { limits: null, countries: null }, defaults);
}
