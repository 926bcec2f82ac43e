import { readConfig } from "../config.ts";
import { forgetCount } from "../counted-store.ts";
import { StorageError } from "../database.ts";
import type { Logger } from "../http/log.ts";
import { DAY_MS, HOUR_MS } from "../time.ts";
import { importKeyring, newKey } from "../vault/keyring.ts";
import { createVault, openJson, type Vault } from "../vault/vault.ts";
import { PER_MS, type Said, transcriptSlot } from "./call.ts";
import { hasCalls } from "./calls-store.ts";
import { isSplit } from "./split.ts";
import { deleteEverything, findLongTranscripts, replaceTranscript } from "./transcripts-store.ts";

// Transcripts in R2. The end of a call never waits for it: its transcript is written into the part as every other, and the
// alarm moves it when nobody may report another one.

/** R2, if it is bound, which it is not for everybody; see wrangler.toml. */
export const transcriptsIn = (env: object) => (env as { TRANSCRIPTS?: R2Bucket }).TRANSCRIPTS;

/** A transcript's object, and the key that seals it: this is sealed anew in the call's row, the object never. */
type Kept = { name: string; key: string };

/** When the longest call is over, and what its runtime may report after it. */
const MOVED_AFTER_MS = 25 * HOUR_MS + DAY_MS;
/** Each may have 2 MB, and an object has 128 MB of memory. */
const AT_ONCE = 20;
const MOVED_TO = "transcripts/moved_to";
const GONE = "transcripts/gone/";
/** Behind this place everything was erased. */
const ERASED_TO = "transcripts/erased_to";

/** Whether R2 may have something of this log: that is written before it gets anything. */
export const hasTranscripts = ({ kv }: DurableObjectStorage): boolean => kv.get(MOVED_TO) !== undefined;

/** Writes down whose transcripts R2 is to delete, in the transaction that deletes those calls. @returns whether it has any */
export function forgetTranscripts(storage: DurableObjectStorage, seqs: readonly number[]): boolean {
  if (seqs.length === 0 || !hasTranscripts(storage)) return false;
  storage.kv.put(`${GONE}${seqs[0]}`, seqs);
  return true;
}

/** Empties a log, and writes down with it that R2 is to. @returns false if R2 has nothing of it */
export function eraseWithTranscripts(storage: DurableObjectStorage): boolean {
  if (!hasTranscripts(storage)) return false;
  storage.transactionSync(() => {
    deleteEverything(storage.sql);
    forgetCount(storage);
    storage.kv.put(ERASED_TO, Date.now() * PER_MS);
  });
  return true;
}

/** Deletes in R2 what was written down, and moves what is old enough. @returns whether there is more */
export async function moveTranscripts({ id, storage }: DurableObjectState, env: Env): Promise<boolean> {
  const bucket = transcriptsIn(env);
  if (!bucket || !isSplit(storage)) return false;
  const vault = createVault(readConfig(env).tokenEncryptionKeys);
  const { kv, sql } = storage;
  const nameOf = (seq: number) => `${id}/${seq}`;
  const gone = [...kv.list<number[]>({ prefix: GONE, limit: AT_ONCE })];
  for (const [name, seqs] of gone) {
    await bucket.delete(seqs.map(nameOf));
    kv.delete(name);
  }
  if (gone.length === AT_ONCE) return true;
  const erasedTo = kv.get<number>(ERASED_TO);
  if (erasedTo !== undefined) {
    // The oldest come first: all places have as many digits.
    const { objects } = await bucket.list({ prefix: `${id}/` });
    const old = objects.map(({ key }) => key).filter((key) => key < nameOf(erasedTo));
    if (old.length > 0) await bucket.delete(old);
    else kv.delete(ERASED_TO);
    return true;
  }
  const after = kv.get<number>(MOVED_TO) ?? 0;
  const found = findLongTranscripts(sql, after, (Date.now() - MOVED_AFTER_MS) * PER_MS, AT_ONCE);
  if (found.length > 0) kv.put(MOVED_TO, after);
  for (const { seq, call_id, transcript_sealed: sealed } of found) {
    const slot = transcriptSlot(call_id);
    const transcript = await openJson<Said[]>(vault, sealed, slot);
    // Without its key nobody reads it, and it goes with its call.
    if (!transcript) continue;
    const kept: Kept = { name: nameOf(seq), key: newKey() };
    await bucket.put(
      kept.name,
      await createVault(kept.key, importKeyring).seal(JSON.stringify(transcript), slot),
    );
    replaceTranscript(sql, seq, sealed, await vault.seal(JSON.stringify(kept), slot));
  }
  const last = found.at(-1)?.seq;
  if (last !== undefined) kv.put(MOVED_TO, last);
  else if (!hasCalls(sql)) kv.delete(MOVED_TO);
  return found.length === AT_ONCE;
}

/** Who said what in a call. @throws StorageError if R2 does not answer */
export async function openTranscript(
  { call_id, transcript_sealed }: { call_id: string; transcript_sealed: string | null },
  { vault, transcripts, log }: { vault: Vault; transcripts: R2Bucket | undefined; log: Logger },
): Promise<Said[]> {
  const slot = transcriptSlot(call_id);
  const found = transcript_sealed && (await openJson<Said[] | Kept>(vault, transcript_sealed, slot));
  if (!found) return [];
  if (Array.isArray(found)) return found;
  const unavailable = (error: unknown) => Promise.reject(new StorageError("unavailable", error));
  const read = async () => (await transcripts?.get(found.name))?.text();
  const sealed = await read().catch(unavailable);
  const transcript = sealed && (await openJson<Said[]>(createVault(found.key, importKeyring), sealed, slot));
  if (!transcript) log.warn("transcript_missing", { call_id });
  return transcript || [];
}
