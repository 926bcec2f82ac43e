import { errorFields, type Logger } from "../http/log.ts";
import { equalInConstantTime } from "../vault/constant-time.ts";
import { openRetired, sealRetired } from "../vault/retired.ts";
import type { Slot, Vault } from "../vault/vault.ts";
import type { TokenToStore, TwilioAccountRow } from "./store.ts";

/** How long a token that was replaced still verifies webhooks. */
const RETIRED_TOKEN_MS = 24 * 60 * 60 * 1000;

type Owner = { apiKeyId: string; accountSid: string };

export const authTokenSlot = ({ apiKeyId, accountSid }: Owner): Slot =>
  `twilio_accounts.auth_token/${apiKeyId}/${accountSid}`;

type Services = { vault: Vault; log: Logger; now: () => Date };

/** A token that Twilio has just accepted, sealed, and what it replaces, if it is another than the stored one. */
export async function sealToken(
  owner: Owner,
  authToken: string,
  stored: TwilioAccountRow | undefined,
  services: Services,
): Promise<TokenToStore> {
  const { vault } = services;
  const slot = authTokenSlot(owner);
  const [authTokenSealed, replaces] = await Promise.all([
    vault.seal(authToken, slot),
    stored ? replacement(owner, authToken, stored, services) : null,
  ]);
  return { ...owner, authTokenSealed, replaces };
}

async function replacement(
  owner: Owner,
  authToken: string,
  stored: TwilioAccountRow,
  { vault, log, now }: Services,
): Promise<TokenToStore["replaces"]> {
  const slot = authTokenSlot(owner);
  const sealed = stored.auth_token_sealed;
  try {
    const present = await vault.open(sealed, slot);
    if (await equalInConstantTime(authToken, present)) return null;
    const retired = await openRetired(vault, stored.previous_auth_token_sealed, slot, now());
    const until = new Date(now().getTime() + RETIRED_TOKEN_MS);
    return { sealed, retiredSealed: await sealRetired(vault, retired, { value: present, until }, slot) };
  } catch (error) {
    // The stored one is lost, which an operator should know; the one at hand works.
    log.error("stored_token_unreadable", { account_sid: owner.accountSid, ...errorFields(error) });
    return { sealed, retiredSealed: null };
  }
}

/**
 * The tokens that may have signed a webhook of this account, the likeliest first. Twilio signs with the primary token
 * until a secondary one is promoted, so a token that was replaced counts for a day.
 *
 * @throws VaultError where the present one cannot be opened and no other can; one that can is enough to answer calls
 */
export async function openTokens(
  owner: Owner,
  stored: TwilioAccountRow,
  { vault, log, now }: Services,
): Promise<[string, ...string[]]> {
  const slot = authTokenSlot(owner);
  const [present, retired] = await Promise.allSettled([
    vault.open(stored.auth_token_sealed, slot),
    openRetired(vault, stored.previous_auth_token_sealed, slot, now()),
  ]);
  const failed = [present, retired].find((result) => result.status === "rejected");
  if (failed)
    log.error("stored_token_unreadable", { account_sid: owner.accountSid, ...errorFields(failed.reason) });
  const [first, ...others] = [
    ...(present.status === "fulfilled" ? [present.value] : []),
    ...(retired.status === "fulfilled" ? retired.value.map(({ value }) => value) : []),
  ];
  if (first === undefined) throw failed?.reason;
  return [first, ...others];
}
