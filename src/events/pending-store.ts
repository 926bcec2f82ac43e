import { all, type Part, part, runIdempotent, sql } from "../database.ts";
import { keyAndAgent, SOME_AGENT_HAS, WEBHOOK_URL } from "./address-store.ts";
import { isOfKey, type SealedEvent } from "./event.ts";

/**
 * The state that an event speaks of, as SQL: of a number, an account, a connect link or the key `k`, and the statement that makes it so has
 * the same words. Or none of D1's, because Twilio or a call log told us.
 */
export type StateTold =
  | { number: Part }
  | { account: Part }
  | { link: Part }
  | { key: Part }
  | "told_by_twilio"
  | "told_by_call_log";

/**
 * Statement for a batch: keeps an event until its outbox has it, if there is a webhook_url to send it to.
 *
 * @param told it is kept only if this is so in the transaction of the batch, which is the one that makes the event true
 */
export function insertPending(db: D1Database, event: SealedEvent, told: StateTold): D1PreparedStatement {
  return sql(db)`INSERT INTO pending_events (id, api_key_id, agent_id, lane, external_id, type,
      actor, payload_sealed, created_at)
    SELECT ${event.id}, ${event.apiKeyId}, ${event.agentId}, ${event.lane}, ${event.externalId}, ${event.type},
      ${event.actor}, ${event.payloadSealed}, ${event.createdAt}
    FROM ${keyAndAgent(event.apiKeyId, event.agentId)}
      AND (${WEBHOOK_URL} IS NOT NULL OR ${Number(isOfKey(event.type))} AND ${SOME_AGENT_HAS}) AND ${holds(told)}
    ON CONFLICT DO NOTHING`;
}

function holds(told: StateTold): Part {
  if (typeof told === "string") return part`1`;
  if ("key" in told) return told.key;
  if ("number" in told) return part`EXISTS (SELECT 1 FROM phone_numbers WHERE ${told.number})`;
  if ("link" in told) return part`EXISTS (SELECT 1 FROM connect_links WHERE ${told.link})`;
  return part`EXISTS (SELECT 1 FROM twilio_accounts WHERE ${told.account})`;
}

/** Which event waits: the key of its row. */
export type Waiting = Pick<SealedEvent, "apiKeyId" | "createdAt" | "id">;

const COLUMNS = part`p.id, p.api_key_id AS apiKeyId, p.agent_id AS agentId, p.lane,
  p.external_id AS externalId, p.type, p.actor,
  p.payload_sealed AS payloadSealed, p.created_at AS createdAt`;

/**
 * Up to `limit` events that no outbox has yet: those of each API key in the order in which they happened, and a share of each
 * key, so that none waits behind another's.
 *
 * @throws StorageError
 */
export function listPending(db: D1Database, limit: number): Promise<Waiting[]> {
  return all(sql(db)`SELECT id, api_key_id AS apiKeyId, created_at AS createdAt FROM pending_events
    ORDER BY ROW_NUMBER() OVER (PARTITION BY api_key_id ORDER BY created_at, id) LIMIT ${limit}`);
}

/** Events that no outbox has yet. @throws StorageError */
export function findPending(db: D1Database, waiting: readonly Waiting[]): Promise<SealedEvent[]> {
  return all<SealedEvent>(sql(db)`SELECT ${COLUMNS} FROM json_each(${JSON.stringify(waiting)}) w
    JOIN pending_events p ON p.api_key_id = w.value ->> 'apiKeyId' AND p.created_at = w.value ->> 'createdAt'
      AND p.id = w.value ->> 'id'`);
}

/** The first events of an API key that no outbox has yet, in the order in which they happened. @throws StorageError */
export function findPendingOf(db: D1Database, apiKeyId: string, limit: number): Promise<SealedEvent[]> {
  return all<SealedEvent>(sql(db)`SELECT ${COLUMNS} FROM pending_events p WHERE p.api_key_id = ${apiKeyId}
    ORDER BY p.created_at, p.id LIMIT ${limit}`);
}

/** @throws StorageError */
export async function deletePending(db: D1Database, taken: readonly Waiting[]): Promise<void> {
  const keys = JSON.stringify(taken.map(({ apiKeyId, createdAt, id }) => ({ apiKeyId, createdAt, id })));
  await runIdempotent(
    sql(db)`DELETE FROM pending_events WHERE (api_key_id, created_at, id) IN
      (SELECT value ->> 'apiKeyId', value ->> 'createdAt', value ->> 'id' FROM json_each(${keys}))`,
  );
}

/** Statement that deletes those of an API key. */
export function deletePendingOf(db: D1Database, apiKeyId: string): D1PreparedStatement {
  return sql(db)`DELETE FROM pending_events WHERE api_key_id = ${apiKeyId}`;
}
