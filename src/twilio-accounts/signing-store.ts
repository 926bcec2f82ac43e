import { all, batch, type Part, part, sql } from "../database.ts";
import type { AccountReason } from "./health.ts";
import type { AccountKey } from "./row.ts";
import { deleteUnusedAccounts, IS_UNUSED } from "./store.ts";

// What this service makes at Twilio so that a SharedKey signs the webhooks of an account. `signing_due_at`: work on it is
// unfinished, and recovery continues it then. A row that has made something is deleted only after that was taken back.

/** Why Twilio did not make it, for good. */
export type Refusal = { reason: string; twilio_code?: number | undefined; permission?: string | undefined };

/** The ids of what was made, as far as they are known: what is not, is found by its name. */
export type Made = {
  key?: string | undefined;
  setting?: string | undefined;
  rule?: string | undefined;
  /** Tries in a row that came to nothing, and since when. */
  failures?: number;
  since?: string;
  refused?: Refusal | undefined;
};

export const parseMade = (json: string | null): Made => JSON.parse(json ?? "{}") as Made;

/**
 * Stores what is made by now, for whoever holds the account's lease.
 *
 * @param made null: nothing is left of it
 * @param dueAt work on it goes on then; null: there is none
 * @param keys the account's SharedKeys, sealed, if they change
 * @returns false if the lease is lost
 * @throws StorageError
 */
export async function storeMade(
  db: D1Database,
  { id, apiKeyId }: Pick<AccountKey, "id" | "apiKeyId">,
  holder: string,
  made: Made | null,
  dueAt: Date | null,
  keys?: { sealed: string | null },
): Promise<boolean> {
  const [stored] = await batch(db, [
    sql(db)`UPDATE twilio_accounts SET made_at_twilio = ${made && JSON.stringify(made)},
        signing_due_at = ${dueAt?.toISOString() ?? null}, signing_keys_sealed =
          CASE WHEN ${Number(keys !== undefined)} THEN ${keys?.sealed ?? null} ELSE signing_keys_sealed END
      WHERE id = ${id} AND check_holder = ${holder}`,
    ...(made ? [] : [deleteUnusedAccounts(db, apiKeyId)]),
  ]);
  return stored?.meta.changes === 1;
}

/** Statement for a batch: the Rule is in force. */
export function endSigning(
  db: D1Database,
  state: Part,
  reasons: readonly AccountReason[],
  made: Made,
): D1PreparedStatement {
  return sql(db)`UPDATE twilio_accounts SET health_reasons = ${JSON.stringify(reasons)},
    made_at_twilio = ${JSON.stringify(made)}, signing_due_at = NULL WHERE ${state}`;
}

const ACCOUNT = part`id, api_key_id AS apiKeyId, account_sid AS accountSid, region FROM twilio_accounts`;

/** Accounts with such work that is due, also of those whom nobody owns any more. @throws StorageError */
export function findDueSigning(db: D1Database, now: string, limit: number): Promise<AccountKey[]> {
  return all<AccountKey>(sql(
    db,
  )`SELECT ${ACCOUNT} WHERE made_at_twilio IS NOT NULL AND signing_due_at <= ${now}
    UNION ALL SELECT ${ACCOUNT} WHERE made_at_twilio IS NOT NULL AND signing_due_at IS NULL AND connected_at IS NULL
      AND ${IS_UNUSED} LIMIT ${limit}`);
}
