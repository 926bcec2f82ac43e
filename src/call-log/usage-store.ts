import { exec, part, raw } from "../database.ts";
import type { DailyLimits } from "../limits.ts";
import { dayOf, HOUR_MS } from "../time.ts";
import { COUNTERS, type Kind, type LaterTurns, planTake, type Taken } from "./allowance.ts";
import { liveSince, type TextCounter, type UsageDay } from "./call.ts";

type Counter = Exclude<keyof UsageDay, "day">;

/** What counts towards the limits of a day; see schema.ts. */
const OF_THE_KEY = "";

/** @param externalId of the number of the call or text; null: none, or it is counted for the key as a whole */
export function addToDay(
  sql: SqlStorage,
  time: number,
  counts: Partial<Record<Counter, number>>,
  externalId: string | null = null,
): void {
  const entries = Object.entries(counts);
  if (entries.length === 0) return;
  const columns = entries.reduce((all, [name]) => part`${all}, ${raw(name)}`, part``);
  const values = entries.reduce((all, [, by]) => part`${all}, ${by}`, part``);
  const sums = entries
    .map(([name]) => part`${raw(name)} = ${raw(name)} + excluded.${raw(name)}`)
    .reduce((all, sum) => part`${all}, ${sum}`);
  exec(sql)`INSERT INTO days (day, external_id${columns})
    VALUES (${dayOf(time)}, ${externalId ?? OF_THE_KEY}${values})
    ON CONFLICT (day, external_id) DO UPDATE SET ${sums}`;
}

/**
 * Takes so many of a kind, if the day's limits allow it.
 *
 * @param tokens that were used for them
 * @param ahead answers of the model that are used and not yet written
 */
export function takeToday(
  sql: SqlStorage,
  kind: Kind,
  limits: DailyLimits,
  now: number,
  { count = 1, tokens = 0, ahead = 0 } = {},
): Taken {
  // One row, however many external ids the day has.
  const [today] = exec<UsageDay>(sql)`SELECT * FROM days
    WHERE day = ${dayOf(now)} AND external_id = ${OF_THE_KEY}`.toArray();
  const taken = planTake(kind, { ...today, turns: (today?.turns ?? 0) + ahead }, limits, now, count);
  if (taken.kind === "taken") {
    const counts = Object.fromEntries(COUNTERS[kind].map((counter) => [counter, count]));
    addToDay(sql, now, { ...counts, ...(tokens > 0 && { tokens }) });
  }
  return taken;
}

/** Counts tokens. @returns what becomes of the answers that are counted with them */
export function addTokens(sql: SqlStorage, tokens: number, call: LaterTurns | undefined, now: number) {
  if (call) return takeToday(sql, "next_turn", call.limits, now, { count: call.turns, tokens });
  addToDay(sql, now, { tokens });
  return null;
}

/** A machine that texts from many numbers is not answered without end. */
const MAX_REPLIES_PER_HOUR = 300;

/** Counts an answer of a number. @returns something if it has answered as many texts in this hour as it may */
export function crowdOf(sql: SqlStorage, phoneNumber: string, now: number): { isNews: boolean } | null {
  const { count } = exec<{ count: number }>(sql)`INSERT INTO replies
    VALUES (${phoneNumber}, ${Math.floor(now / HOUR_MS)}, 1)
    ON CONFLICT DO UPDATE SET count = count + 1 RETURNING count`.one();
  return count > MAX_REPLIES_PER_HOUR ? { isNews: count <= 2 * MAX_REPLIES_PER_HOUR } : null;
}

/** Counts a text, once however often it is told. */
export function countText(
  sql: SqlStorage,
  sid: string,
  externalId: string | null,
  counter: TextCounter,
  now: number,
): void {
  const cursor = exec(sql)`INSERT OR IGNORE INTO texts (sid, counted_at) VALUES (${sid}, ${now})`;
  if (cursor.rowsWritten > 0) addToDay(sql, now, { [counter]: 1 }, externalId);
}

export function isCounted(sql: SqlStorage, sid: string): boolean {
  return exec(sql)`SELECT 1 FROM texts WHERE sid = ${sid}`.toArray().length > 0;
}

const SUMS = part`SUM(inbound) AS inbound, SUM(outbound) AS outbound, SUM(seconds) AS seconds,
  SUM(received) AS received, SUM(sent) AS sent, SUM(placed) AS placed, SUM(texted) AS texted,
  SUM(turns) AS turns, SUM(tries) AS tries, SUM(tokens) AS tokens`;

/**
 * Days with anything in them, the oldest first. A call is written into its day at its end; those that run are added.
 *
 * @param since and `until`: `YYYY-MM-DD`, both included
 * @param ahead answers of the model today that are not written yet
 * @param externalId only of the numbers that had it; undefined: all
 */
export function findDays(
  sql: SqlStorage,
  since: string,
  until: string,
  now: number,
  ahead: number,
  externalId?: string,
): UsageDay[] {
  const ofNumbers = externalId === undefined ? part`` : part`AND external_id = ${externalId}`;
  return exec<UsageDay>(sql)`SELECT day, ${SUMS} FROM (SELECT * FROM days
      UNION ALL SELECT date(created_at / 1000, 'unixepoch'), COALESCE(external_id, ${OF_THE_KEY}),
        direction = 'inbound', direction = 'outbound', 0, 0, 0, 0, 0, 0, 0, 0
      FROM calls WHERE seq > ${liveSince(now)} AND ended_at IS NULL
      UNION ALL SELECT ${dayOf(now)}, ${OF_THE_KEY}, 0, 0, 0, 0, 0, 0, 0, ${ahead}, 0, 0 WHERE ${ahead} > 0)
    WHERE day >= ${since} AND day <= ${until} ${ofNumbers} GROUP BY day ORDER BY day`.toArray();
}

/** Forgets what is no longer asked for. */
export function forgetUsage(sql: SqlStorage, textsBefore: number, daysBefore: number): void {
  exec(sql)`DELETE FROM texts WHERE counted_at < ${textsBefore}`;
  exec(sql)`DELETE FROM days WHERE day < ${dayOf(daysBefore)}`;
  exec(sql)`DELETE FROM replies WHERE hour < ${Math.floor(textsBefore / HOUR_MS)}`;
}

export function hasUsage(sql: SqlStorage): boolean {
  return exec(sql)`SELECT 1 FROM days LIMIT 1`.toArray().length > 0;
}
