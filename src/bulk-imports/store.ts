import { exec } from "../database.ts";
import type { ErrorBody } from "../http/error-handler.ts";
import type { Page } from "../http/page.ts";
import type { NumberGiven } from "../phone-numbers/schema.ts";
import type { Counts, Outcome, Plan, Result, SkipReason, StopReason } from "./job.ts";
import { OUTCOMES } from "./job.ts";

// The numbers and the Twilio accounts of a bulk import, in the SQLite of its object.

/** A number as the caller named it. */
export type NewNumber = {
  phoneNumber: string;
  /** Null if it is not known yet. */
  accountSid: string | null;
  agentId: string | null;
  own: NumberGiven;
};

/** What becomes known when a number is settled. */
export type Settled = {
  outcome: Outcome;
  reason?: SkipReason;
  error?: ErrorBody;
  plan?: Plan;
  twilioNumberSid?: string;
  /** Who answers it, if that may be another agent than the one that was asked for. */
  agentId?: string | null;
};

/** A number, for its attempt. */
export type Attempt = {
  phoneNumber: string;
  agentId: string | null;
  own: NumberGiven;
  attempts: number;
  startedAt: number;
};

export function insertNumber(
  sql: SqlStorage,
  { phoneNumber, accountSid, agentId, own }: NewNumber,
  skipped: SkipReason | null = null,
): number {
  return exec<{ position: number }>(sql)`INSERT INTO numbers
      (phone_number, account_sid, agent_id, requested_agent_id, external_id, own, outcome, reason)
    VALUES (${phoneNumber}, ${accountSid}, ${agentId}, ${agentId}, ${own.external_id ?? null},
      ${JSON.stringify(own)}, ${skipped && "skipped"}, ${skipped})
    RETURNING position`.one().position;
}

/** The account of numbers that named none. @returns their positions */
export function assignNumber(sql: SqlStorage, phoneNumber: string, accountSid: string): number[] {
  return exec<{ position: number }>(sql)`UPDATE numbers SET account_sid = ${accountSid}
    WHERE account_sid IS NULL AND phone_number = ${phoneNumber} AND outcome IS NULL
    RETURNING position`
    .toArray()
    .map(({ position }) => position);
}

type Waiting = { position: number; account_sid: string | null; next_attempt_at: number };

export function findWaiting(sql: SqlStorage): Waiting[] {
  return exec<Waiting>(sql)`SELECT position, account_sid, next_attempt_at FROM numbers
    WHERE outcome IS NULL ORDER BY position`.toArray();
}

/** Counts an attempt before it is made, so that whoever comes after a crash knows of it. */
export function beginAttempt(sql: SqlStorage, position: number, now: number): Attempt {
  type Row = {
    phone_number: string;
    agent_id: string | null;
    own: string;
    attempts: number;
    started_at: number;
  };
  const row = exec<Row>(sql)`UPDATE numbers SET attempts = attempts + 1,
      started_at = COALESCE(started_at, ${now}) WHERE position = ${position}
    RETURNING phone_number, agent_id, own, attempts, started_at`.one();
  return {
    phoneNumber: row.phone_number,
    agentId: row.agent_id,
    own: JSON.parse(row.own) as NumberGiven,
    attempts: row.attempts,
    startedAt: row.started_at,
  };
}

export function postpone(sql: SqlStorage, position: number, at: number): void {
  exec(sql)`UPDATE numbers SET next_attempt_at = ${at} WHERE position = ${position}`;
}

export function settle(sql: SqlStorage, position: number, settled: Settled, now: number): void {
  const { outcome, reason, error, plan, twilioNumberSid, agentId } = settled;
  if (agentId !== undefined) exec(sql)`UPDATE numbers SET agent_id = ${agentId} WHERE position = ${position}`;
  exec(sql)`UPDATE numbers SET outcome = ${outcome}, reason = ${reason ?? null},
      error = ${error ? JSON.stringify(error) : null}, plan = ${plan ? JSON.stringify(plan) : null},
      twilio_number_sid = ${twilioNumberSid ?? null}, settled_at = ${now}
    WHERE position = ${position}`;
}

/**
 * What waits of an account has failed for the same reason; what is under way comes to its own end.
 *
 * @param sid null stands for the numbers whose account nobody knows
 */
export function failAccount(
  sql: SqlStorage,
  sid: string | null,
  error: ErrorBody,
  underWay: readonly number[],
  now: number,
): void {
  exec(sql)`UPDATE numbers SET outcome = 'failed', error = ${JSON.stringify(error)}, settled_at = ${now}
    WHERE outcome IS NULL AND account_sid IS ${sid}
      AND position NOT IN (SELECT value FROM json_each(${JSON.stringify(underWay)}))`;
}

/** Nothing is begun any more; what is under way comes to its end. */
export function skipWaiting(
  sql: SqlStorage,
  reason: StopReason,
  underWay: readonly number[],
  now: number,
): void {
  exec(sql)`UPDATE numbers SET outcome = 'skipped', reason = ${reason}, settled_at = ${now}
    WHERE outcome IS NULL AND position NOT IN (SELECT value FROM json_each(${JSON.stringify(underWay)}))`;
}

/** What has failed, and what was never begun, waits again. */
export function reviveNumbers(sql: SqlStorage): void {
  exec(sql)`UPDATE numbers SET outcome = NULL, reason = NULL, error = NULL, attempts = 0, next_attempt_at = 0,
      settled_at = NULL
    WHERE outcome = 'failed' OR (outcome = 'skipped' AND reason <> 'duplicate')`;
}

export function countOutcomes(sql: SqlStorage): Counts {
  const counts = Object.fromEntries([...OUTCOMES, "waiting"].map((name) => [name, 0])) as Counts;
  const rows = exec<{ outcome: Outcome | null; count: number }>(sql)`SELECT outcome, COUNT(*) AS count
    FROM numbers GROUP BY outcome`;
  for (const { outcome, count } of rows) counts[outcome ?? "waiting"] = count;
  return counts;
}

/** How many were settled since a time, but for those that were skipped. */
export function countSettledSince(sql: SqlStorage, since: number): number {
  return exec<{ count: number }>(sql)`SELECT COUNT(*) AS count FROM numbers
    WHERE outcome IN ('imported', 'already_yours', 'failed', 'planned') AND settled_at >= ${since}`.one()
    .count;
}

type ResultRow = Omit<Result, "error" | "plan" | "twilio_sid"> & {
  account_sid: string | null;
  error: string | null;
  plan: string | null;
};

/** A page of results in the order of the numbers. */
export function listResults(
  sql: SqlStorage,
  outcome: Outcome | null,
  { limit, offset }: Page,
): { results: Result[]; count: number } {
  const rows = exec<ResultRow>(sql)`SELECT phone_number, account_sid, agent_id,
      requested_agent_id, external_id, twilio_number_sid, outcome, reason, error, plan
    FROM numbers WHERE ${outcome} IS NULL OR outcome = ${outcome} ORDER BY position
    LIMIT ${limit} OFFSET ${offset}`.toArray();
  const { count } = exec<{ count: number }>(sql)`SELECT COUNT(*) AS count FROM numbers
    WHERE ${outcome} IS NULL OR outcome = ${outcome}`.one();
  const results = rows.map(({ account_sid, error, plan, ...row }) => ({
    ...row,
    twilio_sid: account_sid,
    error: error === null ? null : (JSON.parse(error) as ErrorBody),
    plan: plan === null ? null : (JSON.parse(plan) as Plan),
  }));
  return { results, count };
}
