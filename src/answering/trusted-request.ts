import { ownAddresses } from "../config.ts";
import { baseServices } from "../http/base-services.ts";
import type { AppContext } from "../http/context.ts";
import { ApiError } from "../http/errors.ts";
import { limit } from "../http/rate-limit.ts";
import { readBody } from "../http/read-body.ts";
import { requestServices } from "../services.ts";
import { sharedKeyOf, verify } from "../twilio/signature.ts";
import { createIds } from "../vault/ids.ts";
import { isBurst, raiseRefused } from "./refusals.ts";
import { isPassed } from "./relay-pass.ts";
import type { RouteServices, TrustedRoute } from "./route.ts";
import { cachedRoute, loadReleasedRoute, loadRoute, sources } from "./route-cache.ts";

/** A request about a number that Twilio has certainly signed. */
export type TrustedRequest = {
  route: TrustedRoute;
  parameters: URLSearchParams;
  /** Twilio signs with the newest token while an older one still counts: the customer has promoted the new one. */
  isPromoted: boolean;
  /** Twilio signs with what counts from now on, and not with what was replaced. */
  isCurrent: boolean;
};

/** A request before its signature is verified. */
export type UnverifiedRequest = {
  /** The number's; this service has made it. */
  id: string;
  /** Of its Twilio account, as the path has it. */
  accountId: string;
  /** Under what it is counted: Twilio asks the fallback where the rest is refused. */
  counter: string;
  signature: string;
  /** The SharedKey that Twilio says it signed with. Nobody has verified it. */
  sharedKey: string | undefined;
  isJson: boolean;
  /** The URLs that Twilio may have signed: at this deployment's address, and at its former one if it has moved. */
  urls: string[];
  body: string;
};

/**
 * Reads a request, and refuses it as cheaply as possible.
 *
 * @throws ApiError `invalid_signature` if there is no signature, `not_found` if this service has not made the id,
 *   `unsupported_media_type`, `payload_too_large`
 */
export async function readUnverified(c: AppContext): Promise<UnverifiedRequest> {
  const signature = c.req.header("x-twilio-signature");
  if (!signature) throw new ApiError("invalid_signature");
  const { accountId, phoneNumberId: id, what } = c.get("called");
  if (!(await createIds(c.get("config").idSecret).isPhoneNumberId(id))) throw new ApiError("not_found");
  const mediaType = c.req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
  const isForm = mediaType === "application/x-www-form-urlencoded";
  const isJson = mediaType === "application/json";
  if (c.req.method === "POST" && !isForm && !isJson) {
    throw new ApiError("unsupported_media_type", {
      message: "Twilio sends webhooks as application/x-www-form-urlencoded.",
    });
  }
  // Twilio signs the URL that we gave it, whatever host this request came in by.
  const { pathname, search } = new URL(c.req.url);
  return {
    id,
    accountId,
    counter: what.endsWith("-fallback") ? `${id}/fallback` : id,
    signature,
    sharedKey: sharedKeyOf(c.req.header("x-twilio-webhooks-signature-settings")),
    isJson,
    urls: ownAddresses(c.get("config")).map((origin) => `${origin}${pathname}${search}`),
    body: c.req.method === "POST" ? utf8.decode(await readBody(c.req.raw)) : "",
  };
}

/**
 * Verifies that Twilio signed this request for the number in its path.
 *
 * @param isReport it tells what became of a call or a text, so the number may have been released since
 * @throws ApiError `invalid_signature`, `account_mismatch`, `not_found`, `rate_limit_exceeded`
 * @throws StorageError
 * @throws UntrustedRoute
 */
export async function trust(
  unverified: UnverifiedRequest,
  services: RouteServices,
  isReport = false,
): Promise<TrustedRequest> {
  const { route, key } = await countedSigner(unverified, services, isReport);
  return read(unverified, route, key);
}

/**
 * Verifies that Twilio opens this WebSocket, for the number in its path. A handshake has no parameters; its signature is
 * over the `wss` URL as the TwiML had it, or with a slash at its end.
 * https://www.twilio.com/docs/voice/conversationrelay/onboarding#configure-websocket-server
 * Or the URL holds a pass; relay-pass.ts says why.
 *
 * @throws ApiError `invalid_signature`, `not_found`, `rate_limit_exceeded`
 * @throws StorageError
 * @throws UntrustedRoute
 */
export async function trustHandshake(c: AppContext): Promise<TrustedRoute> {
  const unverified = await readUnverified(c);
  const services = routeServices(c);
  const { id, accountId, counter } = unverified;
  if (await isPassed(c.get("called").callSid ?? "", id, services)) {
    await services.count(counter);
    const route = cachedRoute(id, services.now()) ?? (await loadRoute(id, "primary", services));
    if (route?.accountId === accountId && route.row.api_key_sid !== null) return route;
  }
  const urls = unverified.urls.map((url) => url.replace(/^http/, "ws"));
  const handshake = { ...unverified, urls: urls.flatMap((url) => [url, `${url}/`]) };
  return (await countedSigner(handshake, services)).route;
}

/** Counts what is signed apart from what is not, so that nobody's rubbish uses up what a number may get. */
async function countedSigner(unverified: UnverifiedRequest, services: RouteServices, isReport = false) {
  const signed = await signer(unverified, services, isReport);
  // Whoever has the number's token can sign as much as he likes.
  await services.count(unverified.counter);
  return signed;
}

/** The route of a request, and which of its keys signed it. */
async function signer(
  unverified: UnverifiedRequest,
  services: RouteServices,
  isReport = false,
): Promise<{ route: TrustedRoute; key: number }> {
  const cached = cachedRoute(unverified.id, services.now());
  const key = cached && (await signingKey(unverified, cached));
  if (cached && key !== undefined) return { route: cached, key };
  // D1 is asked so often at most. What is not signed finds the cache, and so does not use up the looks into D1 without one.
  await services.count(`${unverified.counter}/${cached ? "stale" : "cold"}`);
  // The cache may be old, and so may a replica: another isolate may just have replaced the token.
  let loaded: TrustedRoute | null = null;
  for (const source of sources(cached !== undefined, services.now())) {
    loaded = await loadRoute(unverified.id, source, services);
    const loadedKey = loaded && (await signingKey(unverified, loaded));
    if (loaded && loadedKey !== null && loadedKey !== undefined) return { route: loaded, key: loadedKey };
  }
  if (!loaded && isReport) {
    const released = await loadReleasedRoute(unverified.id, services);
    const releasedKey = released && (await signingKey(unverified, released));
    if (released && releasedKey !== null && releasedKey !== undefined)
      return { route: released, key: releasedKey };
    loaded = released;
  }
  if (!loaded || loaded.accountId !== unverified.accountId) throw new ApiError("not_found");
  throw refusal(unverified, loaded, services);
}

/** The index of the route's key that signed the request; undefined if none did, or the path has another account. */
export async function signingKey(
  { signature, urls, body, accountId }: UnverifiedRequest,
  route: TrustedRoute,
): Promise<number | undefined> {
  if (route.accountId !== accountId) return undefined;
  for (const [index, key] of route.keys.entries()) {
    for (const url of urls) if (await verify([key], signature, { url, body })) return index;
  }
  return undefined;
}

function read(unverified: UnverifiedRequest, route: TrustedRoute, key: number): TrustedRequest {
  const parameters = parametersOf(unverified);
  // The signature proves only the token. The account in the request must be the token's account.
  if (parameters.get("AccountSid") !== route.accountSid) throw new ApiError("account_mismatch");
  const isPromoted = key === 0 && route.keys.length > 1 && !route.mayReturn;
  return { route, parameters, isPromoted, isCurrent: key < route.current };
}

/** The parameters of a request. Do not act on them before the request is trusted. */
export function parametersOf({ urls, body, isJson }: UnverifiedRequest): URLSearchParams {
  if (isJson) return new URLSearchParams(flat(body));
  return body === "" ? new URL(urls[0] ?? "").searchParams : new URLSearchParams(body);
}

/** The text values of a JSON object. Twilio's webhooks are forms today, and its JSON ones are not nested. */
function flat(body: string): [string, string][] {
  try {
    return Object.entries(JSON.parse(body) as object).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string",
    );
  } catch {
    return [];
  }
}

function refusal(
  unverified: UnverifiedRequest,
  route: TrustedRoute,
  { log, onRefused }: RouteServices,
): ApiError {
  const { sharedKey } = unverified;
  const reason = sharedKey === undefined ? "signatures_refused" : "signed_by_other_key";
  onRefused(route, reason);
  log.warn("signature_refused", {
    reason,
    shared_key: sharedKey,
    phone_number_id: route.phoneNumberId,
    account_sid: route.accountSid,
    parameters: parameterNames(parametersOf(unverified)),
  });
  const error = new ApiError("invalid_signature");
  return sharedKey === undefined ? error : error.explained(`${error.message} ${OTHER_KEY}`, { reason });
}

const OTHER_KEY =
  "A Webhook Rule of the Twilio account has it signed with a SharedKey that this service does not have. Let a Rule for this " +
  "service's address, with a longer prefix, sign with the Auth Token, or delete the Rule.";

// Twilio signs a byte order mark too, so we keep it.
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true, fatal: false });

const MAX_NAMES = 60;

/** The names of the parameters, for the log. Never their values: they hold a caller's number and words. */
function parameterNames(parameters: URLSearchParams): string {
  return [...new Set(parameters.keys())].slice(0, MAX_NAMES).join(" ").slice(0, 1000);
}

export function routeServices(c: AppContext): RouteServices {
  return {
    ...baseServices(c.env, c.get("config"), c.get("log")),
    count: (key) => limit(c, c.env.WEBHOOK_LIMIT, key),
    onRefused: (route, reason) => {
      if (isBurst(route, new Date()))
        c.executionCtx.waitUntil(raiseRefused(route, reason, requestServices(c)));
    },
  };
}
