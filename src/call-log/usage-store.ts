import type { UsageDay } from "./call.ts";

type Counter = Exclude<keyof UsageDay, "day">;

const dayOf = (time: number): string => new Date(time).toISOString().slice(0, "2026-01-31".length);

export function addToDay(sql: SqlStorage, time: number, counter: Counter, by: number): void {
  sql.exec(
    `INSERT INTO days (day, ${counter}) VALUES (?1, ?2) ON CONFLICT (day) DO UPDATE SET ${counter} = ${counter} + ?2`,
    dayOf(time),
    by,
  );
}

/** Counts a text, once however often it is told. */
export function countText(sql: SqlStorage, sid: string, counter: "received" | "sent", now: number): void {
  const cursor = sql.exec("INSERT OR IGNORE INTO texts (sid, counted_at) VALUES (?1, ?2)", sid, now);
  if (cursor.rowsWritten > 0) addToDay(sql, now, counter, 1);
}

/** Days with anything in them, the oldest first. @param since and `until`: `YYYY-MM-DD`, both included */
export function findDays(sql: SqlStorage, since: string, until: string): UsageDay[] {
  return sql
    .exec<UsageDay>("SELECT * FROM days WHERE day >= ?1 AND day <= ?2 ORDER BY day", since, until)
    .toArray();
}

/** Forgets what is no longer asked for. */
export function forgetUsage(sql: SqlStorage, textsBefore: number, daysBefore: number): void {
  sql.exec("DELETE FROM texts WHERE counted_at < ?1", textsBefore);
  sql.exec("DELETE FROM days WHERE day < ?1", dayOf(daysBefore));
}

export function hasUsage(sql: SqlStorage): boolean {
  return sql.exec("SELECT 1 FROM days LIMIT 1").toArray().length > 0;
}
