import { payloadSlot } from "../events/event.ts";
import { webhookSecretSlot } from "../events/secret.ts";
import { responseSlot } from "../http/idempotency.ts";
import { previousConfigurationSlot } from "../phone-numbers/previous-configuration.ts";
import { credentialSlot } from "../twilio-accounts/credential.ts";
import type { Slot } from "../vault/vault.ts";

/** A column that holds sealed values. */
export type SealedColumn = {
  table: string;
  column: string;
  /** The columns of its primary key. */
  key: readonly string[];
  slot: (...key: string[]) => Slot;
};

/** @param columns sealed the same way */
const sealed = (
  table: string,
  columns: readonly string[],
  slot: SealedColumn["slot"],
  key: readonly string[] = ["id"],
): SealedColumn[] => columns.map((column) => ({ table, column, key, slot }));

const CREDENTIALS = ["auth_token_sealed", "previous_auth_token_sealed", "signing_keys_sealed"];

/** All sealed columns. A test compares this list with the names in the database. */
export const SEALED_COLUMNS: readonly SealedColumn[] = [
  ...sealed("twilio_accounts", CREDENTIALS, (id = "") => credentialSlot({ id })),
  ...sealed("released_numbers", CREDENTIALS, (_, id = "") => credentialSlot({ id }), [
    "id",
    "twilio_account_id",
  ]),
  ...sealed("phone_numbers", ["previous_configuration_sealed"], (id = "") => previousConfigurationSlot(id)),
  ...sealed(
    "webhook_secrets",
    ["secret_sealed", "previous_secret_sealed"],
    (id = "") => webhookSecretSlot(id),
    ["api_key_id"],
  ),
  ...sealed("pending_events", ["payload_sealed"], (_key, _time, id = "") => payloadSlot(id), [
    "api_key_id",
    "created_at",
    "id",
  ]),
  ...sealed(
    "idempotency_keys",
    ["response_sealed"],
    (apiKeyId = "", key = "") => responseSlot({ apiKeyId, key }),
    ["api_key_id", "key"],
  ),
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
