import type { BaseServices } from "../http/base-services.ts";
import { errorFields } from "../http/log.ts";
import { newId } from "../ids.ts";
import { DAY_MS } from "../time.ts";
import { openRetired, sealRetired } from "../vault/retired.ts";
import type { Slot } from "../vault/vault.ts";
import { ensureSecret, findSecret, replaceSecret, type WebhookSecretRow } from "./secret-store.ts";

/** How long an old secret still signs. */
const RETIRED_SECRET_MS = DAY_MS;

export const webhookSecretSlot = (apiKeyId: string): Slot => `webhook_secrets.secret/${apiKeyId}`;

/** A new secret for this key's events. The old one also signs them for a day. @throws StorageError */
export async function rotateSecret(
  apiKeyId: string,
  services: BaseServices,
): Promise<{ secret: string; previousValidUntil: Date }> {
  const { db, vault, now, log } = services;
  const slot = webhookSecretSlot(apiKeyId);
  const secret = newId("webhookSecret");
  const sealed = await vault.seal(secret, slot);
  const until = new Date(now().getTime() + RETIRED_SECRET_MS);
  // If two rotations run at once, the second retires the secret of the first.
  for (;;) {
    const time = now();
    const stored =
      (await findSecret(db, apiKeyId)) ?? (await ensureSecret(db, apiKeyId, sealed, time.toISOString()));
    if (!stored || stored.secret_sealed === sealed) break;
    const retiredSealed = await retire(stored, time).catch((error: unknown) => {
      // The old secret is lost: tell the operator. The new one works.
      log.error("stored_secret_unreadable", { key_id: apiKeyId, ...errorFields(error) });
      return null;
    });
    const replacement = { present: stored.secret_sealed, sealed, retiredSealed };
    if (await replaceSecret(db, apiKeyId, replacement, time.toISOString())) break;
  }
  return { secret, previousValidUntil: until };

  async function retire(stored: WebhookSecretRow, time: Date): Promise<string> {
    const value = await vault.open(stored.secret_sealed, slot);
    const retired = await openRetired(vault, stored.previous_secret_sealed, slot, time);
    return sealRetired(vault, retired, { value, until }, slot);
  }
}

/**
 * The secrets that sign an event, the present one first. If the key has none yet, it gets one: the owner can replace it
 * later, but nobody could tell an unsigned event from a forged one.
 *
 * @throws StorageError
 * @throws VaultError
 */
export async function signingSecrets(
  apiKeyId: string,
  stored: { [Column in keyof WebhookSecretRow]: WebhookSecretRow[Column] | null },
  { db, vault, now }: BaseServices,
): Promise<string[]> {
  const slot = webhookSecretSlot(apiKeyId);
  const { secret_sealed, previous_secret_sealed } = stored.secret_sealed ? stored : await first();
  const [present, retired] = await Promise.all([
    vault.open(secret_sealed ?? "", slot),
    openRetired(vault, previous_secret_sealed, slot, now()),
  ]);
  return [present, ...retired.map(({ value }) => value)];

  async function first() {
    const fresh = await vault.seal(newId("webhookSecret"), slot);
    const row = await ensureSecret(db, apiKeyId, fresh, now().toISOString());
    return row ?? { secret_sealed: fresh, previous_secret_sealed: null };
  }
}
