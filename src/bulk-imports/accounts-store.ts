import { exec } from "../database.ts";
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
  exec(sql)`INSERT INTO accounts (account_sid, is_to_list) VALUES (${sid}, ${Number(isToList)})
    ON CONFLICT (account_sid) DO UPDATE SET is_to_list = MAX(is_to_list, ${Number(isToList)})`;
}

export function readAccount(sql: SqlStorage, sid: string): AccountRow {
  return exec<AccountRow>(sql)`SELECT account_sid, auth_token_sealed, is_to_list, attempts FROM accounts
    WHERE account_sid = ${sid}`.one();
}

/** The accounts that must be opened, because numbers of theirs wait, or are not known yet. */
export function findClosed(sql: SqlStorage): string[] {
  return exec<{ account_sid: string }>(sql)`SELECT account_sid FROM accounts
    WHERE error IS NULL AND (is_to_list = 1 OR (auth_token_sealed IS NULL
      AND account_sid IN (SELECT account_sid FROM numbers WHERE outcome IS NULL))) ORDER BY account_sid`
    .toArray()
    .map(({ account_sid }) => account_sid);
}

export function storeToken(sql: SqlStorage, sid: string, sealed: string): void {
  exec(sql)`UPDATE accounts SET auth_token_sealed = ${sealed} WHERE account_sid = ${sid}`;
}

/** @param isListed its numbers are known */
export function openAccount(sql: SqlStorage, sid: string, sealed: string, isListed: boolean): void {
  exec(sql)`UPDATE accounts SET auth_token_sealed = ${sealed},
      is_to_list = MIN(is_to_list, ${Number(!isListed)}) WHERE account_sid = ${sid}`;
}

/** Counts an attempt to open it. @returns how many there were */
export function countOpening(sql: SqlStorage, sid: string): number {
  return exec<{ attempts: number }>(sql)`UPDATE accounts SET attempts = attempts + 1
    WHERE account_sid = ${sid} RETURNING attempts`.one().attempts;
}

export function refuseAccount(sql: SqlStorage, sid: string, error: ErrorBody): void {
  exec(sql)`UPDATE accounts SET error = ${JSON.stringify(error)} WHERE account_sid = ${sid}`;
}

/** For another run: what was refused may be accepted now, and what no account had may be in one. */
export function reviveAccounts(sql: SqlStorage): void {
  exec(sql)`UPDATE accounts SET error = NULL, attempts = 0, is_to_list = MAX(is_to_list, EXISTS (
      SELECT 1 FROM numbers WHERE account_sid IS NULL AND outcome IS NULL))`;
}

/** No credentials are left. */
export function deleteTokens(sql: SqlStorage): void {
  exec(sql)`UPDATE accounts SET auth_token_sealed = NULL`;
}

const MAX_ERRORS = 100;

/** The accounts that were refused, up to a hundred. */
export const listRefused = (sql: SqlStorage) => listErrors(sql, 0);

/** Those of them whose numbers were wanted. */
export const listUnread = (sql: SqlStorage) => listErrors(sql, 1);

function listErrors(sql: SqlStorage, isToList: 0 | 1): { twilio_sid: string; error: ErrorBody }[] {
  return exec<{ account_sid: string; error: string }>(sql)`SELECT account_sid, error FROM accounts
    WHERE error IS NOT NULL AND is_to_list >= ${isToList} ORDER BY account_sid LIMIT ${MAX_ERRORS}`
    .toArray()
    .map(({ account_sid, error }) => ({ twilio_sid: account_sid, error: JSON.parse(error) as ErrorBody }));
}
