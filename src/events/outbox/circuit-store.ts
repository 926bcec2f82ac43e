import { exec } from "../../database.ts";
import type { Circuit } from "./circuit.ts";

export function readCircuits(sql: SqlStorage): Map<string, Circuit> {
  type Row = { url: string; failures: number; open_until: number };
  const rows = exec<Row>(sql)`SELECT url, failures, open_until FROM circuits`.toArray();
  return new Map(rows.map(({ url, failures, open_until }) => [url, { failures, openUntil: open_until }]));
}

/** Only circuits that have opened are kept. */
export function writeCircuit(sql: SqlStorage, url: string, { failures, openUntil }: Circuit): void {
  exec(sql)`INSERT INTO circuits (url, failures, open_until) VALUES (${url}, ${failures}, ${openUntil})
    ON CONFLICT (url) DO UPDATE SET failures = excluded.failures, open_until = excluded.open_until`;
}

export function deleteCircuit(sql: SqlStorage, url: string): void {
  exec(sql)`DELETE FROM circuits WHERE url = ${url}`;
}

export function deleteOldCircuits(sql: SqlStorage, before: number): void {
  exec(sql)`DELETE FROM circuits WHERE open_until < ${before}`;
}
