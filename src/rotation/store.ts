import { all, part, raw, run, sql } from "../database.ts";
import type { SealedColumn } from "./columns.ts";

/** How far the re-sealing of a column is. */
export type Progress = { key_id: string; position: string; found: number; done_at: string | null };

export const nameOf = ({ table, column }: SealedColumn) => `${table}.${column}`;

/** The progress of each column, by its name. @throws StorageError */
export async function findProgress(db: D1Database): Promise<Map<string, Progress>> {
  const rows = await all<Progress & { column_name: string }>(
    sql(db)`SELECT column_name, key_id, position, found, done_at FROM reseal_progress`,
  );
  return new Map(rows.map(({ column_name, ...progress }) => [column_name, progress]));
}

/** @throws StorageError */
export async function putProgress(db: D1Database, column: string, progress: Progress): Promise<void> {
  await run(
    sql(db)`INSERT INTO reseal_progress (column_name, key_id, position, found, done_at)
      VALUES (${column}, ${progress.key_id}, ${progress.position}, ${progress.found}, ${progress.done_at})
      ON CONFLICT (column_name) DO UPDATE SET key_id = excluded.key_id, position = excluded.position,
        found = excluded.found, done_at = excluded.done_at`,
    { isIdempotent: true },
  );
}

/** The ids of API keys behind one, in order. @throws StorageError */
export async function findApiKeyIds(db: D1Database, after: string, limit: number): Promise<string[]> {
  const rows = await all<{ id: string }>(
    sql(db)`SELECT id FROM api_keys WHERE id > ${after} ORDER BY id LIMIT ${limit}`,
  );
  return rows.map(({ id }) => id);
}

/** A sealed value and the primary key of its row. */
export type SealedRow = { key: string[]; sealed: string | null };

// The names of tables and columns are the constants of columns.ts.

/** The rows after a position, in the order of their primary keys. @throws StorageError */
export async function findSealed(
  db: D1Database,
  { table, column, key }: SealedColumn,
  after: readonly string[],
  limit: number,
): Promise<SealedRow[]> {
  const keys = raw(key.join(", "));
  const values = key
    .map((_, index) => part`${after[index] ?? ""}`)
    .reduce((all, one) => part`${all}, ${one}`);
  const rows = await all<{ row_key: string; sealed: string | null }>(
    sql(db)`SELECT json_array(${keys}) AS row_key, ${raw(column)} AS sealed FROM ${raw(table)}
      WHERE (${keys}) > (${values}) ORDER BY ${keys} LIMIT ${limit}`,
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
  const where = key
    .map((name, index) => part`${raw(name)} = ${values[index] ?? ""}`)
    .reduce((all, one) => part`${all} AND ${one}`);
  return sql(db)`UPDATE ${raw(table)} SET ${raw(column)} = ${resealed}
    WHERE ${raw(column)} = ${sealed} AND ${where}`;
}
