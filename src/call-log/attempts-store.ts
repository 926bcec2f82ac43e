import { exec } from "../database.ts";
import type { Attempt, FoundCall, KnownAttempt, Note } from "./attempt.ts";

// What the object of an API key keeps of its calls and texts. Times in milliseconds.

/** Twilio ends a call after four hours. https://www.twilio.com/docs/voice/api/call-resource#create-a-call-resource */
const LONGEST_CALL_MS = 4 * 60 * 60 * 1_000 + 5 * 60 * 1_000;
/** After this, an attempt that Twilio never reported no longer counts towards the limit. */
const PLACING_MS = 5 * 60 * 1_000;

type FoundAttempt = KnownAttempt & Pick<Attempt, "kind" | "holder" | "externalId">;

export function findAttempt(sql: SqlStorage, id: string): FoundAttempt | null {
  const [row] = exec(sql)`SELECT kind, sid, state, created_at AS createdAt, holder, external_id AS externalId
    FROM attempts WHERE id = ${id}`.toArray();
  return (row as FoundAttempt | undefined) ?? null;
}

/** How many calls of the key run, or may be about to. */
export function countLive(sql: SqlStorage, now: number): number {
  const count = (state: string, since: number) =>
    exec<{ count: number }>(sql)`SELECT COUNT(*) AS count FROM attempts WHERE kind = 'call'
      AND state = ${state} AND created_at > ${since}`.one().count;
  return count("live", now - LONGEST_CALL_MS) + count("placing", now - PLACING_MS);
}

/** The attempt that placed a call; null if none did. */
export function findAttemptOf(sql: SqlStorage, sid: string): string | null {
  const [row] = exec<{ id: string }>(sql)`SELECT id FROM attempts WHERE sid = ${sid}`.toArray();
  return row?.id ?? null;
}

export function insertAttempt(
  sql: SqlStorage,
  { id, kind, holder, externalId, briefSealed }: Attempt,
  now: number,
): void {
  exec(sql)`INSERT INTO attempts (id, kind, holder, state, external_id, created_at, brief_sealed)
    VALUES (${id}, ${kind}, ${holder}, 'placing', ${externalId}, ${now}, ${briefSealed})`;
}

/**
 * @returns whether the SID, if there is one, is this attempt's now. A guess takes no SID from another attempt, nor one
 *   that may be another's whose SID is not known yet.
 */
export function noteAttempt(sql: SqlStorage, id: string, note: Note, now: number): boolean {
  const { sid, isGuess = false, state, voicemail } = note;
  if (sid !== undefined) {
    const [other] = exec(sql)`SELECT id FROM attempts WHERE sid = ${sid} AND id <> ${id}`.toArray();
    if (isGuess && (other || isAnotherOpen(sql, id, now))) return false;
    exec(sql)`UPDATE attempts SET sid = NULL, is_guess = 0 WHERE sid = ${sid} AND id <> ${id}`;
    // What is certain is not replaced by a guess.
    exec(sql)`UPDATE attempts SET sid = ${sid}, is_guess = ${Number(isGuess)}
      WHERE id = ${id} AND (${Number(isGuess)} = 0 OR sid IS NULL)`;
  }
  // Twilio's reports come in any order: what has ended stays so.
  if (state !== undefined)
    exec(sql)`UPDATE attempts SET state = ${state} WHERE id = ${id} AND state <> 'ended'`;
  if (voicemail !== undefined) exec(sql)`UPDATE attempts SET voicemail = ${voicemail} WHERE id = ${id}`;
  return true;
}

function isAnotherOpen(sql: SqlStorage, id: string, now: number): boolean {
  const others = exec(sql)`SELECT 1 FROM attempts
    WHERE kind = (SELECT kind FROM attempts WHERE id = ${id}) AND state = 'placing' AND created_at > ${now - PLACING_MS} AND id <> ${id} AND sid IS NULL LIMIT 1`;
  return others.toArray().length > 0;
}

/** @returns those of the SIDs that are certainly other attempts' */
export function findOthers(sql: SqlStorage, id: string, sids: string[]): string[] {
  return exec<{ sid: string }>(sql)`SELECT sid FROM attempts
    WHERE sid IN (SELECT value FROM json_each(${JSON.stringify(sids)})) AND id <> ${id} AND is_guess = 0`
    .toArray()
    .map(({ sid }) => sid);
}

export function findBrief(sql: SqlStorage, id: string): FoundCall | null {
  const [row] = exec(sql)`SELECT brief_sealed AS briefSealed, voicemail FROM attempts
    WHERE id = ${id} AND kind = 'call'`.toArray();
  return (row as FoundCall | undefined) ?? null;
}

export function deleteAttempt(sql: SqlStorage, id: string): void {
  exec(sql)`DELETE FROM attempts WHERE id = ${id}`;
}

/** Deletes what was begun before a time. @returns when the oldest that is left was begun; null if none is left */
export function deleteBefore(sql: SqlStorage, before: number): number | null {
  exec(sql)`DELETE FROM attempts WHERE created_at < ${before}`;
  return exec<{ oldest: number | null }>(sql)`SELECT MIN(created_at) AS oldest FROM attempts`.one().oldest;
}
