import { batch } from "../database.ts";
import { ApiError } from "../http/errors.ts";
import { newId } from "../ids.ts";
import type { Services } from "../services.ts";
import { fetchAccount, tryCredentials } from "../twilio/account.ts";
import { isAboutCredentials, isNotFound } from "../twilio/errors.ts";
import type { TwilioCredentials, TwilioEndpoint } from "../twilio/http.ts";
import { inRegion, otherRegions, storedRegion } from "../twilio/regions.ts";
import { sealToken } from "./auth-token.ts";
import { disprove } from "./check-store.ts";
import { diagnose } from "./diagnose.ts";
import type { AccountKey } from "./row.ts";
import type { ConnectBody } from "./schema.ts";
import { connectStatements, findAccount, findOwnAccounts, type OwnAccount, upsertAccount } from "./store.ts";

/** Asks Twilio whether it takes these credentials. @throws ApiError Twilio's refusal, and what to do */
export async function requireAccepted(
  endpoint: TwilioEndpoint,
  credentials: TwilioCredentials,
  apiKeyId: string,
  services: Services,
): Promise<void> {
  await tryCredentials(endpoint, credentials).catch(async (error: unknown) => {
    // This request names no number: a 404 says that Twilio does not know the account.
    if (isNotFound(error)) throw new ApiError("twilio_invalid_credentials", { cause: error });
    throw await diagnose(error, { endpoint, credentials, apiKeyId }, services);
  });
}

/** The endpoint in the Twilio Region that takes the credentials. @throws ApiError */
export async function findEndpoint(
  credentials: TwilioCredentials,
  apiKeyId: string,
  services: Services,
): Promise<TwilioEndpoint> {
  const { twilio: endpoint } = services;
  const tryIn = async (tried: TwilioEndpoint) => {
    await tryCredentials(tried, credentials);
    return tried;
  };
  try {
    return await tryIn(endpoint).catch((error: unknown) => {
      if (!isAboutCredentials(error)) throw error;
      return Promise.any(otherRegions(endpoint).map(tryIn)).catch(() => {
        throw error;
      });
    });
  } catch (error) {
    const refused = { endpoint, credentials, apiKeyId, isRefusedEverywhere: true } as const;
    throw await diagnose(error, refused, services);
  }
}

/**
 * Stores a token that Twilio has just accepted. If two requests bring new tokens at once, the later one replaces the
 * earlier one. The replaced token verifies webhooks for a day.
 *
 * @param connected what to write if its owner has connected the account; without it, an account that is not stored is left
 * @returns whether there is such an account, and whether it was not connected before
 * @throws StorageError
 */
export async function storeToken(
  key: Omit<AccountKey, "id">,
  authToken: string,
  { db, vault, log, now }: Services,
  connected?: { friendlyName: string | null },
): Promise<{ isStored: boolean; isNew: boolean }> {
  for (let isNew = false; ; ) {
    const stored = (await findAccount(db, key)) ?? undefined;
    if (!stored && !connected) return { isStored: false, isNew };
    const account = { ...key, id: stored?.id ?? newId("twilioAccount") };
    const token = await sealToken(account, authToken, stored, { vault, log, now });
    const time = now().toISOString();
    const more = connected ? connectStatements(db, key, connected.friendlyName, time) : [];
    const [upserted, , joined] = await batch(db, [
      upsertAccount(db, token, time),
      disprove(db, key, token.tokenChangedAt, "accepted", time),
      ...more,
    ]);
    isNew ||= joined?.meta.changes === 1;
    if (upserted?.meta.changes === 0 && (!stored || token.replaces !== null)) continue;
    log.info("auth_token_replaced", { account_sid: key.accountSid, is_new: token.replaces !== null });
    return { isStored: true, isNew };
  }
}

/**
 * Connects a Twilio account, so that its numbers are imported without its token; or gives a connected account a new one.
 *
 * @throws ApiError
 * @throws StorageError
 */
export async function connectAccount(
  { twilio_sid: accountSid, twilio_token: authToken, region }: ConnectBody,
  apiKeyId: string,
  services: Services,
): Promise<{ account: OwnAccount; isNew: boolean }> {
  const { db, twilio: own } = services;
  const credentials = { accountSid, authToken };
  const named = region === undefined ? undefined : inRegion(own, region);
  if (region !== undefined && !named) throw new ApiError("twilio_unavailable");
  if (named) await requireAccepted(named, credentials, apiKeyId, services);
  const endpoint = named ?? (await findEndpoint(credentials, apiKeyId, services));
  // Its name is for people; the account works without it.
  const { friendly_name } = await fetchAccount(endpoint, credentials).catch(() => ({ friendly_name: null }));
  const key = { apiKeyId, accountSid, region: storedRegion(own, endpoint) };
  const { isNew } = await storeToken(key, authToken, services, { friendlyName: friendly_name ?? null });
  services.routesChanged(apiKeyId);
  const account = (await findOwnAccounts(db, apiKeyId, accountSid)).find((row) => row.region === key.region);
  // The key was revoked meanwhile.
  if (!account) throw new ApiError("invalid_api_key");
  services.log.info("account_connected", { key_id: apiKeyId, account_sid: accountSid, is_new: isNew });
  return { account, isNew };
}
