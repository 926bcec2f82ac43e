import type { ErrorBody } from "../http/error-handler.ts";

/** A Twilio account of a bulk import. */
export type AccountRow = {
  account_sid: string;
  auth_token_sealed: string | null;
  is_to_list: number;
  attempts: number;
};

/** Adds an account, or lets its numbers be read too. */
export function addAccount(sql: SqlStorage, sid: string, isToList: boolean): void {
  sql.exec(
    `INSERT INTO accounts (account_sid, is_to_list) VALUES (?1, ?2)
     ON CONFLICT (account_sid) DO UPDATE SET is_to_list = MAX(is_to_list, ?2)`,
    sid,
    Number(isToList),
  );
}

export function readAccount(sql: SqlStorage, sid: string): AccountRow {
  return sql
    .exec<AccountRow>(
      "SELECT account_sid, auth_token_sealed, is_to_list, attempts FROM accounts WHERE account_sid = ?",
      sid,
    )
    .one();
}

/** The accounts that must be opened before their numbers can be imported. */
export function findClosed(sql: SqlStorage): string[] {
  return sql
    .exec<{ account_sid: string }>(
      `SELECT account_sid FROM accounts WHERE error IS NULL AND (auth_token_sealed IS NULL OR is_to_list = 1)
       ORDER BY account_sid`,
    )
    .toArray()
    .map(({ account_sid }) => account_sid);
}

export function storeToken(sql: SqlStorage, sid: string, sealed: string): void {
  sql.exec("UPDATE accounts SET auth_token_sealed = ? WHERE account_sid = ?", sealed, sid);
}

/** @param isListed its numbers are known */
export function openAccount(sql: SqlStorage, sid: string, sealed: string, isListed: boolean): void {
  sql.exec(
    "UPDATE accounts SET auth_token_sealed = ?, is_to_list = MIN(is_to_list, ?) WHERE account_sid = ?",
    sealed,
    Number(!isListed),
    sid,
  );
}

/** Counts an attempt to open it. @returns how many there were */
export function countOpening(sql: SqlStorage, sid: string): number {
  return sql
    .exec<{ attempts: number }>(
      "UPDATE accounts SET attempts = attempts + 1 WHERE account_sid = ? RETURNING attempts",
      sid,
    )
    .one().attempts;
}

export function refuseAccount(sql: SqlStorage, sid: string, error: ErrorBody): void {
  sql.exec("UPDATE accounts SET error = ? WHERE account_sid = ?", JSON.stringify(error), sid);
}

/** For another run: what was refused may be accepted now, and what no account had may be in one. */
export function reviveAccounts(sql: SqlStorage): void {
  sql.exec(
    `UPDATE accounts SET error = NULL, attempts = 0, is_to_list = MAX(is_to_list, EXISTS (
       SELECT 1 FROM numbers WHERE account_sid IS NULL AND outcome IS NULL))`,
  );
}

/** No credentials are left. */
export function deleteTokens(sql: SqlStorage): void {
  sql.exec("UPDATE accounts SET auth_token_sealed = NULL");
}

const MAX_ERRORS = 100;

/** The accounts that were refused, up to a hundred. */
export function listRefused(sql: SqlStorage): { twilio_sid: string; error: ErrorBody }[] {
  return sql
    .exec<{ account_sid: string; error: string }>(
      "SELECT account_sid, error FROM accounts WHERE error IS NOT NULL ORDER BY account_sid LIMIT ?",
      MAX_ERRORS,
    )
    .toArray()
    .map(({ account_sid, error }) => ({ twilio_sid: account_sid, error: JSON.parse(error) as ErrorBody }));
}
