import type { EventServices } from "./outbox.ts";
import { clearOld } from "./store.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
// Twilio repeats itself within minutes; a week is far beyond that.
const RECEIPTS_DAYS = 7;
const EVENTS_DAYS = 30;

const ROWS_PER_BATCH = 500;
const BATCHES_PER_RUN = 10;

/** Deletes what is kept no longer, in bounded batches. For the cron. @throws StorageError */
export async function clearOldEvents({ db, log, now }: EventServices): Promise<void> {
  const before = (days: number) => new Date(now().getTime() - days * DAY_MS).toISOString();
  let cleared = 0;
  for (let run = 0; run < BATCHES_PER_RUN; run += 1) {
    const deleted = await clearOld(db, {
      receiptsBefore: before(RECEIPTS_DAYS),
      eventsBefore: before(EVENTS_DAYS),
      limit: ROWS_PER_BATCH,
    });
    cleared += deleted;
    if (deleted < ROWS_PER_BATCH) break;
  }
  if (cleared > 0) log.info("old_records_cleared", { count: cleared });
}
