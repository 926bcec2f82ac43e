import type { Services } from "../services.ts";
import { CALL_LOGS, OUTBOXES } from "./columns.ts";
import { findApiKeyIds, findProgress, type Progress, progressOf, putProgress } from "./store.ts";

// Where a pass is: an API key, and the last row of its object that was looked at; null if that key is done.
type Position = [] | [apiKeyId: string, seq: number | null];

type Reseal = (
  apiKeyId: string,
  after: number,
  limit: number,
) => Promise<{ found: number; position: number | null }>;

const ROWS_AT_ONCE = 500;
const CALLS_PER_RUN = 500;
const CALLS_PER_NOTE = 25;

/**
 * Has the objects of all API keys seal anew what older keys sealed, one API key after the other, as `resealOldest` does with
 * the columns of D1: until a whole pass has met nothing older. For the cron; bounded work, and resumable.
 *
 * @throws StorageError
 */
export async function resealObjects(services: Services, until: number): Promise<void> {
  const known = await findProgress(services.db);
  const half = (services.now().getTime() + until) / 2;
  await resealAll(OUTBOXES, known.get(OUTBOXES), services.outbox.reseal, services, half);
  await resealAll(CALL_LOGS, known.get(CALL_LOGS), services.callLogs.reseal, services, until);
}

async function resealAll(
  name: string,
  known: Progress | undefined,
  reseal: Reseal,
  { db, vault, now }: Services,
  until: number,
): Promise<void> {
  const progress = { ...progressOf(known, await vault.currentKeyId()) };
  if (progress.done_at !== null) return;
  let [apiKeyId, seq = null] = JSON.parse(progress.position) as Position;
  let waiting: string[] | undefined;
  for (let call = 1; call <= CALLS_PER_RUN && now().getTime() < until; call += 1) {
    waiting ??= [
      ...(seq === null ? [] : [apiKeyId ?? ""]),
      ...(await findApiKeyIds(db, apiKeyId ?? "", CALLS_PER_RUN)),
    ];
    [apiKeyId] = waiting;
    if (apiKeyId === undefined) {
      Object.assign(progress, {
        position: "[]",
        done_at: progress.found === 0 ? now().toISOString() : null,
        found: 0,
      });
      if (progress.done_at !== null) break;
      waiting = undefined;
      continue;
    }
    const { found, position } = await reseal(apiKeyId, seq ?? 0, ROWS_AT_ONCE);
    seq = position;
    if (seq === null) waiting.shift();
    progress.found += found;
    progress.position = JSON.stringify([apiKeyId, seq]);
    if (call % CALLS_PER_NOTE === 0) await putProgress(db, name, progress, vault);
  }
  await putProgress(db, name, progress, vault);
}
