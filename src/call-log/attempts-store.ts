import { exec } from "../database.ts";
import type { Attempt, FoundCall, KnownAttempt, Note } from "./attempt.ts";

// What the object of an API key keeps of its calls and texts. Times in milliseconds.

/** Twilio ends a call after four hours. https://www.twilio.com/docs/voice/api/call-resource#create-a-call-resource */
const LONGEST_CALL_MS = 4 * 60 * 60 * 1_000 + 5 * 60 * 1_000;
/** After this, an attempt that Twilio never reported no longer counts towards the limit. */
const PLACING_MS = 5 * 60 * 1_000;

type FoundAttempt = KnownAttempt &
  Pick<Attempt, "kind" | "holder" | "externalId"> &
  Pick<FoundCall, "voicemail"> & { isGuess: 0 | 1 };

export function findAttempt(sql: SqlStorage, id: string): FoundAttempt | null {
  const [row] = exec(sql)`SELECT kind, sid, is_guess AS isGuess, state, voicemail,
      created_at AS createdAt, holder, external_id AS externalId FROM attempts WHERE id = ${id}`.toArray();
  return (row as FoundAttempt | undefined) ?? null;
}

/** How many calls of the key run, or may be about to. */
export function countLive(sql: SqlStorage, now: number): number {
  return exec<{ count: number }>(sql)`SELECT COUNT(*) AS count FROM attempts
    WHERE kind = 'call' AND state <> 'ended' AND created_at > ${now - LONGEST_CALL_MS}
      AND (state = 'live' OR created_at > ${now - PLACING_MS})`.one().count;
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
  const known = findAttempt(sql, id);
  if (!known) return true;
  const { sid, isGuess = false } = note;
  if (sid !== undefined && isGuess && (isAnothers(sql, id, sid) || isAnotherOpen(sql, known, id, now)))
    return false;
  // What is certain is not replaced by a guess.
  const isTaken = sid !== undefined && (!isGuess || known.sid === null);
  const after = {
    sid: isTaken ? sid : known.sid,
    isGuess: isTaken ? (Number(isGuess) as 0 | 1) : known.isGuess,
    // Twilio's reports come in any order: what has ended stays so.
    state: known.state === "ended" ? known.state : (note.state ?? known.state),
    voicemail: note.voicemail ?? known.voicemail,
  };
  // Most reports say what is known.
  if (Object.entries(after).every(([name, value]) => known[name as keyof typeof after] === value))
    return true;
  if (isTaken && !isGuess)
    exec(sql)`UPDATE attempts SET sid = NULL, is_guess = 0
      WHERE sid = ${sid} AND is_guess = 1 AND id <> ${id}`;
  exec(sql)`UPDATE attempts SET sid = ${after.sid}, is_guess = ${after.isGuess}, state = ${after.state},
    voicemail = ${after.voicemail} WHERE id = ${id}`;
  return true;
}

// Who guesses is rare, so all attempts may be read for it.
function isAnothers(sql: SqlStorage, id: string, sid: string): boolean {
  return exec(sql)`SELECT 1 FROM attempts WHERE sid = ${sid} AND id <> ${id} LIMIT 1`.toArray().length > 0;
}

function isAnotherOpen(sql: SqlStorage, { kind }: FoundAttempt, id: string, now: number): boolean {
  const others = exec(sql)`SELECT 1 FROM attempts WHERE kind = ${kind} AND state = 'placing'
    AND created_at > ${now - PLACING_MS} AND id <> ${id} AND sid IS NULL LIMIT 1`;
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

/** Deletes up to `limit` of what was begun before a time. @returns how many */
export function deleteAttempts(sql: SqlStorage, before: number, limit: number): number {
  return exec(sql)`DELETE FROM attempts WHERE id IN (
    SELECT id FROM attempts WHERE created_at < ${before} LIMIT ${limit}) RETURNING 1`.toArray().length;
}

export function hasAttempts(sql: SqlStorage): boolean {
  return exec(sql)`SELECT 1 FROM attempts LIMIT 1`.toArray().length > 0;
}
