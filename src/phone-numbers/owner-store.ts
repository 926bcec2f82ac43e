import { batch, first, run } from "../database.ts";
import type { Page } from "../http/page.ts";

// What the owner of a number sees and changes of it. Numbers whose import or release is not finished are not there.

/** A number as its owner sees it. */
export type OwnedNumber = {
  id: string;
  phone_number: string;
  agent_id: string | null;
  account_sid: string;
  twilio_number_sid: string;
  inbound_enabled: 0 | 1;
  outbound_enabled: 0 | 1;
  health: string;
  health_reasons: string;
  checked_at: string | null;
  first_inbound_at: string | null;
  last_inbound_at: string | null;
  created_at: string;
  updated_at: string;
};

const COLUMNS = `id, phone_number, agent_id, account_sid, twilio_number_sid, inbound_enabled, outbound_enabled, health,
  health_reasons, checked_at, first_inbound_at, last_inbound_at, created_at, updated_at`;

/** @throws StorageError */
export function findOwnNumber(
  db: D1Database,
  apiKeyId: string,
  phoneNumber: string,
): Promise<OwnedNumber | null> {
  return first<OwnedNumber>(
    db
      .prepare(
        `SELECT ${COLUMNS} FROM phone_numbers WHERE phone_number = ?2 AND api_key_id = ?1 AND state = 'active'`,
      )
      .bind(apiKeyId, phoneNumber),
  );
}

type NumberQuery = Page & { apiKeyId: string; agentId: string | undefined };

/** A page of a key's numbers, newest first, and how many there are, in one trip. @throws StorageError */
export async function listOwnNumbers(
  db: D1Database,
  { apiKeyId, agentId, limit, offset }: NumberQuery,
): Promise<{ rows: OwnedNumber[]; count: number }> {
  // A condition that is there or not, instead of one that holds for both: SQLite then reads the page off an index.
  const where = agentId === undefined ? "" : "AND agent_id = ?2";
  const [page, total] = await batch(db, [
    db
      .prepare(
        `SELECT ${COLUMNS} FROM phone_numbers WHERE api_key_id = ?1 ${where} AND state = 'active'
         ORDER BY created_at DESC, id DESC LIMIT ?3 OFFSET ?4`,
      )
      .bind(apiKeyId, agentId ?? null, limit, offset),
    db
      .prepare(
        `SELECT COUNT(*) AS count FROM phone_numbers WHERE api_key_id = ?1 ${where} AND state = 'active'`,
      )
      .bind(apiKeyId, ...(agentId === undefined ? [] : [agentId])),
  ]);
  return {
    rows: (page?.results ?? []) as OwnedNumber[],
    count: (total?.results[0] as { count: number } | undefined)?.count ?? 0,
  };
}

export type NumberChanges = {
  agentId?: string | undefined;
  inboundEnabled?: boolean | undefined;
  outboundEnabled?: boolean | undefined;
};

/** @returns false where the number is not there any more. @throws StorageError `dangling` where the agent is gone */
export async function changeNumber(
  db: D1Database,
  id: string,
  { agentId, inboundEnabled, outboundEnabled }: NumberChanges,
  now: string,
): Promise<boolean> {
  const flag = (value: boolean | undefined) => (value === undefined ? null : Number(value));
  const changed = await run(
    db
      .prepare(
        `UPDATE phone_numbers SET agent_id = COALESCE(?2, agent_id), inbound_enabled = COALESCE(?3, inbound_enabled),
           outbound_enabled = COALESCE(?4, outbound_enabled), updated_at = ?5
         WHERE id = ?1 AND state = 'active'`,
      )
      .bind(id, agentId ?? null, flag(inboundEnabled), flag(outboundEnabled), now),
  );
  return changed === 1;
}
