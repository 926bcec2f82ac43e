import { countRows, uncount } from "../counted-store.ts";
import { exec, type Part, part } from "../database.ts";
import { MAX_COUNTED } from "../http/counted.ts";
import type { Page } from "../http/page.ts";
import { DAY_MS } from "../time.ts";
import {
  type CallFilter,
  type CallReport,
  isLive,
  type LoggedCall,
  liveSince,
  PER_MS,
  progressed,
} from "./call.ts";
import { addToDay } from "./usage-store.ts";

// The statements of the log of calls; schema.ts has its tables.

export type SealedOutcome = { transcriptSealed: string | null; outcomeSealed: string };

const WHOLE = part`calls LEFT JOIN talks USING (seq)`;

export function getCall(sql: SqlStorage, callId: string): LoggedCall | null {
  const [row] = exec<LoggedCall>(sql)`SELECT * FROM ${WHOLE} WHERE call_id = ${callId}`.toArray();
  return row ?? null;
}

/** Writes down what was reported, once however often it is. @returns the call; null if its owner has deleted it */
export function putReport(
  sql: SqlStorage,
  report: CallReport,
  attemptId: string | null,
  now: number,
): LoggedCall | null {
  const known = getCall(sql, report.callId);
  if (!known && isDeleted(sql, report.callId)) return null;
  const before = known ?? firstOf(sql, report, attemptId, now);
  const after = progressed(before, report);
  const { status, duration_seconds: seconds, ended_reason } = after;
  const isOver = !isLive(status);
  const endedAt = isOver ? (before.ended_at ?? now) : null;
  const answeredAt =
    before.answered_at ??
    (status === "in-progress" ? now : null) ??
    (status === "completed" && endedAt !== null && seconds !== null ? endedAt - seconds * 1_000 : null);
  const transcript = before.transcript_sealed ?? report.transcriptSealed;
  if (!known || after !== before)
    exec(sql)`INSERT INTO calls (seq, call_id, attempt_id, agent_id, phone_number_id, phone_number,
        external_id, account_sid, region, direction, status, ended_reason, created_at, answered_at, ended_at,
        duration_seconds, parties_sealed)
      VALUES (${before.seq}, ${before.call_id}, ${before.attempt_id}, ${before.agent_id}, ${before.phone_number_id},
        ${before.phone_number}, ${before.external_id}, ${before.account_sid}, ${before.region}, ${before.direction},
        ${status}, ${ended_reason}, ${before.created_at}, ${answeredAt}, ${endedAt}, ${seconds}, ${before.parties_sealed})
      ON CONFLICT (seq) DO UPDATE SET status = excluded.status, ended_reason = excluded.ended_reason,
        answered_at = excluded.answered_at, ended_at = excluded.ended_at, duration_seconds = excluded.duration_seconds`;
  if (transcript !== before.transcript_sealed) putTalk(sql, before.seq, { transcriptSealed: transcript });
  // A day is written once for a call: at its end. Until then usage counts what runs.
  const more = (seconds ?? 0) - (before.duration_seconds ?? 0);
  const counts = {
    ...(isOver && before.ended_at === null && { [before.direction]: 1 }),
    ...(more > 0 && { seconds: more }),
  };
  addToDay(sql, before.created_at, counts, before.external_id);
  const times = { answered_at: answeredAt, ended_at: endedAt };
  return { ...before, ...after, ...times, transcript_sealed: transcript };
}

/** A call of which nothing is known but who it is. */
function firstOf(sql: SqlStorage, report: CallReport, attemptId: string | null, now: number): LoggedCall {
  const last = exec<{ seq: number }>(sql)`SELECT COALESCE(MAX(seq), 0) AS seq FROM calls`.one().seq;
  return {
    seq: Math.max(now * PER_MS, last + 1),
    call_id: report.callId,
    attempt_id: attemptId,
    agent_id: report.agentId,
    phone_number_id: report.phoneNumberId,
    phone_number: report.phoneNumber,
    external_id: report.externalId,
    account_sid: report.account.accountSid,
    region: report.account.region,
    direction: report.direction,
    status: isLive(report.status) ? report.status : "initiated",
    ended_reason: null,
    created_at: now,
    answered_at: null,
    ended_at: null,
    duration_seconds: null,
    recording_sid: null,
    parties_sealed: report.partiesSealed,
    transcript_sealed: null,
    outcome_sealed: null,
  };
}

function putTalk(
  sql: SqlStorage,
  seq: number,
  { transcriptSealed, outcomeSealed }: { transcriptSealed: string | null; outcomeSealed?: string },
): void {
  exec(sql)`INSERT INTO talks (seq, transcript_sealed, outcome_sealed)
    VALUES (${seq}, ${transcriptSealed}, ${outcomeSealed ?? null})
    ON CONFLICT (seq) DO UPDATE SET transcript_sealed = excluded.transcript_sealed,
      outcome_sealed = COALESCE(excluded.outcome_sealed, outcome_sealed)`;
}

/** Until when a runtime may report what a call was, after its end. */
const OUTCOME_MS = DAY_MS;

/** What a runtime reports of a call, instead of what it has reported. @returns null if there is no such call */
export function putOutcome(
  sql: SqlStorage,
  callId: string,
  outcome: SealedOutcome,
  now: number,
): LoggedCall | "closed" | null {
  const call = getCall(sql, callId);
  if (!call) return null;
  if (call.ended_at && now - call.ended_at > OUTCOME_MS) return "closed";
  putTalk(sql, call.seq, outcome);
  return { ...call, transcript_sealed: outcome.transcriptSealed, outcome_sealed: outcome.outcomeSealed };
}

/** @returns false if the call is not known yet */
export function putRecording(sql: SqlStorage, callId: string, recordingSid: string): boolean {
  const cursor = exec(sql)`UPDATE calls SET recording_sid = ${recordingSid} WHERE call_id = ${callId}`;
  return cursor.rowsWritten > 0 || isDeleted(sql, callId);
}

/**
 * A page of calls, newest first, without what was said; and how many there are in all. A list that does not have all calls
 * counts to {@link MAX_COUNTED}, or as far as it is asked, and one more if there are more.
 */
export function listCalls(
  storage: DurableObjectStorage,
  filter: CallFilter,
  { limit, offset, upTo = MAX_COUNTED + 1 }: Page & { upTo?: number | undefined },
  now: number,
): { calls: LoggedCall[]; count: number } {
  const { sql } = storage;
  const found = part`FROM calls ${conditions(filter, now)}`;
  // A join would read all calls.
  const calls = exec<LoggedCall>(sql)`SELECT *, NULL AS transcript_sealed,
      (SELECT outcome_sealed FROM talks WHERE talks.seq = calls.seq) AS outcome_sealed
    ${found} ORDER BY seq DESC LIMIT ${limit} OFFSET ${offset}`.toArray();
  const isAll = Object.values(filter).every((value) => value === undefined);
  const count = () =>
    exec<{ count: number }>(sql)`SELECT COUNT(*) AS count FROM (SELECT 1 ${found} LIMIT ${upTo})`.one().count;
  return { calls, count: isAll ? countRows(storage, "calls") : count() };
}

/** The places of the calls at offsets of that list; null: there are fewer. */
export function placesAt(sql: SqlStorage, filter: CallFilter, offsets: number[], now: number) {
  return offsets.map((offset) => {
    const [row] = exec<{ seq: number }>(sql)`SELECT seq FROM calls ${conditions(filter, now)}
      ORDER BY seq DESC LIMIT 1 OFFSET ${offset}`.toArray();
    return row?.seq ?? null;
  });
}

/** How many calls of that list are before a place. */
export function countBefore(sql: SqlStorage, filter: CallFilter, seq: number, now: number): number {
  return exec<{ count: number }>(sql)`SELECT COUNT(*) AS count FROM calls
    ${conditions(filter, now)} AND seq > ${seq}`.one().count;
}

function conditions({ agentId, phoneNumber, externalId, direction, status }: CallFilter, now: number): Part {
  const terms = [
    agentId && part`agent_id = ${agentId}`,
    phoneNumber && part`phone_number = ${phoneNumber}`,
    externalId !== undefined && part`external_id = ${externalId}`,
    status && part`status = ${status}`,
    // What runs is new.
    status && isLive(status) && part`seq > ${liveSince(now)}`,
    direction && part`direction = ${direction}`,
  ];
  return terms.reduce<Part>((all, term) => (term ? part`${all} AND ${term}` : all), part`WHERE TRUE`);
}

/** Deletes a call that has ended, for its owner. What was counted for usage stays. */
export function deleteCall(storage: DurableObjectStorage, { seq, call_id }: LoggedCall, now: number): void {
  const { sql } = storage;
  exec(sql)`INSERT OR IGNORE INTO deleted_calls (call_id, deleted_at) VALUES (${call_id}, ${now})`;
  exec(sql)`DELETE FROM calls WHERE seq = ${seq}`;
  exec(sql)`DELETE FROM talks WHERE seq = ${seq}`;
  uncount(storage, [seq]);
}

/** Deletes up to `limit` of the ended calls that were first heard of before. @returns the places of those */
export function forgetCalls(storage: DurableObjectStorage, before: number, limit: number): number[] {
  const { sql } = storage;
  const seqs = exec<{ seq: number }>(sql)`DELETE FROM calls WHERE seq IN (SELECT seq FROM calls
      WHERE seq < ${before * PER_MS} AND ended_at IS NOT NULL ORDER BY seq LIMIT ${limit}) RETURNING seq`
    .toArray()
    .map(({ seq }) => seq);
  exec(sql)`DELETE FROM talks WHERE seq IN (SELECT value FROM json_each(${JSON.stringify(seqs)}))`;
  uncount(storage, seqs);
  return seqs;
}

export function forgetDeleted(sql: SqlStorage, before: number): void {
  exec(sql)`DELETE FROM deleted_calls WHERE deleted_at < ${before}`;
}

/** Calls whose end Twilio has never told: they are over, and nobody knows how. */
export function endForgotten(sql: SqlStorage, before: number): void {
  const calls = exec<LoggedCall>(sql)`UPDATE calls SET status = 'completed', ended_at = created_at
    WHERE seq > ${liveSince(before)} AND seq < ${before * PER_MS} AND ended_at IS NULL
    RETURNING *`.toArray();
  for (const { created_at, direction, external_id } of calls)
    addToDay(sql, created_at, { [direction]: 1 }, external_id);
}

export const timeOf = (seq: number): number => Math.floor(seq / PER_MS);

export function hasCalls(sql: SqlStorage): boolean {
  return exec(sql)`SELECT 1 FROM calls LIMIT 1`.toArray().length > 0;
}

/** Whether anything was ever told here of a call. */
export function isKnown(sql: SqlStorage, callId: string): boolean {
  return getCall(sql, callId) !== null || isDeleted(sql, callId);
}

function isDeleted(sql: SqlStorage, callId: string): boolean {
  return exec(sql)`SELECT 1 FROM deleted_calls WHERE call_id = ${callId}`.toArray().length > 0;
}

type SealedCall = Pick<
  LoggedCall,
  "seq" | "call_id" | "parties_sealed" | "transcript_sealed" | "outcome_sealed"
>;

/** Sealed values behind a place, in order. */
export function findSealedCalls(sql: SqlStorage, after: number, limit: number) {
  return exec<SealedCall>(sql)`SELECT seq, call_id, parties_sealed, transcript_sealed, outcome_sealed
    FROM ${WHOLE} WHERE seq > ${after} ORDER BY seq LIMIT ${limit}`.toArray();
}

export function replaceSealedCall(
  sql: SqlStorage,
  { seq, parties_sealed, transcript_sealed, outcome_sealed }: Omit<SealedCall, "call_id">,
): void {
  exec(sql)`UPDATE calls SET parties_sealed = ${parties_sealed} WHERE seq = ${seq}`;
  exec(sql)`UPDATE talks SET transcript_sealed = ${transcript_sealed}, outcome_sealed = ${outcome_sealed}
    WHERE seq = ${seq}`;
}
