import { first, run } from "../database.ts";

export type WebhookSecretRow = {
  secret_sealed: string;
  previous_secret_sealed: string | null;
  rotated_at: string | null;
};

/** Puts a new secret in the place of the present one, which is kept beside it. @throws StorageError */
export async function putSecret(
  db: D1Database,
  apiKeyId: string,
  secretSealed: string,
  now: string,
): Promise<void> {
  await run(
    db
      .prepare(
        `INSERT INTO webhook_secrets (api_key_id, secret_sealed, created_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (api_key_id) DO UPDATE SET previous_secret_sealed = secret_sealed,
           secret_sealed = excluded.secret_sealed, rotated_at = excluded.created_at`,
      )
      .bind(apiKeyId, secretSealed, now),
  );
}

/**
 * Makes sure there is a secret, for an event must never go out unsigned, and says which it is: two deliveries at once
 * sign with the same one.
 *
 * @throws StorageError
 */
export async function ensureSecret(
  db: D1Database,
  apiKeyId: string,
  freshSealed: string,
  now: string,
): Promise<WebhookSecretRow | null> {
  return first<WebhookSecretRow>(
    db
      .prepare(
        `INSERT INTO webhook_secrets (api_key_id, secret_sealed, created_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (api_key_id) DO UPDATE SET created_at = created_at
         RETURNING secret_sealed, previous_secret_sealed, rotated_at`,
      )
      .bind(apiKeyId, freshSealed, now),
  );
}

/** Forgets up to `limit` secrets that were replaced before. @returns how many. @throws StorageError */
export function clearPreviousSecrets(db: D1Database, before: string, limit: number): Promise<number> {
  return run(
    db
      .prepare(
        `UPDATE webhook_secrets SET previous_secret_sealed = NULL WHERE api_key_id IN (
           SELECT api_key_id FROM webhook_secrets
           WHERE previous_secret_sealed IS NOT NULL AND rotated_at < ?1 LIMIT ?2)`,
      )
      .bind(before, limit),
  );
}
