import type { Circuit } from "./circuit.ts";

export function readCircuits(sql: SqlStorage): Map<string, Circuit> {
  type Row = { url: string; failures: number; open_until: number };
  const rows = sql.exec<Row>("SELECT url, failures, open_until FROM circuits").toArray();
  return new Map(rows.map(({ url, failures, open_until }) => [url, { failures, openUntil: open_until }]));
}

/** Only circuits that have opened are kept. */
export function writeCircuit(sql: SqlStorage, url: string, { failures, openUntil }: Circuit): void {
  sql.exec(
    `INSERT INTO circuits (url, failures, open_until) VALUES (?1, ?2, ?3)
     ON CONFLICT (url) DO UPDATE SET failures = ?2, open_until = ?3`,
    url,
    failures,
    openUntil,
  );
}

export function deleteCircuit(sql: SqlStorage, url: string): void {
  sql.exec("DELETE FROM circuits WHERE url = ?", url);
}

export function deleteOldCircuits(sql: SqlStorage, before: number): void {
  sql.exec("DELETE FROM circuits WHERE open_until < ?", before);
}
