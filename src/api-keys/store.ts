import { batch, first, part, readPage, runReturning, sql } from "../database.ts";
import type { Page } from "../http/page.ts";
import type { LimitColumns, SetLimits } from "../limits.ts";
import { LIMIT_COLUMNS } from "../limits-store.ts";
import { type Kind, learnSplit, type SplitColumns } from "../parts.ts";
import { requireSame } from "./jurisdiction.ts";
import { insertSecret } from "./secret-store.ts";

/** A new API key, and its first secret: the hash, never the secret. */
export type ApiKeyRow = {
  id: string;
  name: string;
  created_at: string;
  secret_id: string;
  secret_hash: string;
};

/** What stores a new key: statements for `id`, `name`, `created_at`, `secret_id` and `secret_hash`, in this order. */
export const INSERT_API_KEY = [
  "INSERT INTO api_keys (id, name, created_at) VALUES (?1, ?2, ?3)",
  `INSERT INTO key_secrets (id, api_key_id, secret_hash, is_first, name, scope, created_at)
    VALUES (?4, ?1, ?5, 1, 'first', 'full', ?3)`,
] as const;

/** Statement for a batch: the first one that comes decides. */
function rememberJurisdiction(db: D1Database, jurisdiction: string): D1PreparedStatement {
  return sql(db)`INSERT INTO deployment (id, jurisdiction) VALUES (1, ${jurisdiction})
    ON CONFLICT DO NOTHING`;
}

const JURISDICTION = part`(SELECT jurisdiction FROM deployment WHERE id = 1)`;

/** @throws StorageError @throws ConfigError if the deployment's objects are in another jurisdiction */
export async function insertApiKey(
  db: D1Database,
  row: ApiKeyRow,
  jurisdiction: string,
  limits: SetLimits = {},
): Promise<void> {
  const insert = sql(db)`INSERT INTO api_keys (id, name, created_at, jurisdiction)
    VALUES (${row.id}, ${row.name}, ${row.created_at}, ${jurisdiction})`;
  const secret = { id: row.secret_id, name: "first", scope: "full", external_id: null } as const;
  const dates = { created_at: row.created_at, expires_at: null, last_used_on: null };
  await checkJurisdiction(db, jurisdiction);
  await batch(db, [
    rememberJurisdiction(db, jurisdiction),
    insert,
    insertSecret(db, row.id, { ...secret, ...dates, is_first: 1 }, row.secret_hash),
    patchLimits(db, row.id, limits),
  ]);
}

/** Changes the limits that are given, and forgets those that are null. */
function patchLimits(db: D1Database, keyId: string, limits: SetLimits): D1PreparedStatement {
  return sql(db)`UPDATE api_keys SET limits = json_patch(COALESCE(limits, '{}'), ${JSON.stringify(limits)})
    WHERE id = ${keyId} RETURNING id`;
}

/** @returns whether there is such a key @throws StorageError */
export async function changeLimits(db: D1Database, keyId: string, limits: SetLimits): Promise<boolean> {
  return (await runReturning(patchLimits(db, keyId, limits))) !== null;
}

/** @throws StorageError @throws ConfigError if the deployment's objects are in another jurisdiction */
async function checkJurisdiction(db: D1Database, jurisdiction: string): Promise<void> {
  const found = await first<{ jurisdiction: string | null }>(sql(db)`SELECT ${JURISDICTION} AS jurisdiction`);
  requireSame(found?.jurisdiction, jurisdiction);
}

/** A key that was not made by a request is used for the first time. @throws StorageError */
export async function noteJurisdiction(db: D1Database, keyId: string, jurisdiction: string): Promise<void> {
  const note = sql(db)`UPDATE api_keys SET jurisdiction = ${JURISDICTION} WHERE id = ${keyId}`;
  await batch(db, [rememberJurisdiction(db, jurisdiction), note], { isIdempotent: true });
}

/** Whether the key is there and not revoked. @throws StorageError */
export async function isKeyValid(db: D1Database, keyId: string): Promise<boolean> {
  return (await first(sql(db)`SELECT 1 FROM api_keys WHERE id = ${keyId} AND revoked_at IS NULL`)) !== null;
}

/** Whether there is or ever was such a key. @throws StorageError */
export async function hasApiKey(db: D1Database, keyId: string): Promise<boolean> {
  const row = await first<SplitColumns>(
    sql(db)`SELECT call_log_parts, outbox_parts FROM api_keys WHERE id = ${keyId}`,
  );
  if (row) learnSplit(keyId, row);
  return row !== null;
}

const PARTS = { call_log: part`call_log_parts`, outbox: part`outbox_parts` };

/** Statement for a batch: from now on there are so many parts, if there were fewer. */
export function growParts(db: D1Database, keyId: string, kind: Kind, parts: number, now: number) {
  const column = PARTS[kind];
  return sql(db)`UPDATE api_keys
    SET ${column} = json_insert(COALESCE(${column}, '[[1,0]]'), '$[#]', json_array(${parts}, ${now}))
    WHERE id = ${keyId} AND ${parts} > COALESCE(${column} ->> '$[#-1][0]', 1)`;
}

/** Revokes a key for ever; revoking it twice does no harm. @returns whether the key exists. @throws StorageError */
export async function revokeApiKey(db: D1Database, keyId: string, now: string): Promise<boolean> {
  const [revoked] = await batch(
    db,
    [
      sql(db)`UPDATE api_keys SET revoked_at = COALESCE(revoked_at, ${now}) WHERE id = ${keyId}`,
      // Nobody can disconnect its Twilio accounts any more: those with numbers go with the last one.
      sql(db)`UPDATE twilio_accounts SET connected_at = NULL WHERE api_key_id = ${keyId}`,
      sql(
        db,
      )`DELETE FROM twilio_accounts WHERE api_key_id = ${keyId} AND made_at_twilio IS NULL AND NOT EXISTS (
        SELECT 1 FROM phone_numbers n WHERE n.twilio_account_id = twilio_accounts.id)`,
    ],
    { isIdempotent: true },
  );
  return revoked?.meta.changes === 1;
}

/** An API key as the operator sees it. */
export type ListedApiKey = LimitColumns &
  SplitColumns & {
    id: string;
    name: string;
    created_at: string;
    rotated_at: string | null;
    revoked_at: string | null;
  };

const LISTED = part`id, name, created_at, rotated_at, revoked_at, call_log_parts, outbox_parts, ${LIMIT_COLUMNS}`;

/** One API key. @throws StorageError */
export function findApiKey(db: D1Database, keyId: string): Promise<ListedApiKey | null> {
  return first<ListedApiKey>(sql(db)`SELECT ${LISTED} FROM api_keys k WHERE k.id = ${keyId}`);
}

/** A page of all API keys, newest first, and how many there are. @throws StorageError */
export function listApiKeys(
  db: D1Database,
  { limit, offset }: Page,
): Promise<{ rows: ListedApiKey[]; count: number }> {
  return readPage<ListedApiKey>(
    db,
    sql(
      db,
    )`SELECT ${LISTED} FROM api_keys k ORDER BY created_at DESC, id DESC LIMIT ${limit} OFFSET ${offset}`,
    sql(db)`SELECT COUNT(*) AS count FROM api_keys`,
  );
}

/** Counts one more new key for this address and hour. @returns the new count. @throws StorageError */
export async function countCreation(
  db: D1Database,
  addressFingerprint: string,
  hour: string,
): Promise<number> {
  const row = await runReturning<{ count: number }>(sql(db)`INSERT INTO key_creations
      (address_fingerprint, hour, count) VALUES (${addressFingerprint}, ${hour}, 1)
    ON CONFLICT (address_fingerprint, hour) DO UPDATE SET count = count + 1 RETURNING count`);
  return row?.count ?? 1;
}

/**
 * Statement for a batch: the key may have an outbox and a call log from now on. Its first number comes before all calls, and
 * almost all events.
 */
export function noteObjects(db: D1Database, keyId: string): D1PreparedStatement {
  return sql(db)`UPDATE api_keys SET has_objects = 1 WHERE id = ${keyId} AND has_objects = 0`;
}
