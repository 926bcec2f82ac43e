import { type Attempt, MAX_ATTEMPTS, type Outcome } from "../delivery.ts";
import type { SealedEvent } from "../event.ts";

// The statements of an outbox; schema.ts has its tables. Times are milliseconds.

export const DELIVERY_STATES = ["pending", "delivered", "failed"] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

const PER_MS = 1024;

/** Whether there is a place in the order of events that says this time. */
export const firstSeqAt = (time: number) => time * PER_MS;
export const timeOf = (seq: number) => Math.floor(seq / PER_MS);

export function lastSeq(sql: SqlStorage): number {
  return sql.exec<{ seq: number }>("SELECT COALESCE(MAX(seq), 0) AS seq FROM events").one().seq;
}

export function oldestSeq(sql: SqlStorage): number | null {
  return sql.exec<{ seq: number | null }>("SELECT MIN(seq) AS seq FROM events").one().seq;
}

/** @returns false if it is there already */
export function insertEvent(sql: SqlStorage, event: SealedEvent, seq: number, now: number): boolean {
  const cursor = sql.exec(
    `INSERT INTO events (seq, id, agent_id, lane, type, state, attempts_left, queued_at, created_at, updated_at,
       payload_sealed) VALUES (?, ?, ?, ?, ?, 'pending', ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
    seq,
    event.id,
    event.agentId,
    event.lane,
    event.type,
    MAX_ATTEMPTS,
    now,
    Date.parse(event.createdAt),
    now,
    event.payloadSealed,
  );
  return cursor.rowsWritten > 0;
}

type EntryRow = { seq: number; agentId: string; lane: string };

/** Events that no attempt was made for yet, in order. */
export function findFresh(sql: SqlStorage, after: number, limit: number): EntryRow[] {
  return sql
    .exec<EntryRow>(
      `SELECT seq, agent_id AS agentId, lane FROM events
       WHERE seq > ? AND state = 'pending' AND next_attempt_at IS NULL ORDER BY seq LIMIT ?`,
      after,
      limit,
    )
    .toArray();
}

/** Events whose next attempt is due. */
export function findDue(sql: SqlStorage, now: number, limit: number): EntryRow[] {
  return sql
    .exec<EntryRow>(
      `SELECT seq, agent_id AS agentId, lane FROM events WHERE next_attempt_at <= ? ORDER BY next_attempt_at, seq LIMIT ?`,
      now,
      limit,
    )
    .toArray();
}

export function nextDueAt(sql: SqlStorage, after: number): number | null {
  return sql
    .exec<{ at: number | null }>(
      "SELECT MIN(next_attempt_at) AS at FROM events WHERE next_attempt_at > ?",
      after,
    )
    .one().at;
}

export type PendingRow = { id: string; attempts_left: number; queued_at: number; payload_sealed: string };

/** An event that is still to be delivered. */
export function findPending(sql: SqlStorage, seq: number): PendingRow | undefined {
  return sql
    .exec<PendingRow>(
      "SELECT id, attempts_left, queued_at, payload_sealed FROM events WHERE seq = ? AND state = 'pending'",
      seq,
    )
    .toArray()[0];
}

const attemptJson = ({ attemptedAt, httpStatus, error, durationMs }: Attempt) =>
  JSON.stringify({
    at: attemptedAt.getTime(),
    status: httpStatus ?? null,
    error: error ?? null,
    ms: durationMs,
  });

/** Records an attempt that was overtaken, once however often it is reported. */
export function appendAttempt(sql: SqlStorage, seq: number, attempt: Attempt): void {
  sql.exec(
    "UPDATE events SET attempts = json_insert(attempts, '$[#]', json(?1)) WHERE seq = ?2 AND instr(attempts, ?3) = 0",
    attemptJson(attempt),
    seq,
    `"at":${attempt.attemptedAt.getTime()},`,
  );
}

/**
 * Records an attempt and what follows from it, if the event is as it was before the attempt: it was not delivered anew
 * meanwhile, and the attempt was not recorded before.
 *
 * @returns whether it was
 */
export function recordAttempt(
  sql: SqlStorage,
  seq: number,
  before: { attemptsLeft: number; queuedAt: number },
  { attempt, outcome }: { attempt: Attempt; outcome: Outcome },
  now: number,
): boolean {
  const next = outcome.state === "pending" ? now + outcome.delaySeconds * 1000 : null;
  const cursor = sql.exec(
    `UPDATE events SET attempts = json_insert(attempts, '$[#]', json(?)), state = ?, attempts_left = attempts_left - 1,
       next_attempt_at = ?, updated_at = ?
     WHERE seq = ? AND state = 'pending' AND attempts_left = ? AND queued_at = ?`,
    attemptJson(attempt),
    outcome.state,
    next,
    now,
    seq,
    before.attemptsLeft,
    before.queuedAt,
  );
  return cursor.rowsWritten > 0;
}

/**
 * Puts events off until their circuit is half-open, in one go however many they are. Those that were queued before
 * `queuedBefore` have failed.
 *
 * @returns how many have failed
 */
export function putOff(
  sql: SqlStorage,
  seqs: readonly number[],
  until: number,
  { attempt, queuedBefore }: { attempt: Attempt; queuedBefore: number },
): number {
  const list = JSON.stringify(seqs);
  const failed = sql
    .exec(
      `UPDATE events SET state = 'failed', next_attempt_at = NULL, updated_at = ?,
         attempts = json_insert(attempts, '$[#]', json(?))
       WHERE seq IN (SELECT value FROM json_each(?)) AND state = 'pending' AND queued_at < ? RETURNING seq`,
      attempt.attemptedAt.getTime(),
      attemptJson(attempt),
      list,
      queuedBefore,
    )
    .toArray().length;
  sql.exec(
    `UPDATE events SET next_attempt_at = ?
     WHERE seq IN (SELECT value FROM json_each(?)) AND state = 'pending'`,
    until,
    list,
  );
  return failed;
}

/** The circuit of a URL has closed: what was put off until its end is due now. */
export function bringForward(sql: SqlStorage, from: number, now: number): void {
  sql.exec("UPDATE events SET next_attempt_at = ? WHERE next_attempt_at = ?", now, from);
}

/** Makes an event pending again, with all its attempts. @returns its entry, or undefined if there is no such event */
export function revive(sql: SqlStorage, id: string, now: number): EntryRow | undefined {
  return sql
    .exec<EntryRow>(
      `UPDATE events SET state = 'pending', attempts_left = ?, next_attempt_at = ?, queued_at = ?, updated_at = ?
       WHERE id = ? RETURNING seq, agent_id AS agentId, lane`,
      MAX_ATTEMPTS,
      now,
      now,
      now,
      id,
    )
    .toArray()[0];
}

/**
 * The same for up to `limit` events behind a place that happened from `since` on and before `until`, and failed or wait for
 * another attempt. @returns their places
 */
export function reviveFailed(
  sql: SqlStorage,
  { since, until, after, limit }: { since: number; until: number; after: number; limit: number },
  now: number,
): number[] {
  return sql
    .exec(
      `UPDATE events SET state = 'pending', attempts_left = ?, next_attempt_at = ?, queued_at = ?, updated_at = ?
       WHERE seq IN (SELECT seq FROM (
           SELECT seq, created_at FROM events WHERE state = 'failed'
           UNION ALL SELECT seq, created_at FROM events WHERE next_attempt_at > ?)
         WHERE seq > ? AND created_at >= ? AND created_at < ? ORDER BY seq LIMIT ?) RETURNING seq`,
      MAX_ATTEMPTS,
      now,
      now,
      now,
      now,
      after,
      since,
      until,
      limit,
    )
    .toArray()
    .map(({ seq }) => Number(seq));
}

/** Deletes up to `limit` settled events from before. @returns how many */
export function forget(sql: SqlStorage, before: number, limit: number): number {
  return sql
    .exec(
      `DELETE FROM events WHERE seq IN (
         SELECT seq FROM events WHERE seq < ? AND state <> 'pending' ORDER BY seq LIMIT ?) RETURNING seq`,
      firstSeqAt(before),
      limit,
    )
    .toArray().length;
}

/** Sealed bodies behind a place, in order. */
export function findSealed(sql: SqlStorage, after: number, limit: number) {
  return sql
    .exec<{ seq: number; id: string; payload_sealed: string }>(
      "SELECT seq, id, payload_sealed FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
      after,
      limit,
    )
    .toArray();
}

export function replaceSealed(sql: SqlStorage, seq: number, resealed: string): void {
  sql.exec("UPDATE events SET payload_sealed = ? WHERE seq = ?", resealed, seq);
}
