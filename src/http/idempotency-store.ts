import { batch, run } from "../database.ts";

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
      db
        .prepare("DELETE FROM idempotency_keys WHERE api_key_id = ?1 AND key = ?2 AND expires_at <= ?3")
        .bind(apiKeyId, key, now),
      db
        .prepare(
          `INSERT INTO idempotency_keys (api_key_id, key, fingerprint, lease_holder, lease_expires_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (api_key_id, key) DO NOTHING`,
        )
        .bind(apiKeyId, key, fingerprint, holder, leaseExpiresAt, expiresAt),
      db
        .prepare(
          `SELECT fingerprint, lease_holder, lease_expires_at, status, headers, response_sealed
         FROM idempotency_keys WHERE api_key_id = ?1 AND key = ?2`,
        )
        .bind(apiKeyId, key),
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
  const statement = db
    .prepare(
      `UPDATE idempotency_keys SET lease_holder = ?4, lease_expires_at = ?5
       WHERE api_key_id = ?1 AND key = ?2 AND lease_holder = ?3 AND lease_expires_at <= ?6`,
    )
    .bind(apiKeyId, key, dead, holder, leaseExpiresAt, now);
  return (await run(statement)) === 1;
}

/** Stores the response, if this request still has the lease. @throws StorageError */
export async function putResponse(
  db: D1Database,
  { apiKeyId, key, holder }: KeyLease,
  { status, headers, sealed }: { status: number; headers: string; sealed: string },
): Promise<void> {
  await run(
    db
      .prepare(
        `UPDATE idempotency_keys SET lease_expires_at = NULL, status = ?4, headers = ?5, response_sealed = ?6
         WHERE api_key_id = ?1 AND key = ?2 AND lease_holder = ?3`,
      )
      .bind(apiKeyId, key, holder, status, headers, sealed),
    { isIdempotent: true },
  );
}

/** Deletes the row, so that the key may be used again, if this request still has the lease. @throws StorageError */
export async function forgetKey(db: D1Database, { apiKeyId, key, holder }: KeyLease): Promise<void> {
  await run(
    db
      .prepare("DELETE FROM idempotency_keys WHERE api_key_id = ?1 AND key = ?2 AND lease_holder = ?3")
      .bind(apiKeyId, key, holder),
    { isIdempotent: true },
  );
}
