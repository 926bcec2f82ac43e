import { batch, first, part, readBatch, readPage, run, runReturning, sql } from "../database.ts";
import type { Page } from "../http/page.ts";
import type { LimitColumns, SetLimits } from "../limits.ts";
import { LIMIT_COLUMNS } from "../limits-store.ts";
import { requireSame } from "./jurisdiction.ts";

/** What D1 stores about an API key: the secret's hash, never the secret. */
export type ApiKeyRow = { id: string; secret_hash: string; name: string; created_at: string };

export const INSERT_API_KEY =
  "INSERT INTO api_keys (id, secret_hash, name, created_at) VALUES (?1, ?2, ?3, ?4)";

/** What of a key's row lets a request in. */
type Credentials = { secret_hash: string; jurisdiction: string | null };

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
  const insert = sql(db)`INSERT INTO api_keys (id, secret_hash, name, created_at, jurisdiction)
    VALUES (${row.id}, ${row.secret_hash}, ${row.name}, ${row.created_at}, ${jurisdiction})`;
  await checkJurisdiction(db, jurisdiction);
  await batch(db, [rememberJurisdiction(db, jurisdiction), insert, patchLimits(db, row.id, limits)]);
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

/** The hash of the key's secret, or null if there is no such key or it was revoked. @throws StorageError */
export async function findSecretHash(
  db: D1Database,
  keyId: string,
  jurisdiction?: string,
): Promise<string | null> {
  const row = await first<Credentials>(selectSecretHash(db, keyId));
  if (jurisdiction !== undefined) requireSame(row?.jurisdiction, jurisdiction);
  return row?.secret_hash ?? null;
}

function selectSecretHash(db: D1Database, keyId: string): D1PreparedStatement {
  return sql(db)`SELECT secret_hash, jurisdiction FROM api_keys WHERE id = ${keyId} AND revoked_at IS NULL`;
}

/** The same, and what other statements read in the same trip. @throws StorageError */
export async function findSecretHashAnd(
  db: D1Database,
  keyId: string,
  statements: D1PreparedStatement[],
): Promise<{ secretHash: string | null; jurisdiction: string | null; results: D1Result[] }> {
  const [key, ...results] = await readBatch(db, [selectSecretHash(db, keyId), ...statements]);
  const row = key?.results[0] as Credentials | undefined;
  return { secretHash: row?.secret_hash ?? null, jurisdiction: row?.jurisdiction ?? null, results };
}

/** Whether there is or ever was such a key. @throws StorageError */
export async function hasApiKey(db: D1Database, keyId: string): Promise<boolean> {
  return (await first(sql(db)`SELECT 1 FROM api_keys WHERE id = ${keyId}`)) !== null;
}

/**
 * Replaces the secret of a key.
 *
 * @param presentHash the hash to replace; if two rotations run at once, the second no longer finds it
 * @returns whether the secret was replaced
 * @throws StorageError
 */
export async function replaceSecret(
  db: D1Database,
  keyId: string,
  presentHash: string,
  newHash: string,
  now: string,
): Promise<boolean> {
  const changed = await run(sql(db)`UPDATE api_keys SET secret_hash = ${newHash}, rotated_at = ${now}
    WHERE id = ${keyId} AND secret_hash = ${presentHash} AND revoked_at IS NULL`);
  return changed === 1;
}

/** Revokes a key for ever; revoking it twice does no harm. @returns whether the key exists. @throws StorageError */
export async function revokeApiKey(db: D1Database, keyId: string, now: string): Promise<boolean> {
  const [revoked] = await batch(
    db,
    [
      sql(db)`UPDATE api_keys SET revoked_at = COALESCE(revoked_at, ${now}) WHERE id = ${keyId}`,
      // Nobody can disconnect its Twilio accounts any more: those with numbers go with the last one.
      sql(db)`UPDATE twilio_accounts SET connected_at = NULL WHERE api_key_id = ${keyId}`,
      sql(db)`DELETE FROM twilio_accounts WHERE api_key_id = ${keyId} AND NOT EXISTS (
        SELECT 1 FROM phone_numbers n WHERE n.twilio_account_id = twilio_accounts.id)`,
    ],
    { isIdempotent: true },
  );
  return revoked?.meta.changes === 1;
}

/** An API key as the operator sees it. */
export type ListedApiKey = LimitColumns & {
  id: string;
  name: string;
  created_at: string;
  rotated_at: string | null;
  revoked_at: string | null;
};

const LISTED = part`id, name, created_at, rotated_at, revoked_at, ${LIMIT_COLUMNS}`;

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
