import { all, run } from "../database.ts";
import type { SealedColumn } from "./columns.ts";

/** How far the re-sealing of a column is. */
export type Progress = { key_id: string; position: string; found: number; done_at: string | null };

export const nameOf = ({ table, column }: SealedColumn) => `${table}.${column}`;

/** The progress of each column, by its name. @throws StorageError */
export async function findProgress(db: D1Database): Promise<Map<string, Progress>> {
  const rows = await all<Progress & { column_name: string }>(
    db.prepare("SELECT column_name, key_id, position, found, done_at FROM reseal_progress"),
  );
  return new Map(rows.map(({ column_name, ...progress }) => [column_name, progress]));
}

/** @throws StorageError */
export async function putProgress(db: D1Database, column: string, progress: Progress): Promise<void> {
  await run(
    db
      .prepare(
        `INSERT INTO reseal_progress (column_name, key_id, position, found, done_at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (column_name) DO UPDATE SET key_id = ?2, position = ?3, found = ?4, done_at = ?5`,
      )
      .bind(column, progress.key_id, progress.position, progress.found, progress.done_at),
    { isIdempotent: true },
  );
}

/** The ids of API keys behind one that may have objects, in order. @throws StorageError */
export async function findApiKeyIds(db: D1Database, after: string, limit: number): Promise<string[]> {
  const rows = await all<{ id: string }>(
    db
      .prepare("SELECT id FROM api_keys WHERE id > ?1 AND has_objects = 1 ORDER BY id LIMIT ?2")
      .bind(after, limit),
  );
  return rows.map(({ id }) => id);
}

/** A sealed value and the primary key of its row. */
export type SealedRow = { key: string[]; sealed: string | null };

// The names of tables and columns are the constants of columns.ts; values are always bound.

/** The rows after a position, in the order of their primary keys. @throws StorageError */
export async function findSealed(
  db: D1Database,
  { table, column, key }: SealedColumn,
  after: readonly string[],
  limit: number,
): Promise<SealedRow[]> {
  const keys = key.join(", ");
  const places = key.map((_, index) => `?${index + 2}`).join(", ");
  const rows = await all<{ row_key: string; sealed: string | null }>(
    db
      .prepare(
        `SELECT json_array(${keys}) AS row_key, ${column} AS sealed FROM ${table}
         WHERE (${keys}) > (${places}) ORDER BY ${keys} LIMIT ?1`,
      )
      .bind(limit, ...key.map((_, index) => after[index] ?? "")),
  );
  return rows.map(({ row_key, sealed }) => ({ key: JSON.parse(row_key) as string[], sealed }));
}

/** Statement for a batch: replaces the sealed value that was read; a value that changed in between stays. */
export function replaceSealed(
  db: D1Database,
  { table, column, key }: SealedColumn,
  { key: values, sealed }: SealedRow,
  resealed: string,
): D1PreparedStatement {
  const where = key.map((name, index) => `${name} = ?${index + 3}`).join(" AND ");
  return db
    .prepare(`UPDATE ${table} SET ${column} = ?1 WHERE ${column} = ?2 AND ${where}`)
    .bind(resealed, sealed, ...values);
}
