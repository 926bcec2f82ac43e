import { batch } from "../database.ts";
import type { BaseServices } from "../http/base-services.ts";
import { errorFields } from "../http/log.ts";
import { keyIdOf } from "../vault/vault.ts";
import { SEALED_COLUMNS, type SealedColumn } from "./columns.ts";
import {
  findProgress,
  findSealed,
  nameOf,
  type Progress,
  putProgress,
  replaceSealed,
  type SealedRow,
} from "./store.ts";

const ROWS_AT_ONCE = 100;
const BATCHES_PER_RUN = 10;

/**
 * Opens values that older keys sealed, and seals them with the current key. A column is done when a whole pass over it
 * finds no older value. When all columns are done, a run costs one query, until another key becomes the current one. For
 * the cron: each run has a limit, and the next run continues.
 *
 * @throws StorageError
 */
export async function resealOldest(services: BaseServices): Promise<void> {
  const keyId = await services.vault.currentKeyId();
  const known = await findProgress(services.db);
  for (const column of SEALED_COLUMNS) {
    let progress = known.get(nameOf(column));
    if (progress?.key_id !== keyId) progress = { key_id: keyId, position: "[]", found: 0, done_at: null };
    for (let run = 0; run < BATCHES_PER_RUN && progress.done_at === null; run += 1) {
      progress = await resealSome(column, progress, services);
    }
  }
}

async function resealSome(
  column: SealedColumn,
  progress: Progress,
  services: BaseServices,
): Promise<Progress> {
  const { db, log, now } = services;
  const rows = await findSealed(db, column, JSON.parse(progress.position) as string[], ROWS_AT_ONCE);
  const older = rows.filter(({ sealed }) => sealed !== null && keyIdOf(sealed) !== progress.key_id);
  const statements = await Promise.all(older.map((row) => reseal(column, row, services)));
  const done = statements.filter((statement) => statement !== undefined);
  if (done.length > 0) {
    await batch(db, done, { isIdempotent: true });
    log.info("resealed", { column: nameOf(column), count: done.length });
  }
  const found = progress.found + done.length;
  const last = rows.at(-1);
  const isPassOver = rows.length < ROWS_AT_ONCE;
  // Another isolate may still seal with the old key for a moment, so only a pass that found nothing is the last.
  const next: Progress = isPassOver
    ? { ...progress, position: "[]", found: 0, done_at: found === 0 ? now().toISOString() : null }
    : { ...progress, position: JSON.stringify(last?.key ?? []), found };
  await putProgress(db, nameOf(column), next);
  return next;
}

/** Returns undefined if the value does not open. It is not changed then: an operator may still find its key. */
async function reseal(
  column: SealedColumn,
  row: SealedRow,
  { db, vault, log }: BaseServices,
): Promise<D1PreparedStatement | undefined> {
  const slot = column.slot(...row.key);
  try {
    const resealed = await vault.seal(await vault.open(row.sealed ?? "", slot), slot);
    return replaceSealed(db, column, row, resealed);
  } catch (error) {
    log.error("not_resealed", { column: nameOf(column), ...errorFields(error) });
    return undefined;
  }
}
