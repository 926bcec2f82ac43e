import { learnSplit } from "../parts.ts";
import type { Services } from "../services.ts";
import { CALL_LOGS, OUTBOXES } from "./columns.ts";
import { findApiKeys, findProgress, type Progress, progressOf, putProgress } from "./store.ts";

// Where a pass is: an API key, the last row that was looked at, and the part that has it. A null row: the key is done.
type Position = [] | [apiKeyId: string, seq: number | null, part?: number];

type Objects = {
  parts: (apiKeyId: string) => number[];
  reseal: (
    apiKeyId: string,
    part: number,
    after: number,
    limit: number,
  ) => Promise<{ found: number; position: number | null }>;
};

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
  await resealAll(OUTBOXES, known.get(OUTBOXES), services.outbox, services, half);
  await resealAll(CALL_LOGS, known.get(CALL_LOGS), services.callLogs, services, until);
}

async function resealAll(
  name: string,
  known: Progress | undefined,
  objects: Objects,
  { db, vault, now }: Services,
  until: number,
): Promise<void> {
  const progress = { ...progressOf(known, await vault.currentKeyId()) };
  if (progress.done_at !== null) return;
  let [apiKeyId, seq = null, part = 0] = JSON.parse(progress.position) as Position;
  let waiting: string[] | undefined;
  for (let call = 1; call <= CALLS_PER_RUN && now().getTime() < until; call += 1) {
    if (waiting === undefined) {
      const keys = await findApiKeys(db, apiKeyId ?? "", seq !== null, CALLS_PER_RUN);
      for (const key of keys) learnSplit(key.id, key);
      waiting = keys.map(({ id }) => id);
    }
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
    const { found, position } = await objects.reseal(apiKeyId, part, seq ?? 0, ROWS_AT_ONCE);
    seq = position;
    if (seq === null) {
      part += 1;
      if (part < objects.parts(apiKeyId).length) seq = 0;
      else {
        part = 0;
        waiting.shift();
      }
    }
    progress.found += found;
    progress.position = JSON.stringify([apiKeyId, seq, part]);
    if (call % CALLS_PER_NOTE === 0) await putProgress(db, name, progress, vault);
  }
  await putProgress(db, name, progress, vault);
}
