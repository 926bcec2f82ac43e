import type { BaseServices } from "../http/base-services.ts";
import { errorFields } from "../http/log.ts";
import { DAY_MS } from "../time.ts";
import { type Credential, secretOf, type TwilioCredentials } from "../twilio/http.ts";
import type { Algorithm } from "../twilio/signature.ts";
import { equalInConstantTime } from "../vault/constant-time.ts";
import { openRetired, sealRetired } from "../vault/retired.ts";
import { type Slot, VaultError } from "../vault/vault.ts";
import { type AccountKey, accountOf, type TwilioAccountRow } from "./row.ts";
import { type CredentialToStore, findAccountsOfKey } from "./store.ts";

/** How long a token or SharedKey that was replaced still verifies webhooks. */
const RETIRED_MS = DAY_MS;

export const credentialSlot = ({ id }: Pick<AccountKey, "id">): Slot => `twilio_accounts.auth_token/${id}`;

/** A SharedKey of the account, which signs its webhooks as a Webhook Rule says. `until`: it was replaced. */
export type SigningKey = { id: string; key: string; until?: string };

/** Two are in force while Twilio shares the traffic between two Settings. */
const MAX_SIGNING_KEYS = 2;

type Services = Pick<BaseServices, "vault" | "log" | "now">;

/** Seals a credential that Twilio has just accepted, and what it replaces, if they differ. */
export async function sealCredential(
  account: AccountKey,
  credential: Credential,
  stored: TwilioAccountRow | undefined,
  services: Services,
  signingKey?: SigningKey,
): Promise<CredentialToStore> {
  const { vault, now } = services;
  const slot = credentialSlot(account);
  const apiKeySid = "keySid" in credential ? credential.keySid : null;
  const before = stored ? await openSigningKeys(account, stored, services) : [];
  const until = new Date(now().getTime() + RETIRED_MS);
  const after = signingKeysAfter(before, apiKeySid !== null, signingKey, until.toISOString());
  const hasOtherKeys = JSON.stringify(after) !== JSON.stringify(before);
  const [secretSealed, signingKeysSealed, replaces] = await Promise.all([
    vault.seal(secretOf(credential), slot),
    after.length === 0 ? null : vault.seal(JSON.stringify(after), slot),
    stored ? replacement(account, credential, stored, until, services) : null,
  ]);
  return {
    ...account,
    apiKeySid,
    secretSealed,
    signingKeysSealed,
    tokenChangedAt: stored?.auth_token_changed_at ?? null,
    isUnproven: apiKeySid !== null && (hasOtherKeys || stored?.api_key_sid == null),
    replaces:
      replaces ?? (stored && hasOtherKeys ? { retiredSealed: stored.previous_auth_token_sealed } : null),
  };
}

/**
 * The SharedKeys that count from now on, the newest first.
 *
 * @internal
 */
export function signingKeysAfter(
  before: readonly SigningKey[],
  isByApiKey: boolean,
  given: SigningKey | undefined,
  until: string,
): SigningKey[] {
  const [newest, ...older] = before;
  if (isByApiKey && (!given || (given.id === newest?.id && given.key === newest.key)))
    return newest ? [{ id: newest.id, key: newest.key }, ...older] : [];
  const others = before.filter(({ id }) => id !== given?.id);
  const retired = others.map((key) => ({ ...key, until: key.until ?? until }));
  return [...(isByApiKey && given ? [given] : []), ...retired].slice(0, MAX_SIGNING_KEYS);
}

async function replacement(
  account: AccountKey,
  credential: Credential,
  stored: TwilioAccountRow,
  until: Date,
  { vault, log, now }: Services,
): Promise<CredentialToStore["replaces"]> {
  const slot = credentialSlot(account);
  try {
    const value = secretOf(credential);
    const present = await vault.open(stored.auth_token_sealed, slot);
    const isSameKind = stored.api_key_sid === ("keySid" in credential ? credential.keySid : null);
    if (isSameKind && (await equalInConstantTime(value, present))) return null;
    // The secret of an API key signs no webhook.
    if (stored.api_key_sid !== null) return { retiredSealed: stored.previous_auth_token_sealed };
    const retired = await openRetired(vault, stored.previous_auth_token_sealed, slot, now());
    // If the customer sends an older token again, the present one may be a secondary token that will be promoted later:
    // it stays valid.
    const others = retired.filter((token) => token.value !== value);
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

/** What signs in to the account. @throws VaultError if it does not open */
export async function openCredential(
  account: AccountKey,
  stored: TwilioAccountRow,
  services: Services,
): Promise<TwilioCredentials> {
  const { accountSid } = account;
  const { api_key_sid: keySid, auth_token_sealed: sealed } = stored;
  if (keySid !== null)
    return { accountSid, keySid, secret: await services.vault.open(sealed, credentialSlot(account)) };
  const { signers } = await openSigners(account, stored, services);
  return { accountSid, authToken: signers[0].secret };
}

type Signer = { secret: string; algorithm: Algorithm };

export type Signers = {
  signers: [Signer, ...Signer[]];
  /** A replaced token may come into use yet, so a signature by the first does not end the rotation. */
  mayReturn: boolean;
  /** How many of the first show that Twilio signs as it should from now on. */
  current: number;
};

const ALGORITHMS = ["HMAC_SHA256", "HMAC_SHA1"] as const;

/**
 * What may have signed a webhook of this account, the most likely first: its SharedKeys, by either hash, and its tokens. Twilio
 * signs with the primary token until the customer promotes the secondary one, and with a SharedKey not before its Rule is in
 * force, so what was replaced counts for a day.
 *
 * @throws VaultError if nothing can be opened; one is enough to answer calls
 */
export async function openSigners(
  account: AccountKey,
  stored: TwilioAccountRow,
  services: Services,
): Promise<Signers> {
  const { vault, log, now } = services;
  const slot = credentialSlot(account);
  const isByToken = stored.api_key_sid === null;
  const [present, retired, keys] = await Promise.allSettled([
    isByToken ? vault.open(stored.auth_token_sealed, slot) : null,
    openRetired(vault, stored.previous_auth_token_sealed, slot, now()),
    openSigningKeys(account, stored, services),
  ]);
  const failed = [present, retired, keys].find((result) => result.status === "rejected");
  if (failed)
    log.error("stored_token_unreadable", { account_sid: account.accountSid, ...errorFields(failed.reason) });
  const tokens = [
    ...(present.status === "fulfilled" && present.value !== null ? [present.value] : []),
    ...(retired.status === "fulfilled" ? retired.value.map(({ value }) => value) : []),
  ].map((secret): Signer => ({ secret, algorithm: "HMAC_SHA1" }));
  const shared = (keys.status === "fulfilled" ? keys.value : []).flatMap(({ key: secret }) =>
    ALGORITHMS.map((algorithm): Signer => ({ secret, algorithm })),
  );
  const [first, ...others] = isByToken ? [...tokens, ...shared] : [...shared, ...tokens];
  if (first === undefined) throw failed?.reason ?? new VaultError("the account has no key that signs");
  const mayReturn = retired.status === "fulfilled" && retired.value.some((token) => token.mayReturn);
  return {
    signers: [first, ...others],
    mayReturn: mayReturn || shared.length > 0,
    current: isByToken ? tokens.length : ALGORITHMS.length,
  };
}

/** The SharedKeys that count, the newest first. @throws VaultError */
export async function openSigningKeys(
  account: AccountKey,
  { signing_keys_sealed: sealed }: TwilioAccountRow,
  { vault, now }: Services,
): Promise<SigningKey[]> {
  if (sealed === null) return [];
  const keys = JSON.parse(await vault.open(sealed, credentialSlot(account))) as SigningKey[];
  return keys.filter(({ until }) => until === undefined || Date.parse(until) > now().getTime());
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
    const stored = await vault.open(auth_token_sealed, credentialSlot(account)).catch(() => "");
    if (await equalInConstantTime(authToken, stored)) return account;
  }
  return undefined;
}
