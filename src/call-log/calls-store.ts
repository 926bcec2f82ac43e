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

const PER_MS = 1024;
/** The row of ended_counts that counts all calls of the key. */
const TOTAL = "*";
const LIVE = LIVE_STATUSES.map((status) => `'${status}'`).join(", ");

export function getCall(sql: SqlStorage, callId: string): LoggedCall | null {
  const [row] = sql.exec<LoggedCall>("SELECT * FROM calls WHERE call_id = ?1", callId).toArray();
  return row ?? null;
}

/** Writes down what was reported, once however often it is. */
export function putReport(sql: SqlStorage, report: CallReport, now: number): void {
  const known = getCall(sql, report.callId);
  if (known) changeCall(sql, known, report, now);
  else if (!isDeleted(sql, report.callId)) insertCall(sql, report, now);
}

function insertCall(sql: SqlStorage, report: CallReport, now: number): void {
  const last = sql.exec<{ seq: number }>("SELECT COALESCE(MAX(seq), 0) AS seq FROM calls").one().seq;
  const answeredAt = report.status === "in-progress" ? now : null;
  sql.exec(
    `INSERT INTO calls (seq, call_id, agent_id, phone_number_id, phone_number, account_sid, region, direction, status,
       created_at, answered_at, parties_sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    Math.max(now * PER_MS, last + 1),
    report.callId,
    report.agentId,
    report.phoneNumberId,
    report.phoneNumber,
    report.account.accountSid,
    report.account.region,
    report.direction,
    isLive(report.status) ? report.status : "initiated",
    now,
    answeredAt,
    report.partiesSealed,
  );
  addToDay(sql, now, report.direction, 1);
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
  sql.exec(
    `UPDATE calls SET status = ?2, ended_reason = ?3, ended_at = ?4, answered_at = ?5, duration_seconds = ?6,
       transcript_sealed = COALESCE(transcript_sealed, ?7) WHERE call_id = ?1`,
    known.call_id,
    status,
    ended_reason,
    endedAt,
    answeredAt,
    seconds,
    report.transcriptSealed,
  );
  const more = (seconds ?? 0) - (known.duration_seconds ?? 0);
  if (more > 0) addToDay(sql, known.created_at, "seconds", more);
  if (!isOver || status === known.status) return;
  if (!isLive(known.status)) count(sql, known, known.status, -1);
  count(sql, known, status, 1);
}

/** @returns false if the call is not known yet */
export function putRecording(sql: SqlStorage, callId: string, recordingSid: string): boolean {
  const cursor = sql.exec("UPDATE calls SET recording_sid = ?2 WHERE call_id = ?1", callId, recordingSid);
  return cursor.rowsWritten > 0 || isDeleted(sql, callId);
}

/** A page of calls, newest first, and how many there are in all. */
export function listCalls(
  sql: SqlStorage,
  filter: CallFilter,
  { limit, offset }: { limit: number; offset: number },
): { calls: LoggedCall[]; count: number } {
  const { where, values } = conditions(filter);
  const calls = sql
    .exec<LoggedCall>(
      `SELECT * FROM calls ${where} ORDER BY seq DESC LIMIT ? OFFSET ?`,
      ...values,
      limit,
      offset,
    )
    .toArray();
  return { calls, count: countCalls(sql, filter) };
}

const COLUMNS = {
  agentId: "agent_id",
  phoneNumber: "phone_number",
  direction: "direction",
  status: "status",
} as const satisfies Record<keyof CallFilter, string>;

function conditions(filter: CallFilter): { where: string; values: string[] } {
  const given = Object.entries(filter).filter(
    (entry): entry is [keyof CallFilter, string] => entry[1] !== undefined,
  );
  const terms = given.map(([name]) => `${COLUMNS[name]} = ?`);
  const values = given.map(([, value]) => value);
  // SQLite takes a partial index only if its condition stands in the query.
  if (filter.status !== undefined && filter.status !== "completed") terms.push("status <> 'completed'");
  const direction = terms.indexOf("direction = ?");
  if (filter.direction === "outbound") {
    terms[direction] = "direction = 'outbound'";
    values.splice(direction, 1);
  }
  return { where: terms.length > 0 ? `WHERE ${terms.join(" AND ")}` : "", values };
}

function countCalls(sql: SqlStorage, filter: CallFilter): number {
  const { where, values } = conditions(filter);
  const and = where === "" ? "WHERE" : `${where} AND`;
  const isOver = filter.status !== undefined && !isLive(filter.status);
  const live = isOver
    ? 0
    : sql
        .exec<{ count: number }>(
          `SELECT COUNT(*) AS count FROM calls INDEXED BY calls_not_completed ${and} status <> 'completed' AND status IN (${LIVE})`,
          ...values,
        )
        .one().count;
  if (filter.status !== undefined && isLive(filter.status)) return live;
  const isTotal = filter.agentId === undefined && filter.phoneNumber === undefined;
  const of = isTotal ? `${and} phone_number = '${TOTAL}' AND agent_id = '${TOTAL}'` : where;
  const ended = sql
    .exec<{ count: number }>(`SELECT COALESCE(SUM(count), 0) AS count FROM ended_counts ${of}`, ...values)
    .one().count;
  return live + ended;
}

function count(sql: SqlStorage, call: LoggedCall, status: CallStatus, by: 1 | -1): void {
  const { agent_id: agentId, phone_number: phoneNumber, direction } = call;
  for (const [agent, number] of [
    [agentId ?? "", phoneNumber],
    [TOTAL, TOTAL],
  ] as const)
    sql.exec(
      `INSERT INTO ended_counts (agent_id, phone_number, direction, status, count) VALUES (?1, ?2, ?3, ?4, ?5)
       ON CONFLICT DO UPDATE SET count = count + ?5`,
      agent,
      number,
      direction,
      status,
      by,
    );
}

/** Deletes a call that has ended, for its owner. What was counted for usage stays. */
export function deleteCall(sql: SqlStorage, call: LoggedCall, now: number): void {
  sql.exec("INSERT OR IGNORE INTO deleted_calls (call_id, deleted_at) VALUES (?1, ?2)", call.call_id, now);
  forgetCall(sql, call);
}

function forgetCall(sql: SqlStorage, call: LoggedCall): void {
  sql.exec("DELETE FROM calls WHERE seq = ?1", call.seq);
  if (!isLive(call.status)) count(sql, call, call.status, -1);
}

/** Deletes up to `limit` of the calls that were first heard of before. @returns how many */
export function forgetCalls(sql: SqlStorage, before: number, limit: number): number {
  const calls = sql
    .exec<LoggedCall>("SELECT * FROM calls WHERE seq < ?1 ORDER BY seq LIMIT ?2", before * PER_MS, limit)
    .toArray();
  for (const call of calls) forgetCall(sql, call);
  sql.exec("DELETE FROM ended_counts WHERE count <= 0");
  sql.exec("DELETE FROM deleted_calls WHERE deleted_at < ?1", before);
  return calls.length;
}

/** Calls whose end Twilio has never told: they are over, and nobody knows how. */
export function endForgotten(sql: SqlStorage, before: number): void {
  const calls = sql
    .exec<LoggedCall>(
      `SELECT * FROM calls WHERE status <> 'completed' AND status IN (${LIVE}) AND seq < ?1 LIMIT 1000`,
      before * PER_MS,
    )
    .toArray();
  for (const call of calls) {
    sql.exec("UPDATE calls SET status = 'completed', ended_at = created_at WHERE seq = ?1", call.seq);
    count(sql, call, "completed", 1);
  }
}

export function oldestCallAt(sql: SqlStorage): number | null {
  const { seq } = sql.exec<{ seq: number | null }>("SELECT MIN(seq) AS seq FROM calls").one();
  return seq === null ? null : Math.floor(seq / PER_MS);
}

function isDeleted(sql: SqlStorage, callId: string): boolean {
  return sql.exec("SELECT 1 FROM deleted_calls WHERE call_id = ?1", callId).toArray().length > 0;
}

/** Sealed values behind a place, in order. */
export function findSealedCalls(sql: SqlStorage, after: number, limit: number) {
  return sql
    .exec<Pick<LoggedCall, "seq" | "call_id" | "parties_sealed" | "transcript_sealed">>(
      "SELECT seq, call_id, parties_sealed, transcript_sealed FROM calls WHERE seq > ?1 ORDER BY seq LIMIT ?2",
      after,
      limit,
    )
    .toArray();
}

export function replaceSealedCall(
  sql: SqlStorage,
  seq: number,
  parties: string,
  transcript: string | null,
): void {
  sql.exec(
    "UPDATE calls SET parties_sealed = ?2, transcript_sealed = ?3 WHERE seq = ?1",
    seq,
    parties,
    transcript,
  );
}
