import { batch } from "../database.ts";
import type { SealedEvent } from "../events/event.ts";
import { insertPending } from "../events/pending-store.ts";
import { ApiError } from "../http/errors.ts";
import { faultError } from "../http/faults.ts";
import { newId } from "../ids.ts";
import type { Services } from "../services.ts";
import { fetchAccount, tryCredentials } from "../twilio/account.ts";
import { isNotFound } from "../twilio/errors.ts";
import type { Credential, TwilioCredentials, TwilioEndpoint } from "../twilio/http.ts";
import { inItsRegion, inRegion, storedRegion } from "../twilio/regions.ts";
import { disprove } from "./check-store.ts";
import { type SigningKey, sealCredential } from "./credential.ts";
import { diagnose } from "./diagnose.ts";
import { openKnown } from "./known.ts";
import type { AccountKey, TwilioAccountRow } from "./row.ts";
import { type ConnectBody, hasCredential, required } from "./schema.ts";
import { isToSettle, settleSigning } from "./signing.ts";
import {
  type ConnectedBy,
  connectStatements,
  findAccount,
  findOwnAccounts,
  isStored,
  type OwnAccount,
  upsertAccount,
} from "./store.ts";

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
  try {
    return await inItsRegion(endpoint, async (tried) => {
      await tryCredentials(tried, credentials);
      return tried;
    });
  } catch (error) {
    const refused = { endpoint, credentials, apiKeyId, isRefusedEverywhere: true } as const;
    throw await diagnose(error, refused, services);
  }
}

/** An Auth Token for an account that is connected by an API key would change how its webhooks are verified. @throws ApiError */
export function refuseToken(stored: TwilioAccountRow | null | undefined): void {
  if (stored && stored.api_key_sid !== null) throw new ApiError("account_uses_api_key");
}

/**
 * Stores a credential that Twilio has just accepted. If two requests bring new ones at once, the later one replaces the
 * earlier one. A replaced token or SharedKey verifies webhooks for a day.
 *
 * @param connected what to write if its owner has connected the account; without it, an account that is not stored is left
 * @param told tells that the stored credential is replaced
 * @returns whether there is such an account, whether it was not connected before, and whether its credential is replaced
 * @throws ApiError `account_uses_api_key` if the owner has not connected it so
 * @throws StorageError
 */
export async function storeCredential(
  key: Omit<AccountKey, "id">,
  credential: Credential,
  { db, vault, log, now }: Services,
  connected?: { friendlyName: string | null; signingKey: SigningKey | undefined; by: ConnectedBy },
  told?: SealedEvent,
): Promise<{ isStored: boolean; isNew: boolean; isReplaced: boolean }> {
  for (let isNew = false; ; ) {
    const stored = (await findAccount(db, key)) ?? undefined;
    if (!stored && !connected) return { isStored: false, isNew, isReplaced: false };
    if (!connected) refuseToken(stored);
    const account = { ...key, id: stored?.id ?? newId("twilioAccount") };
    const sealed = await sealCredential(
      account,
      credential,
      stored,
      { vault, log, now },
      connected?.signingKey,
    );
    const time = now().toISOString();
    const more = connected ? connectStatements(db, sealed, connected, time) : [];
    const [upserted, , joined] = await batch(db, [
      upsertAccount(db, sealed, time),
      disprove(db, key, sealed.tokenChangedAt, "accepted", time),
      ...more,
      ...(told ? [insertPending(db, told, { account: isStored(sealed) })] : []),
    ]);
    isNew ||= joined?.meta.changes === 1;
    if (upserted?.meta.changes === 0 && (!stored || sealed.replaces !== null)) continue;
    const isReplaced = sealed.replaces !== null;
    log.info("auth_token_replaced", { account_sid: key.accountSid, is_new: isReplaced });
    return { isStored: true, isNew, isReplaced };
  }
}

/**
 * Connects a Twilio account, so that its numbers are imported without its token; or gives a connected account a new
 * credential, or a new SharedKey.
 *
 * @param isByLink its owner does so, by a connect link: only for the numbers to which he consents
 * @throws ApiError
 * @throws StorageError
 */
export async function connectAccount(
  body: ConnectBody,
  apiKeyId: string,
  services: Services,
  isByLink = false,
): Promise<{ account: OwnAccount; isNew: boolean }> {
  const { db, twilio: own } = services;
  const { twilio_sid: accountSid, region, webhook_signing_key_id: id, webhook_signing_key: key } = body;
  const credentials = { accountSid, ...(await credentialOf(body, apiKeyId, services)) };
  const named = region === undefined ? undefined : inRegion(own, region);
  if (region !== undefined && !named) throw new ApiError("twilio_unavailable");
  if (named) await requireAccepted(named, credentials, apiKeyId, services);
  const endpoint = named ?? (await findEndpoint(credentials, apiKeyId, services));
  // Its name is for people; the account works without it.
  const { friendly_name } = await fetchAccount(endpoint, credentials).catch(() => ({ friendly_name: null }));
  const account = { apiKeyId, accountSid, region: storedRegion(own, endpoint) };
  const { isNew } = await storeCredential(account, credentials, services, {
    friendlyName: friendly_name ?? null,
    by: hasCredential(body) ? (isByLink ? "link" : "holder") : "stored",
    signingKey: id === undefined || key === undefined ? undefined : { id, key },
  });
  services.routesChanged(apiKeyId);
  const read = async () =>
    (await findOwnAccounts(db, apiKeyId, accountSid)).find((row) => row.region === account.region);
  const stored = await read();
  if (stored && isToSettle(stored)) await settleSigning({ ...account, id: stored.id }, services);
  const found = stored && isToSettle(stored) ? await read() : stored;
  // It was disconnected meanwhile, its last number has gone, or the key was revoked.
  if (!found) throw new ApiError("account_not_found");
  services.log.info("account_connected", { key_id: apiKeyId, account_sid: accountSid, is_new: isNew });
  return { account: found, isNew };
}

/** What the request brings; or the stored API key, if it brings only the SharedKey. @throws ApiError @throws StorageError */
async function credentialOf(body: ConnectBody, apiKeyId: string, services: Services): Promise<Credential> {
  const { twilio_sid, twilio_token: authToken, twilio_api_key_sid: keySid } = body;
  if (authToken !== undefined) return { authToken };
  if (keySid !== undefined) return { keySid, secret: body.twilio_api_key_secret ?? "" };
  const rows = await findOwnAccounts(services.db, apiKeyId, twilio_sid);
  const row = rows.find(({ api_key_sid }) => api_key_sid !== null);
  if (!row) throw faultError(["twilio_api_key_sid", "twilio_api_key_secret"].map(required));
  return (await openKnown(row, apiKeyId, services)).credentials;
}
