import { all, part, raw, runIdempotent, sql } from "../database.ts";
import type { SplitColumns } from "../parts.ts";
import type { Slot, Vault } from "../vault/vault.ts";
import type { SealedColumn } from "./columns.ts";

/** How far the re-sealing of a column is. */
export type Progress = {
  key_id: string;
  position: string;
  found: number;
  done_at: string | null;
  /** A value that is sealed by the oldest key that the column may still need. */
  canary: string | null;
};

/** How far it is with this key. */
export const progressOf = (known: Progress | undefined, keyId: string): Progress =>
  known?.key_id === keyId
    ? known
    : { key_id: keyId, position: "[]", found: 0, done_at: null, canary: known?.canary ?? null };

export const nameOf = ({ table, column }: SealedColumn) => `${table}.${column}`;

/** The progress of each column, by its name. @throws StorageError */
export async function findProgress(db: D1Database): Promise<Map<string, Progress>> {
  const rows = await all<Progress & { column_name: string }>(
    sql(db)`SELECT column_name, key_id, position, found, done_at, canary FROM reseal_progress`,
  );
  return new Map(rows.map(({ column_name, ...progress }) => [column_name, progress]));
}

const canarySlot = (column: string): Slot => `reseal_progress.canary/${column}`;

/** Seals the canary anew when all of its column is, unless it does not open: then neither does what it stands for. */
async function resealCanary(column: string, { canary, done_at }: Progress, vault: Vault): Promise<string> {
  if (canary !== null) {
    const opens = () =>
      vault.open(canary, canarySlot(column)).then(
        () => true,
        () => false,
      );
    if (done_at === null || !(await opens())) return canary;
  }
  return vault.seal("", canarySlot(column));
}

/** @throws VaultError if something sealed does not open */
export async function openCanaries(
  canaries: Iterable<[column: string, canary: string]>,
  vault: Vault,
): Promise<void> {
  for (const [column, canary] of canaries) await vault.open(canary, canarySlot(column));
}

/** @throws StorageError */
export async function putProgress(
  db: D1Database,
  column: string,
  progress: Progress,
  vault: Vault,
): Promise<void> {
  const { key_id, position, found, done_at } = progress;
  const canary = await resealCanary(column, progress, vault);
  await runIdempotent(sql(db)`INSERT INTO reseal_progress
      (column_name, key_id, position, found, done_at, canary)
    VALUES (${column}, ${key_id}, ${position}, ${found}, ${done_at}, ${canary})
    ON CONFLICT (column_name) DO UPDATE SET key_id = excluded.key_id, position = excluded.position,
      found = excluded.found, done_at = excluded.done_at, canary = excluded.canary`);
}

/** API keys behind one that may have objects, in order; with that one itself if it is not done. @throws StorageError */
export function findApiKeys(
  db: D1Database,
  after: string,
  isIncluded: boolean,
  limit: number,
): Promise<(SplitColumns & { id: string })[]> {
  return all(sql(db)`SELECT id, call_log_parts, outbox_parts FROM api_keys
    WHERE id >= ${after} AND (id <> ${after} OR ${Number(isIncluded)}) AND has_objects = 1
    ORDER BY id LIMIT ${limit}`);
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
