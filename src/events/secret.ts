import { newId } from "../ids.ts";
import type { Slot, Vault } from "../vault/vault.ts";
import { ensureSecret, putSecret, type WebhookSecretRow } from "./secret-store.ts";

/** How long the secret before the present one goes on signing. */
const PREVIOUS_SECRET_MS = 24 * 60 * 60 * 1000;

export const webhookSecretSlot = (apiKeyId: string): Slot => `webhook_secrets.secret/${apiKeyId}`;

type Services = { db: D1Database; vault: Vault; now: () => Date };

/** A new secret for this key's events. The one before signs beside it for a day. @throws StorageError */
export async function rotateSecret(
  apiKeyId: string,
  { db, vault, now }: Services,
): Promise<{ secret: string; previousValidUntil: Date }> {
  const secret = newId("webhookSecret");
  const time = now();
  await putSecret(db, apiKeyId, await vault.seal(secret, webhookSecretSlot(apiKeyId)), time.toISOString());
  return { secret, previousValidUntil: new Date(time.getTime() + PREVIOUS_SECRET_MS) };
}

/**
 * The secrets that sign an event, the present one first. A key that has none yet gets one: it can be replaced by one
 * that its owner knows, while an unsigned event could not be told from a forged one.
 *
 * @throws StorageError
 * @throws VaultError
 */
export async function signingSecrets(
  apiKeyId: string,
  stored: { [Column in keyof WebhookSecretRow]: WebhookSecretRow[Column] | null },
  { db, vault, now }: Services,
): Promise<string[]> {
  const slot = webhookSecretSlot(apiKeyId);
  const { secret_sealed, previous_secret_sealed, rotated_at } = stored.secret_sealed ? stored : await first();
  const previousIsGood = rotated_at !== null && now().getTime() - Date.parse(rotated_at) < PREVIOUS_SECRET_MS;
  const sealed = [secret_sealed, previousIsGood ? previous_secret_sealed : null];
  return Promise.all(sealed.filter((text) => text !== null).map((text) => vault.open(text, slot)));

  async function first() {
    const fresh = await vault.seal(newId("webhookSecret"), slot);
    const row = await ensureSecret(db, apiKeyId, fresh, now().toISOString());
    return row ?? { secret_sealed: fresh, previous_secret_sealed: null, rotated_at: null };
  }
}
