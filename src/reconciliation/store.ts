import { readBatch, sql } from "../database.ts";
import type { Health } from "../phone-numbers/health.ts";
import type { AccountHealth } from "../twilio-accounts/health.ts";
import { RELAY_REFUSED } from "../twilio-accounts/store.ts";

/**
 * The health of a key's numbers, by account and health, and of its accounts, in one round trip.
 *
 * @throws StorageError
 */
export async function findHealth(db: D1Database, apiKeyId: string) {
  const [numbers, accounts] = await readBatch(db, [
    sql(db)`SELECT twilio_account_id, health, COUNT(*) AS count FROM phone_numbers
      WHERE api_key_id = ${apiKeyId} AND state = 'active' GROUP BY twilio_account_id, health`,
    sql(
      db,
    )`SELECT id, account_sid, region, health, health_reasons, ${RELAY_REFUSED} AS is_relay_refused, webhook_rule,
        checked_at, next_check_at FROM twilio_accounts t
      WHERE api_key_id = ${apiKeyId} ORDER BY account_sid, region LIMIT 1000`,
  ]);
  return {
    numbers: (numbers?.results ?? []) as {
      twilio_account_id: string;
      health: Health;
      count: number;
    }[],
    accounts: (accounts?.results ?? []) as {
      id: string;
      account_sid: string;
      region: string;
      health: AccountHealth;
      health_reasons: string;
      is_relay_refused: 0 | 1 | null;
      webhook_rule: string | null;
      checked_at: string | null;
      next_check_at: string | null;
    }[],
  };
}
