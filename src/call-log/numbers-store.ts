import { first, sql } from "../database.ts";

/** How many numbers of the key are imported. @throws StorageError */
export async function countNumbers(db: D1Database, apiKeyId: string): Promise<number> {
  const statement = sql(db)`SELECT COUNT(*) AS count FROM phone_numbers
    WHERE api_key_id = ${apiKeyId} AND state = 'active'`;
  return (await first<{ count: number }>(statement))?.count ?? 0;
}
