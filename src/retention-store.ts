import { readBatch, runIdempotent, sql } from "./database.ts";

/**
 * What is forgotten, and how many days after its time. `?1` is the time before which it goes, `?2` how many rows go at
 * once. The log uses these names.
 */
export const RETENTION = {
  // Each row has its own expiry time.
  idempotency_keys: {
    days: 0,
    sql: `DELETE FROM idempotency_keys WHERE (api_key_id, key) IN (
            SELECT api_key_id, key FROM idempotency_keys WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)`,
  },
  key_creations: {
    days: 1,
    sql: `DELETE FROM key_creations WHERE (address_fingerprint, hour) IN (
            SELECT address_fingerprint, hour FROM key_creations WHERE hour < ?1 LIMIT ?2)`,
  },
  // An object forgets its bulk import 30 days after the end, and the entry with it; these are left over.
  phone_number_imports: {
    days: 90,
    sql: `DELETE FROM phone_number_imports WHERE id IN (
            SELECT id FROM phone_number_imports WHERE created_at < ?1 LIMIT ?2)`,
  },
  released_numbers: {
    days: 1,
    sql: `DELETE FROM released_numbers WHERE (id, twilio_account_id) IN (
            SELECT id, twilio_account_id FROM released_numbers WHERE released_at < ?1 LIMIT ?2)`,
  },
  connect_links: {
    days: 90,
    sql: `DELETE FROM connect_links WHERE id IN (
            SELECT id FROM connect_links WHERE expires_at < ?1 LIMIT ?2)`,
  },
  // No link lives longer than a day, and this one's customer has brought no number. What was made at Twilio for it is taken
  // back first.
  unused_consents_made: {
    days: 2,
    sql: `UPDATE twilio_accounts SET connected_at = NULL WHERE id IN (
            SELECT id FROM twilio_accounts WHERE consented_numbers = '[]' AND connected_at < ?1
              AND made_at_twilio IS NOT NULL AND NOT EXISTS (
              SELECT 1 FROM phone_numbers n WHERE n.twilio_account_id = twilio_accounts.id) LIMIT ?2)`,
  },
  unused_consents: {
    days: 2,
    sql: `DELETE FROM twilio_accounts WHERE id IN (
            SELECT id FROM twilio_accounts WHERE consented_numbers = '[]' AND connected_at < ?1
              AND made_at_twilio IS NULL AND NOT EXISTS (
              SELECT 1 FROM phone_numbers n WHERE n.twilio_account_id = twilio_accounts.id) LIMIT ?2)`,
  },
  previous_tokens: {
    days: 1,
    sql: `UPDATE twilio_accounts SET previous_auth_token_sealed = NULL WHERE id IN (
            SELECT id FROM twilio_accounts
            WHERE previous_auth_token_sealed IS NOT NULL AND auth_token_changed_at < ?1 LIMIT ?2)`,
  },
  previous_webhook_secrets: {
    days: 1,
    sql: `UPDATE webhook_secrets SET previous_secret_sealed = NULL WHERE api_key_id IN (
            SELECT api_key_id FROM webhook_secrets
            WHERE previous_secret_sealed IS NOT NULL AND rotated_at < ?1 LIMIT ?2)`,
  },
} as const;

/** @returns how many rows. @throws StorageError */
export function forget(db: D1Database, sql: string, before: string, limit: number): Promise<number> {
  return runIdempotent(db.prepare(sql).bind(before, limit));
}

/** How large the database is, as it says with every answer. @throws StorageError */
export async function databaseBytes(db: D1Database): Promise<number> {
  const [result] = await readBatch(db, [sql(db)`SELECT 1`]);
  return result?.meta.size_after ?? 0;
}
