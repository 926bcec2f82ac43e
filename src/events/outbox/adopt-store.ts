import type { EventType } from "../event.ts";
import { type DeliveryState, firstSeqAt } from "./store.ts";

/** An event as D1 held it, before there were outboxes. Times as there. */
export type FormerEvent = {
  id: string;
  agent_id: string;
  type: EventType;
  payload_sealed: string;
  state: DeliveryState;
  attempts_left: number;
  created_at: string;
  updated_at: string;
  /** JSON: [{at, status, error, ms}], as here. */
  attempts: string;
};

/** Puts it at its time among the others. What is pending is due at once. */
export function insertFormerEvent(sql: SqlStorage, event: FormerEvent, now: number): void {
  const { state, created_at, updated_at } = event;
  let seq = firstSeqAt(Date.parse(created_at));
  while (sql.exec("SELECT 1 FROM events WHERE seq = ?", seq).toArray().length > 0) seq += 1;
  sql.exec(
    `INSERT INTO events (seq, id, agent_id, lane, type, state, attempts_left, next_attempt_at, queued_at, attempts, created_at,
       updated_at, payload_sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
    seq,
    event.id,
    event.agent_id,
    event.agent_id,
    event.type,
    state,
    event.attempts_left,
    state === "pending" ? now : null,
    now,
    event.attempts,
    Date.parse(created_at),
    Date.parse(updated_at),
    event.payload_sealed,
  );
}
