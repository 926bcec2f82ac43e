import { uncount } from "../../counted-store.ts";
import { exec, type Part, part } from "../../database.ts";
import { firstSeqAt } from "./store.ts";

// What becomes of events in the end.

// What happened to a number itself is rare, and found by an index.
const ARCHIVABLE = part`state = 'delivered' AND NOT (type >= 'number.' AND type < 'number/')`;

/** Puts up to `limit` delivered events from before into one row, without their bodies. @returns how many */
export function archive(storage: DurableObjectStorage, before: number, limit: number): number {
  const found = part`FROM events WHERE seq < ${firstSeqAt(before)} AND ${ARCHIVABLE} ORDER BY seq LIMIT ${limit}`;
  const { sql } = storage;
  exec(sql)`INSERT INTO delivered (seq, count, lines)
    SELECT MAX(seq), COUNT(*), json_group_array(json_array(seq, id, type, agent_id, external_id, actor, queued_at,
      created_at, updated_at, attempts)) FROM (SELECT * ${found}) HAVING COUNT(*) > 0`;
  return deleteEvents(storage, found);
}

/** Deletes up to `limit` settled events from before. @returns how many */
export function forgetEvents(storage: DurableObjectStorage, before: number, limit: number): number {
  const settled = part`FROM events WHERE seq < ${firstSeqAt(before)} AND state <> 'pending'`;
  return deleteEvents(storage, part`${settled} ORDER BY seq LIMIT ${limit}`);
}

function deleteEvents(storage: DurableObjectStorage, found: Part): number {
  const { sql } = storage;
  const gone = exec<{ seq: number }>(sql)`DELETE FROM events
    WHERE seq IN (SELECT seq ${found}) RETURNING seq`.toArray();
  const seqs = gone.map(({ seq }) => seq);
  uncount(storage, seqs);
  return seqs.length;
}

/** The same for what is kept of delivered ones; `limit` is of rows. */
export function forgetDelivered(sql: SqlStorage, before: number, limit: number): number {
  return exec(sql)`DELETE FROM delivered WHERE seq IN (
      SELECT seq FROM delivered WHERE seq < ${firstSeqAt(before)} ORDER BY seq LIMIT ${limit}) RETURNING 1`.toArray()
    .length;
}

/** The places of the oldest that there are; null: none. */
export function findOldest(sql: SqlStorage) {
  type Oldest = { archivable: number | null; event: number | null; delivered: number | null };
  return exec<Oldest>(sql)`SELECT
      (SELECT seq FROM events WHERE ${ARCHIVABLE} ORDER BY seq LIMIT 1) AS archivable,
      (SELECT MIN(seq) FROM events) AS event, (SELECT MIN(seq) FROM delivered) AS delivered`.one();
}
