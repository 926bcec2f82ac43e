import { clearCreations } from "./api-keys/store.ts";
import { clearPreviousSecrets } from "./events/secret-store.ts";
import type { BaseServices } from "./http/base-services.ts";
import { clearExpiredKeys } from "./http/idempotency-store.ts";
import { clearPreviousTokens } from "./twilio-accounts/store.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

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
  previous_tokens: { days: 1, clear: clearPreviousTokens },
  previous_webhook_secrets: { days: 1, clear: clearPreviousSecrets },
};

const ROWS_PER_BATCH = 500;
const BATCHES_PER_RUN = 10;

/** Deletes old rows, in a limited number of batches. For the cron. @throws StorageError */
export async function clearOldRecords({ db, log, now }: BaseServices): Promise<void> {
  for (const [name, { days, clear }] of Object.entries(rules)) {
    const before = new Date(now().getTime() - days * DAY_MS).toISOString();
    let count = 0;
    for (let run = 0; run < BATCHES_PER_RUN; run += 1) {
      const deleted = await clear(db, before, ROWS_PER_BATCH);
      count += deleted;
      if (deleted < ROWS_PER_BATCH) break;
    }
    if (count > 0) log.info("old_records_cleared", { records: name, count });
  }
}
