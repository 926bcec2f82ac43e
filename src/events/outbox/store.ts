import { exec, part } from "../../database.ts";
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
  return exec<{ seq: number }>(sql)`SELECT COALESCE(MAX(seq), 0) AS seq FROM events`.one().seq;
}

export function insertEvent(sql: SqlStorage, event: SealedEvent, seq: number, now: number): void {
  exec(sql)`INSERT INTO events (seq, id, agent_id, lane, external_id, type, actor,
      state, attempts_left, queued_at, created_at, updated_at, payload_sealed)
    VALUES (${seq}, ${event.id}, ${event.agentId}, ${event.lane}, ${event.externalId}, ${event.type}, ${event.actor},
      'pending', ${MAX_ATTEMPTS}, ${now}, ${Date.parse(event.createdAt)}, ${now}, ${event.payloadSealed})`;
}

/** The ids of what was taken in from one time to another. */
export function findIds(sql: SqlStorage, from: number, to: number): string[] {
  return exec<{ id: string }>(sql)`SELECT id FROM events
    WHERE seq >= ${firstSeqAt(from)} AND seq < ${firstSeqAt(to)}`
    .toArray()
    .map(({ id }) => id);
}

type EntryRow = { seq: number; agentId: string; lane: string };

/** Events that no attempt was made for yet, in order. */
export function findFresh(sql: SqlStorage, after: number, limit: number): EntryRow[] {
  return exec<EntryRow>(sql)`SELECT seq, agent_id AS agentId, lane FROM events
    WHERE seq > ${after} AND state = 'pending' AND next_attempt_at IS NULL ORDER BY seq LIMIT ${limit}`.toArray();
}

/** Events whose next attempt is due. */
export function findDue(sql: SqlStorage, now: number, limit: number): EntryRow[] {
  return exec<EntryRow>(sql)`SELECT seq, agent_id AS agentId, lane FROM events WHERE next_attempt_at <= ${now}
    ORDER BY next_attempt_at, seq LIMIT ${limit}`.toArray();
}

export function nextDueAt(sql: SqlStorage, after: number): number | null {
  return exec<{ at: number | null }>(sql)`SELECT MIN(next_attempt_at) AS at FROM events
    WHERE next_attempt_at > ${after}`.one().at;
}

/**
 * The lanes of events that wait, whether for their first attempt or another. Not of those that were delivered anew, which
 * nothing waits for.
 */
export function findWaitingLanes(sql: SqlStorage, watermark: number): Set<string> {
  const rows = exec<{ lane: string }>(sql)`SELECT lane FROM events
      WHERE next_attempt_at IS NOT NULL AND queued_at * ${PER_MS} <= seq
    UNION SELECT lane FROM events
      WHERE seq > ${watermark} AND state = 'pending' AND next_attempt_at IS NULL AND queued_at * ${PER_MS} <= seq`;
  return new Set(rows.toArray().map(({ lane }) => lane));
}

export type PendingRow = { id: string; attempts_left: number; queued_at: number; payload_sealed: string };

/** An event that is still to be delivered. */
export function findPending(sql: SqlStorage, seq: number): PendingRow | undefined {
  return exec<PendingRow>(sql)`SELECT id, attempts_left, queued_at, payload_sealed FROM events
    WHERE seq = ${seq} AND state = 'pending'`.toArray()[0];
}

const withAttempt = ({ attemptedAt, httpStatus, error, durationMs }: Attempt) =>
  part`json_insert(attempts, '$[#]', json(${JSON.stringify({
    at: attemptedAt.getTime(),
    status: httpStatus ?? null,
    error: error ?? null,
    ms: durationMs,
  })}))`;

/** Records an attempt that was overtaken, once however often it is reported. */
export function appendAttempt(sql: SqlStorage, seq: number, attempt: Attempt): void {
  exec(sql)`UPDATE events SET attempts = ${withAttempt(attempt)}
    WHERE seq = ${seq} AND instr(attempts, ${`"at":${attempt.attemptedAt.getTime()},`}) = 0`;
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
  const cursor = exec(sql)`UPDATE events SET attempts = ${withAttempt(attempt)},
      state = ${outcome.state}, attempts_left = attempts_left - 1, next_attempt_at = ${next}, updated_at = ${now}
    WHERE seq = ${seq} AND state = 'pending' AND attempts_left = ${before.attemptsLeft}
      AND queued_at = ${before.queuedAt}`;
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
  const failed = exec(sql)`UPDATE events SET state = 'failed', next_attempt_at = NULL,
      updated_at = ${attempt.attemptedAt.getTime()}, attempts = ${withAttempt(attempt)}
    WHERE seq IN (SELECT value FROM json_each(${list})) AND state = 'pending' AND queued_at < ${queuedBefore}
    RETURNING seq`.toArray().length;
  exec(sql)`UPDATE events SET next_attempt_at = ${until}
    WHERE seq IN (SELECT value FROM json_each(${list})) AND state = 'pending'`;
  return failed;
}

/** The circuit of a URL has closed: what was put off until its end is due now. */
export function bringForward(sql: SqlStorage, from: number, now: number): void {
  exec(sql)`UPDATE events SET next_attempt_at = ${now} WHERE next_attempt_at = ${from}`;
}

const pendingAgain = (now: number) => part`state = 'pending', attempts_left = ${MAX_ATTEMPTS},
  next_attempt_at = ${now}, queued_at = ${now}, updated_at = ${now}`;

/** Makes an event pending again, with all its attempts. @returns its entry, or undefined if there is no such event */
export function revive(sql: SqlStorage, id: string, watermark: number, now: number): EntryRow | undefined {
  // No index has the ids. Those that failed or wait are looked through first, and then all, the newest first.
  const [found] = exec<{ seq: number }>(sql)`SELECT seq FROM (
      SELECT seq, id FROM events WHERE state = 'failed'
      UNION ALL SELECT seq, id FROM events WHERE next_attempt_at IS NOT NULL
      UNION ALL SELECT seq, id FROM events WHERE seq > ${watermark}
      UNION ALL SELECT * FROM (SELECT seq, id FROM events ORDER BY seq DESC))
    WHERE id = ${id} LIMIT 1`.toArray();
  return exec<EntryRow>(sql)`UPDATE events SET ${pendingAgain(now)}
    WHERE seq = ${found?.seq ?? null} RETURNING seq, agent_id AS agentId, lane`.toArray()[0];
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
  return exec<{ seq: number }>(sql)`UPDATE events SET ${pendingAgain(now)}
    WHERE seq IN (SELECT seq FROM (
        SELECT seq, created_at FROM events WHERE state = 'failed'
        UNION ALL SELECT seq, created_at FROM events WHERE next_attempt_at > ${now})
      WHERE seq > ${after} AND created_at >= ${since} AND created_at < ${until} ORDER BY seq LIMIT ${limit})
    RETURNING seq`
    .toArray()
    .map(({ seq }) => seq);
}

/** Sealed bodies behind a place, in order. */
export function findSealed(sql: SqlStorage, after: number, limit: number) {
  return exec<{ seq: number; id: string; payload_sealed: string }>(sql)`SELECT seq, id, payload_sealed
    FROM events WHERE seq > ${after} ORDER BY seq LIMIT ${limit}`.toArray();
}

export function replaceSealed(sql: SqlStorage, seq: number, resealed: string): void {
  exec(sql)`UPDATE events SET payload_sealed = ${resealed} WHERE seq = ${seq}`;
}
