import type { Services } from "../services.ts";
import { CALL_LOGS, OUTBOXES } from "./columns.ts";
import { findApiKeyIds, findProgress, type Progress, putProgress } from "./store.ts";

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
export async function resealObjects(services: Services): Promise<void> {
  const known = await findProgress(services.db);
  await resealAll(OUTBOXES, known.get(OUTBOXES), services.outbox.reseal, services);
  await resealAll(CALL_LOGS, known.get(CALL_LOGS), services.callLogs.reseal, services);
}

async function resealAll(
  name: string,
  known: Progress | undefined,
  reseal: Reseal,
  services: Services,
): Promise<void> {
  const { db, vault } = services;
  const keyId = await vault.currentKeyId();
  let progress: Progress =
    known?.key_id === keyId ? known : { key_id: keyId, position: "[]", found: 0, done_at: null };
  for (let call = 1; call <= CALLS_PER_RUN && progress.done_at === null; call += 1) {
    progress = await resealSome(progress, reseal, services);
    if (call % CALLS_PER_NOTE === 0 || progress.done_at !== null || call === CALLS_PER_RUN) {
      await putProgress(db, name, progress);
    }
  }
}

async function resealSome(progress: Progress, reseal: Reseal, { db, now }: Services): Promise<Progress> {
  const [apiKeyId = "", seq = null] = JSON.parse(progress.position) as Position;
  const next = seq === null ? (await findApiKeyIds(db, apiKeyId, 1))[0] : apiKeyId;
  if (next === undefined) {
    const doneAt = progress.found === 0 ? now().toISOString() : null;
    return { ...progress, position: "[]", found: 0, done_at: doneAt };
  }
  const { found, position } = await reseal(next, seq ?? 0, ROWS_AT_ONCE);
  return { ...progress, position: JSON.stringify([next, position]), found: progress.found + found };
}
