import { batch, part, run, runIdempotent, sql } from "../database.ts";

/** What D1 stores about a request with an `Idempotency-Key`. */
export type IdempotencyRow = {
  fingerprint: string;
  lease_holder: string;
  lease_expires_at: string | null;
  status: number | null;
  headers: string | null;
  response_sealed: string | null;
};

export type KeyLease = {
  apiKeyId: string;
  key: string;
  fingerprint: string;
  holder: string;
  leaseExpiresAt: string;
  expiresAt: string;
};

/**
 * Acquires the lease on a key for this request if no other request used the key within a day. One trip to D1.
 *
 * @returns the key's row afterwards; this request has the lease if the `lease_holder` is its own
 * @throws StorageError
 */
export async function acquireKey(
  db: D1Database,
  lease: KeyLease,
  now: string,
): Promise<IdempotencyRow | undefined> {
  const { apiKeyId, key, fingerprint, holder, leaseExpiresAt, expiresAt } = lease;
  const results = await batch(
    db,
    [
      sql(db)`DELETE FROM idempotency_keys
        WHERE api_key_id = ${apiKeyId} AND key = ${key} AND expires_at <= ${now}`,
      sql(db)`INSERT INTO idempotency_keys
          (api_key_id, key, fingerprint, lease_holder, lease_expires_at, expires_at)
        VALUES (${apiKeyId}, ${key}, ${fingerprint}, ${holder}, ${leaseExpiresAt}, ${expiresAt})
        ON CONFLICT (api_key_id, key) DO NOTHING`,
      sql(db)`SELECT fingerprint, lease_holder, lease_expires_at, status, headers, response_sealed
        FROM idempotency_keys WHERE api_key_id = ${apiKeyId} AND key = ${key}`,
    ],
    { isIdempotent: true },
  );
  return results[2]?.results[0] as IdempotencyRow | undefined;
}

/** Acquires the expired lease of a request that died, if no other request was faster. @throws StorageError */
export async function takeOverKey(
  db: D1Database,
  { apiKeyId, key, holder, leaseExpiresAt }: KeyLease,
  dead: string,
  now: string,
): Promise<boolean> {
  const statement = sql(db)`UPDATE idempotency_keys SET lease_holder = ${holder},
      lease_expires_at = ${leaseExpiresAt}
    WHERE api_key_id = ${apiKeyId} AND key = ${key} AND lease_holder = ${dead} AND lease_expires_at <= ${now}`;
  return (await run(statement)) === 1;
}

// What one API key may fill of a database that all keys share, in a day. Whoever may have fewer agents needs less.
const MAX_BYTES_A_DAY = 32_000_000;
const MIN_BYTES_A_DAY = 1_600_000;
const BYTES_OF_AN_AGENT = 32_000;
/** What a row has besides the answer and its key. */
const ROW_BYTES = 600;

/**
 * Stores the response, if this request still has the lease, and the API key has kept less today than it may.
 *
 * @param maxAgents of a key that has no such limit of its own; null: no limit
 * @returns whether it is stored
 * @throws StorageError
 */
export async function putResponse(
  db: D1Database,
  { apiKeyId, key, holder }: KeyLease,
  { status, headers, sealed }: { status: number; headers: string; sealed: string },
  today: string,
  maxAgents: number | null,
): Promise<boolean> {
  const bytes = sealed.length + key.length + ROW_BYTES;
  const maxBytes = part`MIN(${MAX_BYTES_A_DAY}, ${MIN_BYTES_A_DAY} + ${BYTES_OF_AN_AGENT}
    * COALESCE(json_extract(limits, '$.max_agents'), ${maxAgents ?? MAX_BYTES_A_DAY}))`;
  const hasRoom = part`(kept_on IS NOT ${today} OR kept_bytes + ${bytes} <= ${maxBytes})`;
  // Both statements look at the same count, which the second one changes.
  const put = sql(db)`UPDATE idempotency_keys SET lease_expires_at = NULL, status = ${status},
      headers = ${headers}, response_sealed = ${sealed}
    WHERE api_key_id = ${apiKeyId} AND key = ${key} AND lease_holder = ${holder}
      AND EXISTS (SELECT 1 FROM api_keys WHERE id = ${apiKeyId} AND ${hasRoom})`;
  const count = sql(db)`UPDATE api_keys SET kept_on = ${today},
      kept_bytes = CASE WHEN kept_on = ${today} THEN kept_bytes ELSE 0 END + ${bytes}
    WHERE id = ${apiKeyId} AND ${hasRoom}`;
  const [stored] = await batch(db, [put, count], { isIdempotent: true });
  return stored?.meta.changes === 1;
}

/** Deletes the row, so that the key may be used again, if this request still has the lease. @throws StorageError */
export async function forgetKey(db: D1Database, { apiKeyId, key, holder }: KeyLease): Promise<void> {
  await runIdempotent(sql(db)`DELETE FROM idempotency_keys
    WHERE api_key_id = ${apiKeyId} AND key = ${key} AND lease_holder = ${holder}`);
}
