import type { KeySecret, SecretRow } from "../actor.ts";
import { batch, part, readBatch, readPage, runIdempotent, runReturning, sql } from "../database.ts";
import type { Page } from "../http/page.ts";
import { learnSplit, type SplitColumns } from "../parts.ts";

// The secrets of API keys: their hashes, never the secrets.

export const MAX_SECRETS = 1_000;

const COLUMNS = part`s.id, s.name, s.is_first, s.scope, s.external_id, s.created_at, s.expires_at, s.last_used_on`;

/**
 * The secret, if it has not ended and its key was not revoked; and what other statements read in the same trip.
 *
 * @param presented by the hash of what a request brings, or by the id that a session names
 * @throws StorageError
 */
export async function findSecretAnd(
  db: D1Database,
  presented: { apiKeyId: string; hash: string } | { id: string },
  now: string,
  statements: D1PreparedStatement[] = [],
): Promise<{ found: KeySecret | undefined; results: D1Result[] }> {
  // The index compares hashes of random texts: how long that takes tells nobody how to make one.
  const which =
    "id" in presented
      ? part`s.id = ${presented.id}`
      : part`s.api_key_id = ${presented.apiKeyId} AND s.secret_hash = ${presented.hash}`;
  const select = sql(
    db,
  )`SELECT ${COLUMNS}, s.secret_hash, s.api_key_id, k.jurisdiction, k.call_log_parts, k.outbox_parts
    FROM key_secrets s JOIN api_keys k ON k.id = s.api_key_id
    WHERE ${which} AND (s.expires_at IS NULL OR s.expires_at > ${now}) AND k.revoked_at IS NULL`;
  const [rows, ...results] = await readBatch(db, [select, ...statements]);
  const found = rows?.results[0] as (KeySecret & SplitColumns) | undefined;
  if (found) learnSplit(found.api_key_id, found);
  return { found, results };
}

/** Writes down that a secret was used on a day, once. @throws StorageError */
export async function noteUse(db: D1Database, id: string, day: string): Promise<void> {
  await runIdempotent(sql(db)`UPDATE key_secrets SET last_used_on = ${day}
    WHERE id = ${id} AND (last_used_on IS NULL OR last_used_on < ${day})`);
}

/**
 * Statement that stores a secret, if the key has room for one more.
 *
 * @throws StorageError `conflict` if the key has one of this name
 */
export function insertSecret(
  db: D1Database,
  keyId: string,
  secret: SecretRow,
  hash: string,
): D1PreparedStatement {
  return sql(db)`INSERT INTO key_secrets
      (id, api_key_id, secret_hash, is_first, name, scope, external_id, created_at, expires_at)
    SELECT ${secret.id}, ${keyId}, ${hash}, ${secret.is_first}, ${secret.name}, ${secret.scope}, ${secret.external_id},
      ${secret.created_at}, ${secret.expires_at}
    WHERE (SELECT COUNT(*) FROM key_secrets WHERE api_key_id = ${keyId}) < ${MAX_SECRETS} RETURNING id`;
}

/** @returns whether there was room @throws StorageError `conflict` as {@link insertSecret} */
export async function addSecret(...secret: Parameters<typeof insertSecret>): Promise<boolean> {
  return (await runReturning(insertSecret(...secret))) !== null;
}

/** A page of the secrets of a key, newest first, and how many there are. @throws StorageError */
export function listSecrets(db: D1Database, keyId: string, { limit, offset }: Page) {
  return readPage<SecretRow>(
    db,
    sql(db)`SELECT ${COLUMNS} FROM key_secrets s WHERE s.api_key_id = ${keyId}
      ORDER BY s.created_at DESC, s.id DESC LIMIT ${limit} OFFSET ${offset}`,
    sql(db)`SELECT COUNT(*) AS count FROM key_secrets WHERE api_key_id = ${keyId}`,
  );
}

/**
 * Deletes a secret, unless it is the last with which the key can do everything for ever: nobody could make another.
 *
 * @throws StorageError
 */
export async function deleteSecret(
  db: D1Database,
  keyId: string,
  id: string,
): Promise<"absent" | "last" | "deleted"> {
  const isOwn = part`id = ${id} AND api_key_id = ${keyId}`;
  const results = await batch(db, [
    sql(db)`SELECT 1 FROM key_secrets WHERE ${isOwn}`,
    sql(db)`DELETE FROM key_secrets WHERE ${isOwn} AND EXISTS (SELECT 1 FROM key_secrets o
      WHERE o.api_key_id = ${keyId} AND o.id <> ${id}
        AND o.scope = 'full' AND o.external_id IS NULL AND o.expires_at IS NULL)`,
  ]);
  if (results[1]?.meta.changes === 1) return "deleted";
  return results[0]?.results.length === 0 ? "absent" : "last";
}

/**
 * Replaces the first secret of a key.
 *
 * @param present its hash; if two rotations run at once, the second no longer finds it
 * @returns whether it was replaced
 * @throws StorageError
 */
export async function replaceSecret(
  db: D1Database,
  keyId: string,
  present: Pick<KeySecret, "id" | "secret_hash">,
  newHash: string,
  now: string,
): Promise<boolean> {
  const [replaced] = await batch(db, [
    sql(db)`UPDATE key_secrets SET secret_hash = ${newHash}
      WHERE id = ${present.id} AND secret_hash = ${present.secret_hash} AND is_first = 1
        AND EXISTS (SELECT 1 FROM api_keys WHERE id = ${keyId} AND revoked_at IS NULL)`,
    sql(db)`UPDATE api_keys SET rotated_at = ${now} WHERE id = ${keyId}
      AND EXISTS (SELECT 1 FROM key_secrets WHERE id = ${present.id} AND secret_hash = ${newHash})`,
  ]);
  return replaced?.meta.changes === 1;
}
