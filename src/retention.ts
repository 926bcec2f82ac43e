import { clearCreations } from "./api-keys/store.ts";
import { clearImports } from "./bulk-imports/index-store.ts";
import { clearPreviousSecrets } from "./events/secret-store.ts";
import type { BaseServices } from "./http/base-services.ts";
import { clearExpiredKeys } from "./http/idempotency-store.ts";
import { DAY_MS } from "./time.ts";
import { clearPreviousTokens } from "./twilio-accounts/store.ts";

type Rule = {
  /** How many days the rows are kept after their time. */
  days: number;
  clear: (db: D1Database, before: string, limit: number) => Promise<number>;
};

/** What is deleted when. The log uses these names. */
const rules: Readonly<Record<string, Rule>> = {
  // Each row has its own expiry time.
  idempotency_keys: { days: 0, clear: clearExpiredKeys },
  key_creations: { days: 1, clear: clearCreations },
  // An object forgets its bulk import 30 days after the end, and the entry with it; these are left over.
  phone_number_imports: { days: 90, clear: clearImports },
  previous_tokens: { days: 1, clear: clearPreviousTokens },
  previous_webhook_secrets: { days: 1, clear: clearPreviousSecrets },
};

// Few enough that the query of a call does not wait long behind them.
const ROWS_PER_BATCH = 500;
// D1 allows a thousand queries in one invocation, and the other jobs of this cron trigger need some of them.
const BATCHES_PER_RUN = 500;
// The cron comes again after 15 minutes, which is also how long an invocation may last.
const TIME_PER_RUN_MS = 5 * 60 * 1000;

/**
 * Deletes all old rows, in batches. If time or queries run out first, warns, and the next run continues. For the cron.
 *
 * @throws StorageError
 */
export async function clearOldRecords({ db, log, now }: BaseServices): Promise<void> {
  const startedAt = now().getTime();
  const counts = new Map<string, number>();
  // One batch of each in turn: many rows of one kind do not keep the others waiting.
  const due = Object.entries(rules);
  for (let batches = 0; batches < BATCHES_PER_RUN; batches += 1) {
    const isLate = now().getTime() - startedAt >= TIME_PER_RUN_MS;
    const rule = isLate ? undefined : due.shift();
    if (!rule) break;
    const [name, { days, clear }] = rule;
    const before = new Date(startedAt - days * DAY_MS).toISOString();
    const deleted = await clear(db, before, ROWS_PER_BATCH);
    counts.set(name, (counts.get(name) ?? 0) + deleted);
    if (deleted === ROWS_PER_BATCH) due.push(rule);
  }
  for (const [records, count] of counts) if (count > 0) log.info("old_records_cleared", { records, count });
  if (due.length > 0) log.warn("retention_behind", { records: due.map(([name]) => name).join(" ") });
}
