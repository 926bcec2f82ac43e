import { first, run } from "../database.ts";

/** What is kept of an API key. The secret is not. */
export type ApiKeyRow = { id: string; secret_hash: string; name: string; created_at: string };

export const INSERT_API_KEY =
  "INSERT INTO api_keys (id, secret_hash, name, created_at) VALUES (?1, ?2, ?3, ?4)";

/** @throws StorageError */
export async function insertApiKey(db: D1Database, row: ApiKeyRow): Promise<void> {
  await run(db.prepare(INSERT_API_KEY).bind(row.id, row.secret_hash, row.name, row.created_at));
}

/** The hash of the key's secret, or null where there is no such key. @throws StorageError */
export async function findSecretHash(db: D1Database, keyId: string): Promise<string | null> {
  const row = await first<{ secret_hash: string }>(
    db.prepare("SELECT secret_hash FROM api_keys WHERE id = ?1").bind(keyId),
  );
  return row?.secret_hash ?? null;
}
