import { first } from "../database.ts";

/** How many numbers of the key are imported. @throws StorageError */
export async function countNumbers(db: D1Database, apiKeyId: string): Promise<number> {
  const statement = db
    .prepare("SELECT COUNT(*) AS count FROM phone_numbers WHERE api_key_id = ?1 AND state = 'active'")
    .bind(apiKeyId);
  return (await first<{ count: number }>(statement))?.count ?? 0;
}
