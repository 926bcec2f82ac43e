import { first, run, runReturning } from "../database.ts";

export type WebhookSecretRow = {
  secret_sealed: string;
  /** Older secrets that still sign; see vault/retired.ts. */
  previous_secret_sealed: string | null;
};

/** @throws StorageError */
export function findSecret(db: D1Database, apiKeyId: string): Promise<WebhookSecretRow | null> {
  return first<WebhookSecretRow>(
    db
      .prepare("SELECT secret_sealed, previous_secret_sealed FROM webhook_secrets WHERE api_key_id = ?1")
      .bind(apiKeyId),
  );
}

/**
 * Replaces the secret that was read with a new one.
 *
 * @returns false if another rotation was faster
 * @throws StorageError
 */
export async function replaceSecret(
  db: D1Database,
  apiKeyId: string,
  { present, sealed, retiredSealed }: { present: string; sealed: string; retiredSealed: string | null },
  now: string,
): Promise<boolean> {
  const statement = db
    .prepare(
      `UPDATE webhook_secrets SET secret_sealed = ?3, previous_secret_sealed = ?4, rotated_at = ?5
       WHERE api_key_id = ?1 AND secret_sealed = ?2`,
    )
    .bind(apiKeyId, present, sealed, retiredSealed, now);
  return (await run(statement)) === 1;
}

/**
 * Stores this secret unless there is one, because an event must never be sent unsigned. Returns the stored one, so that
 * two deliveries at once sign with the same secret.
 *
 * @throws StorageError
 */
export async function ensureSecret(
  db: D1Database,
  apiKeyId: string,
  freshSealed: string,
  now: string,
): Promise<WebhookSecretRow | null> {
  return runReturning<WebhookSecretRow>(
    db
      .prepare(
        `INSERT INTO webhook_secrets (api_key_id, secret_sealed, created_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (api_key_id) DO UPDATE SET created_at = created_at
         RETURNING secret_sealed, previous_secret_sealed`,
      )
      .bind(apiKeyId, freshSealed, now),
  );
}
