import { exec, raw } from "../database.ts";
import { TABLES } from "./schema.ts";

/** Longer than what stands in its place when it is in R2. */
const LONG = 1_000;

type Found = { seq: number; call_id: string; transcript_sealed: string };

/** Transcripts of some length between two places, in order. */
export function findLongTranscripts(sql: SqlStorage, after: number, before: number, limit: number): Found[] {
  return exec<Found>(sql)`SELECT seq, call_id, transcript_sealed FROM talks JOIN calls USING (seq)
    WHERE seq > ${after} AND seq < ${before} AND length(transcript_sealed) > ${LONG}
    ORDER BY seq LIMIT ${limit}`.toArray();
}

/** Unless it has changed meanwhile. */
export function replaceTranscript(sql: SqlStorage, seq: number, before: string, after: string): void {
  exec(sql)`UPDATE talks SET transcript_sealed = ${after}
    WHERE seq = ${seq} AND transcript_sealed = ${before}`;
}

/** In all tables of the log. */
export function deleteEverything(sql: SqlStorage): void {
  const tables = TABLES.join("").matchAll(/CREATE TABLE (\w+)/g);
  for (const [, table = ""] of tables) exec(sql)`DELETE FROM ${raw(table)}`;
}
