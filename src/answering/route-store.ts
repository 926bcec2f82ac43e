import { batch, first, type Preparable, part, sql } from "../database.ts";
import { WEBHOOK_URL } from "../events/address-store.ts";
import type { LimitColumns } from "../limits.ts";
import { LIMIT_COLUMNS } from "../limits-store.ts";
import type { SplitColumns } from "../parts.ts";
import type { OwnColumns } from "../phone-numbers/settings.ts";
import { checkSoon } from "../twilio-accounts/due-store.ts";
import type { AccountColumns, TwilioAccountRow } from "../twilio-accounts/row.ts";
import { CREDENTIALS, NUMBERS_AND_ACCOUNTS } from "../twilio-accounts/store.ts";

/** Everything we need to answer a call or a text. Includes the agent, so that a call costs one query. */
export type RouteRow = TwilioAccountRow &
  AccountColumns &
  LimitColumns &
  SplitColumns &
  OwnColumns & {
    api_key_id: string;
    phone_number: string;
    inbound_enabled: 0 | 1;
    channels: string;
    connect_link_id: string | null;
    last_inbound_at: string | null;
    agent_id: string | null;
    is_active: 0 | 1 | null;
    welcome_message: string | null;
    language: string | null;
    connect: string | null;
    fallback: string | null;
    record: 0 | 1 | null;
    webhook_url: string | null;
    system_prompt: string | null;
    voice_id: string | null;
    talk: string | null;
    relay_refused_at: string | null;
    account_reasons: string;
    /** JSON of what signs a question to the customer, if there is an `inbound_url`. */
    signing: string | null;
  };

// Whoever asks nobody reads no secret.
const SIGNING = part`CASE WHEN json_extract(n.settings, '$.inbound_url') IS NOT NULL OR json_extract(a.talk, '$.inbound_url') IS NOT NULL
  THEN (SELECT json_object('secret_sealed', secret_sealed, 'previous_secret_sealed', previous_secret_sealed)
    FROM webhook_secrets s WHERE s.api_key_id = n.api_key_id) END AS signing`;

const KEY = part`k.call_log_parts, k.outbox_parts, ${LIMIT_COLUMNS}`;

/** The route of a number; null if there is none. A number that is being imported has one too. @throws StorageError */
export function findRoute(db: Preparable, id: string): Promise<RouteRow | null> {
  return first<RouteRow>(sql(db)`SELECT n.api_key_id, n.twilio_account_id, t.account_sid, t.region,
      n.phone_number, n.inbound_enabled, n.channels, n.last_inbound_at, ${CREDENTIALS}, t.relay_refused_at, t.health_reasons AS account_reasons, a.id AS agent_id, a.is_active, a.welcome_message,
      a.language, a.connect, a.fallback, a.record, ${WEBHOOK_URL} AS webhook_url, a.system_prompt, a.voice_id, a.talk,
      n.external_id, n.label, n.metadata, n.connect_link_id, n.settings, ${SIGNING}, ${KEY}
    FROM ${NUMBERS_AND_ACCOUNTS} JOIN api_keys k ON k.id = n.api_key_id LEFT JOIN agents a ON a.id = n.agent_id
    WHERE n.id = ${id} AND n.state <> 'returning'`);
}

/** The same of a number that was released within a day: reports of its calls and texts still come. @throws StorageError */
export function findReleasedRoute(db: Preparable, id: string): Promise<RouteRow | null> {
  return first<RouteRow>(sql(db)`SELECT n.api_key_id, n.twilio_account_id, n.account_sid, n.region,
      n.phone_number, 0 AS inbound_enabled, '["voice","sms"]' AS channels, NULL AS last_inbound_at, n.api_key_sid,
      n.auth_token_sealed, n.previous_auth_token_sealed, n.auth_token_changed_at, n.signing_keys_sealed, NULL AS relay_refused_at, '[]' AS account_reasons, a.id AS agent_id,
      a.is_active, a.welcome_message, a.language, a.connect, a.fallback, a.record, ${WEBHOOK_URL} AS webhook_url,
      a.system_prompt, a.voice_id, a.talk, n.external_id, n.label, n.metadata, n.connect_link_id,
      NULL AS settings, NULL AS signing, ${KEY}
    FROM released_numbers n JOIN api_keys k ON k.id = n.api_key_id LEFT JOIN agents a ON a.id = n.agent_id
    WHERE n.id = ${id}`);
}

/** How often a sign of life is written, in milliseconds. The first is written at once. */
export const SIGN_OF_LIFE_MS = 60 * 60 * 1000;

/** A call or a text came in. Writes at most once an hour, however busy the number is. @throws StorageError */
export async function touchInbound(db: D1Database, id: string, now: Date): Promise<void> {
  const hourAgo = new Date(now.getTime() - SIGN_OF_LIFE_MS).toISOString();
  const time = now.toISOString();
  const touch = sql(db)`UPDATE phone_numbers SET first_inbound_at = COALESCE(first_inbound_at, ${time}),
      last_inbound_at = ${time}
    WHERE id = ${id} AND (last_inbound_at IS NULL OR last_inbound_at <= ${hourAgo})`;
  await batch(db, [touch, checkSoon(db, id, time)], { isIdempotent: true });
}
