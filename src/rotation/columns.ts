import { payloadSlot } from "../events/event.ts";
import { webhookSecretSlot } from "../events/secret.ts";
import { responseSlot } from "../http/idempotency.ts";
import { previousConfigurationSlot } from "../phone-numbers/previous-configuration.ts";
import { authTokenSlot } from "../twilio-accounts/auth-token.ts";
import type { Slot } from "../vault/vault.ts";

/** A column that holds sealed values. */
export type SealedColumn = {
  table: string;
  column: string;
  /** The columns of its primary key. */
  key: readonly string[];
  slot: (...key: string[]) => Slot;
};

const tokenSlot = (id = "") => authTokenSlot({ id });
const response = (apiKeyId = "", key = "") => responseSlot({ apiKeyId, key });

/** All sealed columns. A test compares this list with the names in the database. */
export const SEALED_COLUMNS: readonly SealedColumn[] = [
  {
    table: "twilio_accounts",
    column: "auth_token_sealed",
    key: ["id"],
    slot: tokenSlot,
  },
  {
    table: "twilio_accounts",
    column: "previous_auth_token_sealed",
    key: ["id"],
    slot: tokenSlot,
  },
  ...["auth_token_sealed", "previous_auth_token_sealed"].map((column) => ({
    table: "released_numbers",
    column,
    key: ["id", "twilio_account_id"],
    slot: (_?: string, accountId?: string) => tokenSlot(accountId),
  })),
  {
    table: "phone_numbers",
    column: "previous_configuration_sealed",
    key: ["id"],
    slot: (id = "") => previousConfigurationSlot(id),
  },
  {
    table: "webhook_secrets",
    column: "secret_sealed",
    key: ["api_key_id"],
    slot: (id = "") => webhookSecretSlot(id),
  },
  {
    table: "webhook_secrets",
    column: "previous_secret_sealed",
    key: ["api_key_id"],
    slot: (id = "") => webhookSecretSlot(id),
  },
  {
    table: "pending_events",
    column: "payload_sealed",
    key: ["id"],
    slot: (id = "") => payloadSlot(id),
  },
  { table: "idempotency_keys", column: "response_sealed", key: ["api_key_id", "key"], slot: response },
];

/** Statements that count the stored values of each sealing key, for `npm run vault:status`. */
export function statusStatements(): string[] {
  return SEALED_COLUMNS.map(
    ({ table, column }) =>
      `SELECT '${table}.${column}' AS sealed, substr(${column}, 4, instr(substr(${column}, 4), '.') - 1) AS key_id, ` +
      `COUNT(*) AS count FROM ${table} WHERE ${column} IS NOT NULL GROUP BY key_id`,
  );
}

/** What the events in all outboxes, and the calls in all call logs, are called among the columns. */
export const OUTBOXES = "event_outboxes.payload_sealed";
export const CALL_LOGS = "call_logs.parties_and_transcripts";

/** A statement that tells how far the objects have been gone through: no row for those that the cron has not begun. */
export function objectsStatus(): string {
  return (
    "SELECT column_name, key_id, done_at, found, (SELECT COUNT(*) FROM api_keys WHERE id <= COALESCE(json_extract(position, '$[0]'), '')) " +
    `AS passed, (SELECT COUNT(*) FROM api_keys) AS keys FROM reseal_progress WHERE column_name IN ('${OUTBOXES}', '${CALL_LOGS}')`
  );
}
