import { first, run, runReturning, sql } from "../database.ts";

export type WebhookSecretRow = {
  secret_sealed: string;
  /** Older secrets that still sign; see vault/retired.ts. */
  previous_secret_sealed: string | null;
};

/** @throws StorageError */
export function findSecret(db: D1Database, apiKeyId: string): Promise<WebhookSecretRow | null> {
  return first<WebhookSecretRow>(sql(db)`SELECT secret_sealed, previous_secret_sealed FROM webhook_secrets
    WHERE api_key_id = ${apiKeyId}`);
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
  const statement = sql(db)`UPDATE webhook_secrets SET secret_sealed = ${sealed},
      previous_secret_sealed = ${retiredSealed}, rotated_at = ${now}
    WHERE api_key_id = ${apiKeyId} AND secret_sealed = ${present}`;
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
  return runReturning<WebhookSecretRow>(sql(db)`INSERT INTO webhook_secrets
      (api_key_id, secret_sealed, created_at) VALUES (${apiKeyId}, ${freshSealed}, ${now})
    ON CONFLICT (api_key_id) DO UPDATE SET created_at = created_at
    RETURNING secret_sealed, previous_secret_sealed`);
}
