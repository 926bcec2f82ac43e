import { all, batch, first, type Part, part, readPage, run, sql } from "../database.ts";
import type { Page } from "../http/page.ts";
import { nextCheckAfter } from "./due-store.ts";
import type { AccountReason } from "./health.ts";
import type { AccountColumns, AccountKey, TwilioAccountRow } from "./row.ts";

/** Numbers `n` with their accounts `t`. */
export const NUMBERS_AND_ACCOUNTS = part`phone_numbers n JOIN twilio_accounts t ON t.id = n.twilio_account_id`;

/** SQL: its owner still has the number `n` of the account `t`. What is `returning` is released already. */
const IS_HAD = part`n.twilio_account_id = t.id AND n.state <> 'returning'`;

const NUMBERS = part`(SELECT COUNT(*) FROM phone_numbers n WHERE ${IS_HAD})`;

/** SQL: the account `t` is its owner's to use: connected, or come with a number that he still has. */
const IS_KNOWN = part`(t.connected_at IS NOT NULL OR EXISTS (SELECT 1 FROM phone_numbers n WHERE ${IS_HAD}))`;

/** The columns of {@link TwilioAccountRow} of the account `t`. */
export const CREDENTIALS = part`t.api_key_sid, t.auth_token_sealed, t.previous_auth_token_sealed,
  t.auth_token_changed_at, t.signing_keys_sealed`;

/** An account as it is stored, in one Region. */
export type StoredAccount = TwilioAccountRow & {
  id: string;
  account_sid: string;
  region: string;
  health_reasons: string;
  consented_numbers: string | null;
  signing_due_at: string | null;
  is_known: 0 | 1;
};

// No account has so many Regions: these rows tell whether the key has more than one account.
const ENOUGH_ROWS = 10;

/** Statement for a batch: a key's account in every Region; without a SID, the first accounts that are the owner's to use. */
export function selectStored(db: D1Database, apiKeyId: string, accountSid?: string): D1PreparedStatement {
  const ofSid = accountSid === undefined ? IS_KNOWN : part`t.account_sid = ${accountSid}`;
  return sql(db)`SELECT t.id, t.account_sid, t.region, ${CREDENTIALS}, t.health_reasons, t.consented_numbers,
      t.signing_due_at, ${IS_KNOWN} AS is_known
    FROM twilio_accounts t WHERE t.api_key_id = ${apiKeyId} AND ${ofSid}
    ORDER BY t.account_sid, t.region LIMIT ${ENOUGH_ROWS}`;
}

/** An account as its owner sees it. */
export type OwnAccount = {
  id: string;
  account_sid: string;
  region: string;
  api_key_sid: string | null;
  has_signing_key: 0 | 1;
  made_at_twilio: string | null;
  signing_due_at: string | null;
  health_reasons: string;
  friendly_name: string | null;
  /** JSON array: those that its owner let in by connect links; null: all. */
  consented_numbers: string | null;
  numbers: number;
  created_at: string;
};

const COLUMNS = part`t.id, t.account_sid, t.region, t.api_key_sid,
  t.signing_keys_sealed IS NOT NULL AS has_signing_key, t.health_reasons, t.friendly_name, t.consented_numbers,
  t.made_at_twilio, t.signing_due_at,
  ${NUMBERS} AS numbers, t.created_at`;

/** A page of a key's accounts, newest first, and how many there are. @throws StorageError */
export function listOwnAccounts(db: D1Database, apiKeyId: string, { limit, offset }: Page) {
  const own = part`t.api_key_id = ${apiKeyId} AND ${IS_KNOWN}`;
  return readPage<OwnAccount>(
    db,
    sql(db)`SELECT ${COLUMNS} FROM twilio_accounts t WHERE ${own}
      ORDER BY t.created_at DESC, t.id DESC LIMIT ${limit} OFFSET ${offset}`,
    sql(db)`SELECT COUNT(*) AS count FROM twilio_accounts t WHERE ${own}`,
  );
}

/** A key's accounts with this id, or with this SID in any Region. @throws StorageError */
export function findOwnAccounts(db: D1Database, apiKeyId: string, id: string) {
  const named: Part = id.startsWith("AC") ? part`t.account_sid = ${id}` : part`t.id = ${id}`;
  return all<OwnAccount & TwilioAccountRow>(sql(db)`SELECT ${COLUMNS}, ${CREDENTIALS}
    FROM twilio_accounts t WHERE ${named} AND t.api_key_id = ${apiKeyId} AND ${IS_KNOWN}`);
}

/** SQL, of the table `twilio_accounts`: it has no number, not even one that is given back. */
export const IS_UNUSED = part`NOT EXISTS (SELECT 1 FROM phone_numbers n WHERE n.twilio_account_id = twilio_accounts.id)`;

/**
 * Forgets an account. What is needed to give back its released numbers stays until they are given back.
 *
 * @returns how many numbers keep it; null if there was no such account any more
 * @throws StorageError
 */
export async function disconnectAccount(
  db: D1Database,
  apiKeyId: string,
  id: string,
): Promise<number | null> {
  const [counted] = await batch(db, [
    sql(db)`SELECT ${NUMBERS} AS numbers FROM twilio_accounts t WHERE t.id = ${id} AND ${IS_KNOWN}`,
    sql(db)`UPDATE twilio_accounts AS t SET connected_at = NULL WHERE t.id = ${id} AND ${NUMBERS} = 0`,
    deleteUnusedAccounts(db, apiKeyId),
  ]);
  return (counted?.results[0] as { numbers: number } | undefined)?.numbers ?? null;
}

/**
 * Who connects an account: whoever has its credential, for all its numbers; its owner, by a link; or whoever sends only a
 * SharedKey, with the stored API key.
 */
export type ConnectedBy = "holder" | "link" | "stored";

/**
 * Statements for a batch after `upsertAccount`: its owner has connected this account, unless the key was revoked
 * meanwhile. The first changes a row if it was not connected before.
 *
 * @param secretSealed if it is the stored one now, and a link has brought it, the account is for the numbers to which its
 *   owner consents
 */
export function connectStatements(
  db: D1Database,
  { apiKeyId, accountSid, region, secretSealed }: Omit<AccountKey, "id"> & { secretSealed: string },
  { friendlyName, by }: { friendlyName: string | null; by: ConnectedBy },
  now: string,
): D1PreparedStatement[] {
  const isIt = part`api_key_id = ${apiKeyId} AND account_sid = ${accountSid} AND region = ${region}`;
  const consents: Record<ConnectedBy, Part> = {
    holder: part`NULL`,
    link: part`CASE t.auth_token_sealed WHEN ${secretSealed} THEN COALESCE(t.consented_numbers,
      (SELECT json_group_array(phone_number) FROM phone_numbers n WHERE ${IS_HAD})) ELSE t.consented_numbers END`,
    stored: part`t.consented_numbers`,
  };
  // There is something to make at Twilio so that a SharedKey signs, or what was made may be needed no longer.
  const isToSign = part`(made_at_twilio IS NOT NULL OR (api_key_sid IS NOT NULL AND signing_keys_sealed IS NULL))`;
  return [
    sql(
      db,
    )`UPDATE twilio_accounts AS t SET connected_at = ${now}, consented_numbers = ${by === "holder" ? null : "[]"}
    WHERE ${isIt} AND connected_at IS NULL
      AND (${Number(by === "holder")} OR NOT ${IS_KNOWN}) AND EXISTS (SELECT 1 FROM api_keys k WHERE k.id = ${apiKeyId} AND k.revoked_at IS NULL)`,
    sql(db)`UPDATE twilio_accounts AS t SET friendly_name = COALESCE(${friendlyName}, friendly_name),
      consented_numbers = ${consents[by]}, signing_due_at = CASE WHEN ${isToSign} THEN ${now} END,
      made_at_twilio = CASE WHEN ${isToSign} THEN COALESCE(made_at_twilio, '{}') END,
      next_check_at = CASE WHEN EXISTS (SELECT 1 FROM phone_numbers n WHERE n.twilio_account_id = t.id) THEN ${now} END
    WHERE ${isIt}`,
    deleteUnusedAccounts(db, apiKeyId),
  ];
}

/** Accounts of a key that are used by their Auth Tokens, with the tokens. @throws StorageError */
export function findAccountsOfKey(db: D1Database, apiKeyId: string, limit: number) {
  return all<AccountColumns & { api_key_id: string; auth_token_sealed: string }>(
    sql(db)`SELECT id AS twilio_account_id, api_key_id, account_sid, region, auth_token_sealed
      FROM twilio_accounts WHERE api_key_id = ${apiKeyId} AND api_key_sid IS NULL LIMIT ${limit}`,
  );
}

/** A key's account, with its credentials. Null if the key does not know it. @throws StorageError */
export function findAccount(
  db: D1Database,
  { apiKeyId, accountSid, region }: Omit<AccountKey, "id">,
): Promise<(TwilioAccountRow & { id: string }) | null> {
  return first(sql(db)`SELECT t.id, ${CREDENTIALS} FROM twilio_accounts t
    WHERE t.api_key_id = ${apiKeyId} AND t.account_sid = ${accountSid} AND t.region = ${region}`);
}

export type CredentialToStore = AccountKey & {
  apiKeySid: string | null;
  secretSealed: string;
  signingKeysSealed: string | null;
  /** No request has shown yet that Twilio signs with the newest SharedKey. */
  isUnproven: boolean;
  /** When the stored credential was stored, as it was read; null also for the first. */
  tokenChangedAt: string | null;
  /** If the new one differs from the stored one: the list of replaced tokens after the change, sealed. Else null. */
  replaces: { retiredSealed: string | null } | null;
};

const UNPROVEN = JSON.stringify(["signatures_unproven"] satisfies AccountReason[]);

/** Statement for a batch: inserts the account, or replaces its credential if the new one differs. */
export function upsertAccount(
  db: D1Database,
  credential: CredentialToStore,
  now: string,
): D1PreparedStatement {
  const { id, apiKeyId, accountSid, region, apiKeySid, secretSealed, signingKeysSealed } = credential;
  const { isUnproven, tokenChangedAt, replaces } = credential;
  // A running check with the old token loses its lease: its result is no longer true. We replace only the token that we
  // read. If several requests bring the same new token at once, one of them stores it, and the others must not make it
  // the "previous" one. If another request has made the account meanwhile, its row and its id stay.
  return sql(
    db,
  )`INSERT INTO twilio_accounts (id, api_key_id, account_sid, region, api_key_sid, auth_token_sealed,
      signing_keys_sealed, health_reasons, next_check_at, created_at, updated_at, routing_checked_at)
    VALUES (${id}, ${apiKeyId}, ${accountSid}, ${region}, ${apiKeySid}, ${secretSealed}, ${signingKeysSealed},
      ${isUnproven ? UNPROVEN : "[]"}, ${nextCheckAfter(now)}, ${now}, ${now}, ${now})
    ON CONFLICT DO UPDATE SET previous_auth_token_sealed = ${replaces?.retiredSealed ?? null},
      api_key_sid = excluded.api_key_sid, auth_token_sealed = excluded.auth_token_sealed,
      auth_token_changed_at = excluded.updated_at, signing_keys_sealed = excluded.signing_keys_sealed,
      health_reasons = CASE WHEN instr(health_reasons, 'signatures_unproven') > 0 AND excluded.api_key_sid IS NOT NULL
        THEN ${UNPROVEN} ELSE excluded.health_reasons END, check_failures = 0, next_check_at = excluded.updated_at,
      updated_at = excluded.updated_at, check_holder = NULL, check_lease_expires_at = NULL
    WHERE ${Number(replaces !== null)} AND auth_token_changed_at IS ${tokenChangedAt}`;
}

/** SQL: what {@link upsertAccount} was to store is stored. No value is sealed alike twice. */
export const isStored = ({ id, secretSealed }: CredentialToStore): Part =>
  part`id = ${id} AND auth_token_sealed = ${secretSealed}`;

/** Replaces the stored token, unless another request has replaced it since we read it. @throws StorageError */
export async function replaceToken(db: D1Database, token: CredentialToStore, now: string): Promise<void> {
  await run(upsertAccount(db, token, now));
}

/**
 * Statement for a batch: deletes this key's accounts that are not connected, have no number, and have nothing at Twilio that
 * is to be taken back, so that no credential is kept without need.
 */
export function deleteUnusedAccounts(db: D1Database, apiKeyId: string): D1PreparedStatement {
  return sql(db)`DELETE FROM twilio_accounts
    WHERE api_key_id = ${apiKeyId} AND connected_at IS NULL AND made_at_twilio IS NULL AND ${IS_UNUSED}`;
}

/** SQL: Twilio has refused ConversationRelay to the account `t` within a day. */
export const RELAY_REFUSED = part`t.relay_refused_at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 day')`;

/** Twilio has refused ConversationRelay to this account. @throws StorageError */
export async function rememberRelayRefused(db: D1Database, accountId: string, now: string): Promise<void> {
  await run(sql(db)`UPDATE twilio_accounts SET relay_refused_at = ${now} WHERE id = ${accountId}`);
}
