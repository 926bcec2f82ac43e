import { sql } from "../database.ts";
import type { AccountKey } from "./row.ts";

// When an account is checked.

/** An account is due this long after a check: less than an hour, because the cron runs only every 15 minutes. */
export const CHECK_INTERVAL_MS = 50 * 60 * 1000;
/** One that has been quiet and in order for a week: less than six hours. */
export const QUIET_CHECK_INTERVAL_MS = 350 * 60 * 1000;

/** A new account was just checked. An account with a new token is due at once. */
export function nextCheckAfter(now: string): string {
  return new Date(Date.parse(now) + CHECK_INTERVAL_MS).toISOString();
}

/** Statement for a batch: an account gets a number, so it is checked from now on, and within the hour. */
export function beginChecks(
  db: D1Database,
  { apiKeyId, accountSid, region }: Omit<AccountKey, "id">,
  now: string,
): D1PreparedStatement {
  return sql(db)`UPDATE twilio_accounts SET next_check_at = ${nextCheckAfter(now)}
    WHERE api_key_id = ${apiKeyId} AND account_sid = ${accountSid} AND region = ${region}
      AND (next_check_at IS NULL OR next_check_at > ${nextCheckAfter(now)})`;
}

/** Statement for a batch: something happens to a number. If its account is checked rarely, it is due at once. */
export function checkSoon(db: D1Database, phoneNumberId: string, now: string): D1PreparedStatement {
  return sql(db)`UPDATE twilio_accounts SET next_check_at = ${now}
    WHERE id = (SELECT twilio_account_id FROM phone_numbers WHERE id = ${phoneNumberId})
      AND check_failures = 0 AND next_check_at > ${nextCheckAfter(now)}`;
}
