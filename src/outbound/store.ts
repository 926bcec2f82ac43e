import type { Owner } from "../actor.ts";
import { selectIsActive } from "../agents/store.ts";
import { part, runIdempotent, sql } from "../database.ts";
import type { LimitColumns } from "../limits.ts";
import { selectLimits } from "../limits-store.ts";
import type { AccountColumns, TwilioAccountRow } from "../twilio-accounts/row.ts";
import { CREDENTIALS, NUMBERS_AND_ACCOUNTS } from "../twilio-accounts/store.ts";

/** A number that may call and text, and its account. */
export type SenderRow = TwilioAccountRow &
  AccountColumns & {
    id: string;
    phone_number: string;
    external_id: string | null;
    twilio_number_sid: string;
    messaging_service_sid: string | null;
    messaging_service_checked_at: string | null;
    outbound_enabled: 0 | 1;
  };

export type SenderRows = {
  agent: { is_active: 0 | 1 } | undefined;
  sender: SenderRow | undefined;
  key: LimitColumns | undefined;
};

const COLUMNS = part`n.id, n.phone_number, n.external_id, n.twilio_account_id, t.account_sid, t.region,
  n.outbound_enabled, n.twilio_number_sid, n.messaging_service_sid, n.messaging_service_checked_at,
  ${CREDENTIALS}`;

/**
 * Reads everything that a call or a text needs; {@link senderRows} understands the results.
 *
 * @param phoneNumber one of the agent's numbers; null: its first that may call, else its first
 */
export function selectSender(
  db: D1Database,
  owner: Owner,
  agentId: string,
  phoneNumber: string | null,
): D1PreparedStatement[] {
  const { apiKeyId, externalId } = owner;
  const ofOwner = externalId === null ? part`` : part` AND n.external_id = ${externalId}`;
  const own = part`SELECT ${COLUMNS} FROM ${NUMBERS_AND_ACCOUNTS}
    WHERE n.agent_id = ${agentId} AND n.api_key_id = ${apiKeyId} AND n.state = 'active'${ofOwner}`;
  const order = part`ORDER BY n.created_at, n.id LIMIT 1`;
  return [
    selectIsActive(db, owner, agentId),
    selectLimits(db, apiKeyId),
    ...(phoneNumber === null
      ? [sql(db)`${own} AND n.outbound_enabled = 1 ${order}`, sql(db)`${own} ${order}`]
      : [sql(db)`${own} AND n.phone_number = ${phoneNumber}`]),
  ];
}

export function senderRows([agents, keys, ...senders]: readonly D1Result[]): SenderRows {
  return {
    agent: agents?.results[0] as SenderRows["agent"],
    key: keys?.results[0] as SenderRows["key"],
    sender: senders.flatMap(({ results }) => results as SenderRow[])[0],
  };
}

/** Writes down which Messaging Service a number is in; null if it is in none. @throws StorageError */
export async function writeMessagingService(
  db: D1Database,
  phoneNumberId: string,
  sid: string | null,
  now: string,
): Promise<void> {
  await runIdempotent(sql(db)`UPDATE phone_numbers SET messaging_service_sid = ${sid},
      messaging_service_checked_at = ${now} WHERE id = ${phoneNumberId}`);
}
