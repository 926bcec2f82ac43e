import { first, part, sql } from "./database.ts";
import { type LimitColumns, type Limits, limitsOf } from "./limits.ts";

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

/** Statement for a batch: the row for `limitsOf`. */
export function selectLimits(db: D1Database, apiKeyId: string): D1PreparedStatement {
  return sql(db)`SELECT ${LIMIT_COLUMNS} FROM api_keys k WHERE k.id = ${apiKeyId}`;
}

/** @throws StorageError */
export async function findLimits(db: D1Database, apiKeyId: string, defaults: Limits): Promise<Limits> {
  const row = await first<LimitColumns>(selectLimits(db, apiKeyId));
  return limitsOf(row ?? { limits: null, countries: null }, defaults);
}
