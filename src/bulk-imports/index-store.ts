import { readPage, run, runIdempotent, sql } from "../database.ts";
import type { Page } from "../http/page.ts";

// Which API key has which bulk imports. Everything else about them is in their objects.

const MAX_UNFINISHED = 5;

/**
 * Notes that a bulk import begins, or begins anew.
 *
 * @returns false if the API key has too many that are not finished
 * @throws StorageError
 */
export async function noteBegin(db: D1Database, id: string, apiKeyId: string, now: string): Promise<boolean> {
  const changed = await run(sql(db)`INSERT INTO phone_number_imports (id, api_key_id, created_at)
    SELECT ${id}, ${apiKeyId}, ${now} WHERE (SELECT COUNT(*) FROM phone_number_imports
      WHERE api_key_id = ${apiKeyId} AND ended_at IS NULL AND id <> ${id}) < ${MAX_UNFINISHED}
    ON CONFLICT (id) DO UPDATE SET ended_at = NULL`);
  return changed === 1;
}

/** @throws StorageError */
export async function noteEnd(db: D1Database, id: string, endedAt: string): Promise<void> {
  await runIdempotent(sql(db)`UPDATE phone_number_imports SET ended_at = ${endedAt} WHERE id = ${id}`);
}

/** @throws StorageError */
export async function forgetImport(db: D1Database, id: string): Promise<void> {
  await runIdempotent(sql(db)`DELETE FROM phone_number_imports WHERE id = ${id}`);
}

/** The ids of a page of an API key's bulk imports, newest first, and how many there are. @throws StorageError */
export async function listImports(
  db: D1Database,
  apiKeyId: string,
  { limit, offset }: Page,
): Promise<{ ids: string[]; count: number }> {
  const { rows, count } = await readPage<{ id: string }>(
    db,
    sql(db)`SELECT id FROM phone_number_imports WHERE api_key_id = ${apiKeyId}
      ORDER BY created_at DESC, id DESC LIMIT ${limit} OFFSET ${offset}`,
    sql(db)`SELECT COUNT(*) AS count FROM phone_number_imports WHERE api_key_id = ${apiKeyId}`,
  );
  return { ids: rows.map(({ id }) => id), count };
}
