import type { Services } from "../services.ts";
import { OUTBOXES } from "./columns.ts";
import { findApiKeyIds, findProgress, type Progress, putProgress } from "./store.ts";

// Where a pass is: an API key, and the last event of it that was looked at; null if that key is done.
type Position = [] | [apiKeyId: string, seq: number | null];

const EVENTS_AT_ONCE = 500;
const CALLS_PER_RUN = 500;
const CALLS_PER_NOTE = 25;

/**
 * Has the outboxes seal anew what older keys sealed, one API key after the other, as `resealOldest` does with the columns of D1:
 * until a whole pass has met nothing older. For the cron; bounded work, and resumable.
 *
 * @throws StorageError
 */
export async function resealOutboxes(services: Services): Promise<void> {
  const { db, vault } = services;
  const keyId = await vault.currentKeyId();
  const known = (await findProgress(db)).get(OUTBOXES);
  let progress: Progress =
    known?.key_id === keyId ? known : { key_id: keyId, position: "[]", found: 0, done_at: null };
  for (let call = 1; call <= CALLS_PER_RUN && progress.done_at === null; call += 1) {
    progress = await resealSome(progress, services);
    if (call % CALLS_PER_NOTE === 0 || progress.done_at !== null || call === CALLS_PER_RUN) {
      await putProgress(db, OUTBOXES, progress);
    }
  }
}

async function resealSome(progress: Progress, { db, outbox, now }: Services): Promise<Progress> {
  const [apiKeyId = "", seq = null] = JSON.parse(progress.position) as Position;
  const next = seq === null ? (await findApiKeyIds(db, apiKeyId, 1))[0] : apiKeyId;
  if (next === undefined) {
    const doneAt = progress.found === 0 ? now().toISOString() : null;
    return { ...progress, position: "[]", found: 0, done_at: doneAt };
  }
  const { found, position } = await outbox.reseal(next, seq ?? 0, EVENTS_AT_ONCE);
  return { ...progress, position: JSON.stringify([next, position]), found: progress.found + found };
}
