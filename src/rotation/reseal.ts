import { batch } from "../database.ts";
import type { BaseServices } from "../http/base-services.ts";
import { resealEach } from "../reseal.ts";
import { keyIdOf } from "../vault/vault.ts";
import { SEALED_COLUMNS, type SealedColumn } from "./columns.ts";
import {
  findProgress,
  findSealed,
  nameOf,
  type Progress,
  progressOf,
  putProgress,
  replaceSealed,
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
export async function resealOldest(services: BaseServices, until: number): Promise<void> {
  const keyId = await services.vault.currentKeyId();
  const known = await findProgress(services.db);
  for (const column of SEALED_COLUMNS) {
    let progress = progressOf(known.get(nameOf(column)), keyId);
    if (progress.done_at !== null) continue;
    for (let run = 0; run < BATCHES_PER_RUN && progress.done_at === null; run += 1) {
      if (services.now().getTime() >= until) break;
      progress = await resealSome(column, progress, services);
    }
    await putProgress(services.db, nameOf(column), progress, services.vault);
  }
}

async function resealSome(
  column: SealedColumn,
  progress: Progress,
  services: BaseServices,
): Promise<Progress> {
  const { db, vault, log, now } = services;
  const rows = await findSealed(db, column, JSON.parse(progress.position) as string[], ROWS_AT_ONCE);
  const older = rows.filter(({ sealed }) => sealed !== null && keyIdOf(sealed) !== progress.key_id);
  const done: D1PreparedStatement[] = [];
  const count = await resealEach(older, { column: nameOf(column), log }, async (row) => {
    const slot = column.slot(...row.key);
    const resealed = await vault.seal(await vault.open(row.sealed ?? "", slot), slot);
    return done.push(replaceSealed(db, column, row, resealed)) > 0;
  });
  if (count > 0) {
    await batch(db, done, { isIdempotent: true });
    log.info("resealed", { column: nameOf(column), count });
  }
  const found = progress.found + count;
  if (rows.length === ROWS_AT_ONCE)
    return { ...progress, position: JSON.stringify(rows.at(-1)?.key ?? []), found };
  // Another isolate may still seal with the old key for a moment, so only a pass that found nothing is the last.
  return { ...progress, position: "[]", found: 0, done_at: found === 0 ? now().toISOString() : null };
}
