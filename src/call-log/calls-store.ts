import { exec, type Part, part } from "../database.ts";
import { DAY_MS } from "../time.ts";
import {
  type CallFilter,
  type CallReport,
  type CallStatus,
  isLive,
  LIVE_STATUSES,
  type LoggedCall,
  progressed,
} from "./call.ts";
import { addToDay } from "./usage-store.ts";

// The statements of the log of calls; schema.ts has its tables.

export type SealedOutcome = { transcriptSealed: string | null; outcomeSealed: string };

const PER_MS = 1024;
/** The row of ended_counts that counts all calls of the key. */
const TOTAL = "*";
const LIVE = LIVE_STATUSES.map((status) => part`${status}`).reduce((all, one) => part`${all}, ${one}`);

export function getCall(sql: SqlStorage, callId: string): LoggedCall | null {
  const [row] = exec<LoggedCall>(sql)`SELECT * FROM calls WHERE call_id = ${callId}`.toArray();
  return row ?? null;
}

/** Writes down what was reported, once however often it is. */
export function putReport(sql: SqlStorage, report: CallReport, now: number): void {
  const known = getCall(sql, report.callId);
  if (known) changeCall(sql, known, report, now);
  else if (!isDeleted(sql, report.callId)) insertCall(sql, report, now);
}

function insertCall(sql: SqlStorage, report: CallReport, now: number): void {
  const last = exec<{ seq: number }>(sql)`SELECT COALESCE(MAX(seq), 0) AS seq FROM calls`.one().seq;
  const answeredAt = report.status === "in-progress" ? now : null;
  exec(sql)`INSERT INTO calls (seq, call_id, agent_id, phone_number_id, phone_number, external_id,
      account_sid, region, direction, status, created_at, answered_at, parties_sealed)
    VALUES (${Math.max(now * PER_MS, last + 1)}, ${report.callId}, ${report.agentId}, ${report.phoneNumberId},
      ${report.phoneNumber}, ${report.externalId}, ${report.account.accountSid}, ${report.account.region}, ${report.direction},
      ${isLive(report.status) ? report.status : "initiated"}, ${now}, ${answeredAt}, ${report.partiesSealed})`;
  addToDay(sql, now, report.direction, 1, report.externalId);
  const inserted = getCall(sql, report.callId);
  if (inserted && !isLive(report.status)) changeCall(sql, inserted, report, now);
}

function changeCall(sql: SqlStorage, known: LoggedCall, report: CallReport, now: number): void {
  const after = progressed(known, report);
  if (after === known && report.transcriptSealed === null) return;
  const { status, duration_seconds: seconds, ended_reason } = after;
  const isOver = !isLive(status);
  const endedAt = isOver ? (known.ended_at ?? now) : null;
  const answeredAt =
    known.answered_at ??
    (status === "in-progress" ? now : null) ??
    (status === "completed" && endedAt !== null && seconds !== null ? endedAt - seconds * 1_000 : null);
  exec(sql)`UPDATE calls SET status = ${status}, ended_reason = ${ended_reason}, ended_at = ${endedAt},
      answered_at = ${answeredAt}, duration_seconds = ${seconds},
      transcript_sealed = COALESCE(transcript_sealed, ${report.transcriptSealed})
    WHERE call_id = ${known.call_id}`;
  const more = (seconds ?? 0) - (known.duration_seconds ?? 0);
  if (more > 0) addToDay(sql, known.created_at, "seconds", more, known.external_id);
  if (!isOver || status === known.status) return;
  if (!isLive(known.status)) count(sql, known, known.status, -1);
  count(sql, known, status, 1);
}

/** Until when a runtime may report what a call was, after its end. */
const OUTCOME_MS = DAY_MS;

/** What a runtime reports of a call, instead of what it has reported. @returns null if there is no such call */
export function putOutcome(
  sql: SqlStorage,
  callId: string,
  { transcriptSealed, outcomeSealed }: SealedOutcome,
  now: number,
): LoggedCall | "closed" | null {
  const { ended_at } = getCall(sql, callId) ?? {};
  if (ended_at && now - ended_at > OUTCOME_MS) return "closed";
  exec(sql)`UPDATE calls SET transcript_sealed = ${transcriptSealed}, outcome_sealed = ${outcomeSealed}
    WHERE call_id = ${callId}`;
  return getCall(sql, callId);
}

/** @returns false if the call is not known yet */
export function putRecording(sql: SqlStorage, callId: string, recordingSid: string): boolean {
  const cursor = exec(sql)`UPDATE calls SET recording_sid = ${recordingSid} WHERE call_id = ${callId}`;
  return cursor.rowsWritten > 0 || isDeleted(sql, callId);
}

/** A page of calls, newest first, and how many there are in all. */
export function listCalls(
  sql: SqlStorage,
  filter: CallFilter,
  { limit, offset }: { limit: number; offset: number },
): { calls: LoggedCall[]; count: number } {
  const calls = exec<LoggedCall>(sql)`SELECT * FROM calls WHERE ${conditions(filter)}
    ORDER BY seq DESC LIMIT ${limit} OFFSET ${offset}`.toArray();
  return { calls, count: countCalls(sql, filter) };
}

function conditions({ agentId, phoneNumber, externalId, direction, status }: CallFilter): Part {
  const terms = [
    agentId && part`agent_id = ${agentId}`,
    phoneNumber && part`phone_number = ${phoneNumber}`,
    status && part`status = ${status}`,
    // SQLite takes a partial index only if its condition stands in the query.
    externalId !== undefined && part`external_id = ${externalId} AND external_id <> ''`,
    status && status !== "completed" && part`status <> 'completed'`,
    direction && (direction === "outbound" ? part`direction = 'outbound'` : part`direction = ${direction}`),
  ];
  return terms.reduce<Part>((all, term) => (term ? part`${all} AND ${term}` : all), part`TRUE`);
}

function countCalls(sql: SqlStorage, filter: CallFilter): number {
  const where = conditions(filter);
  const one = (from: Part) => exec<{ count: number }>(sql)`SELECT ${from}`.one().count;
  const isOver = filter.status !== undefined && !isLive(filter.status);
  const live = isOver
    ? 0
    : one(part`COUNT(*) AS count FROM calls INDEXED BY calls_not_completed
        WHERE ${where} AND status <> 'completed' AND status IN (${LIVE})`);
  if (filter.status !== undefined && isLive(filter.status)) return live;
  const { agentId, phoneNumber, externalId } = filter;
  const isTotal = agentId === undefined && phoneNumber === undefined && externalId === undefined;
  const of = isTotal ? part`${where} AND phone_number = ${TOTAL} AND agent_id = ${TOTAL}` : where;
  return live + one(part`COALESCE(SUM(count), 0) AS count FROM ended_counts WHERE ${of}`);
}

function count(sql: SqlStorage, call: LoggedCall, status: CallStatus, by: 1 | -1): void {
  const { agent_id: agentId, phone_number: phoneNumber, external_id: externalId, direction } = call;
  for (const [agent, number, external] of [
    [agentId ?? "", phoneNumber, externalId ?? ""],
    [TOTAL, TOTAL, ""],
  ] as const)
    exec(sql)`INSERT INTO ended_counts (agent_id, phone_number, external_id, direction, status, count)
      VALUES (${agent}, ${number}, ${external}, ${direction}, ${status}, ${by})
      ON CONFLICT DO UPDATE SET count = count + ${by}`;
}

/** Deletes a call that has ended, for its owner. What was counted for usage stays. */
export function deleteCall(sql: SqlStorage, call: LoggedCall, now: number): void {
  exec(sql)`INSERT OR IGNORE INTO deleted_calls (call_id, deleted_at) VALUES (${call.call_id}, ${now})`;
  forgetCall(sql, call);
}

function forgetCall(sql: SqlStorage, call: LoggedCall): void {
  exec(sql)`DELETE FROM calls WHERE seq = ${call.seq}`;
  if (!isLive(call.status)) count(sql, call, call.status, -1);
}

/** Deletes up to `limit` of the calls that were first heard of before. @returns how many */
export function forgetCalls(sql: SqlStorage, before: number, limit: number): number {
  const calls = exec<LoggedCall>(sql)`SELECT * FROM calls
    WHERE seq < ${before * PER_MS} ORDER BY seq LIMIT ${limit}`.toArray();
  for (const call of calls) forgetCall(sql, call);
  exec(sql)`DELETE FROM ended_counts WHERE count <= 0`;
  exec(sql)`DELETE FROM deleted_calls WHERE deleted_at < ${before}`;
  return calls.length;
}

/** Calls whose end Twilio has never told: they are over, and nobody knows how. */
export function endForgotten(sql: SqlStorage, before: number): void {
  const calls = exec<LoggedCall>(sql)`SELECT * FROM calls
    WHERE status <> 'completed' AND status IN (${LIVE}) AND seq < ${before * PER_MS} LIMIT 1000`.toArray();
  for (const call of calls) {
    exec(sql)`UPDATE calls SET status = 'completed', ended_at = created_at WHERE seq = ${call.seq}`;
    count(sql, call, "completed", 1);
  }
}

export function oldestCallAt(sql: SqlStorage): number | null {
  const { seq } = exec<{ seq: number | null }>(sql)`SELECT MIN(seq) AS seq FROM calls`.one();
  return seq === null ? null : Math.floor(seq / PER_MS);
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
    FROM calls WHERE seq > ${after} ORDER BY seq LIMIT ${limit}`.toArray();
}

export function replaceSealedCall(
  sql: SqlStorage,
  { seq, parties_sealed, transcript_sealed, outcome_sealed }: Omit<SealedCall, "call_id">,
): void {
  exec(sql)`UPDATE calls SET parties_sealed = ${parties_sealed}, transcript_sealed = ${transcript_sealed},
      outcome_sealed = ${outcome_sealed} WHERE seq = ${seq}`;
}
