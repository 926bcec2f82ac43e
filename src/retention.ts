import type { BaseServices } from "./http/base-services.ts";
import { forget, RETENTION } from "./retention-store.ts";
import { DAY_MS } from "./time.ts";

// Few enough that the query of a call does not wait long behind them.
const ROWS_PER_BATCH = 500;
// D1 allows a thousand queries in one invocation, and the other jobs of this cron trigger need some of them.
const BATCHES_PER_RUN = 500;

/**
 * Deletes all old rows, in batches. If time or queries run out first, warns, and the next run continues. For the cron.
 *
 * @throws StorageError
 */
export async function clearOldRecords({ db, log, now }: BaseServices, until: number): Promise<void> {
  const startedAt = now().getTime();
  const counts = new Map<string, number>();
  // One batch of each in turn: many rows of one kind do not keep the others waiting.
  const due = Object.entries(RETENTION);
  for (let batches = 0; batches < BATCHES_PER_RUN; batches += 1) {
    const isLate = now().getTime() >= until;
    const rule = isLate ? undefined : due.shift();
    if (!rule) break;
    const [name, { days, sql }] = rule;
    const before = new Date(startedAt - days * DAY_MS).toISOString();
    const deleted = await forget(db, sql, before, ROWS_PER_BATCH);
    counts.set(name, (counts.get(name) ?? 0) + deleted);
    if (deleted === ROWS_PER_BATCH) due.push(rule);
  }
  for (const [records, count] of counts) if (count > 0) log.info("old_records_cleared", { records, count });
  if (due.length > 0) log.warn("retention_behind", { records: due.map(([name]) => name).join(" ") });
}
