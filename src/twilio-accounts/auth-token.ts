import type { BaseServices } from "../http/base-services.ts";
import { errorFields } from "../http/log.ts";
import { DAY_MS } from "../time.ts";
import { equalInConstantTime } from "../vault/constant-time.ts";
import { openRetired, sealRetired } from "../vault/retired.ts";
import type { Slot } from "../vault/vault.ts";
import { type AccountKey, accountOf, type TwilioAccountRow } from "./row.ts";
import { findAccountsOfKey, type TokenToStore } from "./store.ts";

/** How long a token that was replaced still verifies webhooks. */
const RETIRED_TOKEN_MS = DAY_MS;

export const authTokenSlot = ({ id }: Pick<AccountKey, "id">): Slot => `twilio_accounts.auth_token/${id}`;

type Services = Pick<BaseServices, "vault" | "log" | "now">;

/** Seals a token that Twilio has just accepted, and the stored token that it replaces, if the two differ. */
export async function sealToken(
  account: AccountKey,
  authToken: string,
  stored: TwilioAccountRow | undefined,
  services: Services,
): Promise<TokenToStore> {
  const { vault } = services;
  const slot = authTokenSlot(account);
  const [authTokenSealed, replaces] = await Promise.all([
    vault.seal(authToken, slot),
    stored ? replacement(account, authToken, stored, services) : null,
  ]);
  return { ...account, authTokenSealed, tokenChangedAt: stored?.auth_token_changed_at ?? null, replaces };
}

async function replacement(
  account: AccountKey,
  authToken: string,
  stored: TwilioAccountRow,
  { vault, log, now }: Services,
): Promise<TokenToStore["replaces"]> {
  const slot = authTokenSlot(account);
  try {
    const present = await vault.open(stored.auth_token_sealed, slot);
    if (await equalInConstantTime(authToken, present)) return null;
    const retired = await openRetired(vault, stored.previous_auth_token_sealed, slot, now());
    const until = new Date(now().getTime() + RETIRED_TOKEN_MS);
    // If the customer sends an older token again, the present one may be a secondary token that will be promoted later:
    // it stays valid.
    const others = retired.filter(({ value }) => value !== authToken);
    const replaced = {
      value: present,
      until,
      ...(others.length < retired.length && { mayReturn: true as const }),
    };
    return { retiredSealed: await sealRetired(vault, others, replaced, slot) };
  } catch (error) {
    // The stored token is lost: tell the operator. The new token works.
    log.error("stored_token_unreadable", { account_sid: account.accountSid, ...errorFields(error) });
    return { retiredSealed: null };
  }
}

export type OpenTokens = {
  tokens: [string, ...string[]];
  /** A replaced token may come into use yet, so a signature by the first does not end the rotation. */
  mayReturn: boolean;
};

/**
 * The tokens that may have signed a webhook of this account, the most likely first. Twilio signs with the primary token
 * until the customer promotes the secondary one, so a replaced token counts for a day.
 *
 * @throws VaultError if no token can be opened; one is enough to answer calls
 */
export async function openTokens(
  account: AccountKey,
  stored: TwilioAccountRow,
  { vault, log, now }: Services,
): Promise<OpenTokens> {
  const slot = authTokenSlot(account);
  const [present, retired] = await Promise.allSettled([
    vault.open(stored.auth_token_sealed, slot),
    openRetired(vault, stored.previous_auth_token_sealed, slot, now()),
  ]);
  const failed = [present, retired].find((result) => result.status === "rejected");
  if (failed)
    log.error("stored_token_unreadable", { account_sid: account.accountSid, ...errorFields(failed.reason) });
  const [first, ...others] = [
    ...(present.status === "fulfilled" ? [present.value] : []),
    ...(retired.status === "fulfilled" ? retired.value.map(({ value }) => value) : []),
  ];
  if (first === undefined) throw failed?.reason;
  const mayReturn = retired.status === "fulfilled" && retired.value.some((token) => token.mayReturn);
  return { tokens: [first, ...others], mayReturn };
}

// A key with more accounts gets the general reason; looking on would cost the caller more than it tells.
const MAX_ACCOUNTS = 50;

/** The account of this API key whose stored token this is, if any. @throws StorageError */
export async function findAccountWithToken(
  apiKeyId: string,
  authToken: string,
  { db, vault }: Pick<BaseServices, "db" | "vault">,
): Promise<AccountKey | undefined> {
  for (const { auth_token_sealed, ...row } of await findAccountsOfKey(db, apiKeyId, MAX_ACCOUNTS)) {
    const account = accountOf(row);
    // One that does not open is nobody's.
    const stored = await vault.open(auth_token_sealed, authTokenSlot(account)).catch(() => "");
    if (await equalInConstantTime(authToken, stored)) return account;
  }
  return undefined;
}
