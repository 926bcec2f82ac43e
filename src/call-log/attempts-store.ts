import type { Attempt, FoundCall, KnownAttempt, Note } from "./attempt.ts";

// What the object of an API key keeps of its calls and texts. Times in milliseconds.

/** Twilio ends a call after four hours. https://www.twilio.com/docs/voice/api/call-resource#create-a-call-resource */
const LONGEST_CALL_MS = 4 * 60 * 60 * 1_000 + 5 * 60 * 1_000;
/** After this, an attempt that Twilio never reported no longer counts towards the limit. */
const PLACING_MS = 5 * 60 * 1_000;

type FoundAttempt = KnownAttempt & Pick<Attempt, "kind" | "holder">;

export function findAttempt(sql: SqlStorage, id: string): FoundAttempt | null {
  const [row] = sql
    .exec("SELECT kind, sid, state, created_at AS createdAt, holder FROM attempts WHERE id = ?1", id)
    .toArray();
  return (row as FoundAttempt | undefined) ?? null;
}

/** How many calls of the key run, or may be about to. */
export function countLive(sql: SqlStorage, now: number): number {
  const count = (state: string, since: number) =>
    sql
      .exec<{ count: number }>(
        "SELECT COUNT(*) AS count FROM attempts WHERE kind = 'call' AND state = ?1 AND created_at > ?2",
        state,
        since,
      )
      .one().count;
  return count("live", now - LONGEST_CALL_MS) + count("placing", now - PLACING_MS);
}

/** The attempt that placed a call; null if none did. */
export function findAttemptOf(sql: SqlStorage, sid: string): string | null {
  const [row] = sql.exec<{ id: string }>("SELECT id FROM attempts WHERE sid = ?1", sid).toArray();
  return row?.id ?? null;
}

export function insertAttempt(
  sql: SqlStorage,
  { id, kind, holder, briefSealed }: Attempt,
  now: number,
): void {
  sql.exec(
    "INSERT INTO attempts (id, kind, holder, state, created_at, brief_sealed) VALUES (?1, ?2, ?3, 'placing', ?4, ?5)",
    id,
    kind,
    holder,
    now,
    briefSealed,
  );
}

/**
 * @returns whether the SID, if there is one, is this attempt's now. A guess takes no SID from another attempt, nor one
 *   that may be another's whose SID is not known yet.
 */
export function noteAttempt(sql: SqlStorage, id: string, note: Note, now: number): boolean {
  const { sid, isGuess = false, state, voicemail } = note;
  if (sid !== undefined) {
    const [other] = sql.exec("SELECT id FROM attempts WHERE sid = ?1 AND id <> ?2", sid, id).toArray();
    if (isGuess && (other || isAnotherOpen(sql, id, now))) return false;
    sql.exec("UPDATE attempts SET sid = NULL, is_guess = 0 WHERE sid = ?1 AND id <> ?2", sid, id);
    // What is certain is not replaced by a guess.
    sql.exec(
      "UPDATE attempts SET sid = ?2, is_guess = ?3 WHERE id = ?1 AND (?3 = 0 OR sid IS NULL)",
      id,
      sid,
      Number(isGuess),
    );
  }
  // Twilio's reports come in any order: what has ended stays so.
  if (state !== undefined)
    sql.exec("UPDATE attempts SET state = ?2 WHERE id = ?1 AND state <> 'ended'", id, state);
  if (voicemail !== undefined) sql.exec("UPDATE attempts SET voicemail = ?2 WHERE id = ?1", id, voicemail);
  return true;
}

function isAnotherOpen(sql: SqlStorage, id: string, now: number): boolean {
  const others = sql.exec(
    `SELECT 1 FROM attempts WHERE kind = (SELECT kind FROM attempts WHERE id = ?1) AND state = 'placing'
       AND created_at > ?2 AND id <> ?1 AND sid IS NULL LIMIT 1`,
    id,
    now - PLACING_MS,
  );
  return others.toArray().length > 0;
}

/** @returns those of the SIDs that are certainly other attempts' */
export function findOthers(sql: SqlStorage, id: string, sids: string[]): string[] {
  const query =
    "SELECT sid FROM attempts WHERE sid IN (SELECT value FROM json_each(?1)) AND id <> ?2 AND is_guess = 0";
  return sql
    .exec<{ sid: string }>(query, JSON.stringify(sids), id)
    .toArray()
    .map(({ sid }) => sid);
}

export function findBrief(sql: SqlStorage, id: string): FoundCall | null {
  const [row] = sql
    .exec("SELECT brief_sealed AS briefSealed, voicemail FROM attempts WHERE id = ?1 AND kind = 'call'", id)
    .toArray();
  return (row as FoundCall | undefined) ?? null;
}

export function deleteAttempt(sql: SqlStorage, id: string): void {
  sql.exec("DELETE FROM attempts WHERE id = ?1", id);
}

/** Deletes what was begun before a time. @returns when the oldest that is left was begun; null if none is left */
export function deleteBefore(sql: SqlStorage, before: number): number | null {
  sql.exec("DELETE FROM attempts WHERE created_at < ?1", before);
  return sql.exec<{ oldest: number | null }>("SELECT MIN(created_at) AS oldest FROM attempts").one().oldest;
}
