import { ownAddresses } from "../config.ts";
import { baseServices } from "../http/base-services.ts";
import type { AppContext } from "../http/context.ts";
import { ApiError } from "../http/errors.ts";
import { readBody } from "../http/read-body.ts";
import { isId } from "../ids.ts";
import { requestServices } from "../services.ts";
import { verify } from "../twilio/signature.ts";
import { isBurst, raiseRejected } from "./refusals.ts";
import type { RouteServices, TrustedRoute } from "./route.ts";
import { cachedRoute, loadRoute } from "./route-cache.ts";

/** What Twilio says about a number, and it is sure that Twilio says it. */
export type TrustedRequest = {
  route: TrustedRoute;
  parameters: URLSearchParams;
  /** Twilio signs with the account's newest token although an older one still counts: it has promoted the new one. */
  isPromoted: boolean;
};

/** A request as it came in, nothing of it believed yet. */
export type UnverifiedRequest = {
  id: string;
  signature: string;
  isJson: boolean;
  /** The URLs that may have been signed: this deployment's, and its former one's where it has moved. */
  urls: string[];
  body: string;
};

/**
 * Reads what a request claims, as cheaply as it can be refused.
 *
 * @throws ApiError `invalid_signature` where there is none, `unsupported_media_type`, `payload_too_large`
 */
export async function readUnverified(c: AppContext): Promise<UnverifiedRequest> {
  const signature = c.req.header("x-twilio-signature");
  if (!signature) throw new ApiError("invalid_signature");
  const mediaType = c.req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
  const isForm = mediaType === "application/x-www-form-urlencoded";
  const isJson = mediaType === "application/json";
  if (c.req.method === "POST" && !isForm && !isJson) {
    throw new ApiError("unsupported_media_type", {
      message: "Twilio sends webhooks as application/x-www-form-urlencoded.",
    });
  }
  // The URL that was signed is the one Twilio was given, whatever host this request came in by.
  const { pathname, search } = new URL(c.req.url);
  return {
    id: c.req.param("id") ?? "",
    signature,
    isJson,
    urls: ownAddresses(c.get("config")).map((origin) => `${origin}${pathname}${search}`),
    body: c.req.method === "POST" ? utf8.decode(await readBody(c.req.raw)) : "",
  };
}

/**
 * What Twilio says, once it is sure that Twilio signed this request for the number in its path.
 *
 * @throws ApiError `invalid_signature`, `account_mismatch`, `not_found`
 * @throws StorageError
 * @throws UntrustedRoute
 */
export async function trust(unverified: UnverifiedRequest, services: RouteServices): Promise<TrustedRequest> {
  if (!isId("phoneNumber", unverified.id)) throw new ApiError("not_found");
  const cached = cachedRoute(unverified.id, services.now());
  const key = cached && (await signingKey(unverified, cached));
  if (cached && key !== undefined) return read(unverified, cached, key);
  // The cache may be behind: the token may just have been replaced through another isolate.
  const loaded = await loadRoute(unverified.id, services);
  if (!loaded) throw new ApiError("not_found");
  const loadedKey = await signingKey(unverified, loaded);
  if (loadedKey !== undefined) return read(unverified, loaded, loadedKey);
  throw refusal(unverified, loaded, services);
}

/** Which of the route's keys the request is signed with; undefined where it is none. */
export async function signingKey(
  { signature, urls, body }: UnverifiedRequest,
  { keys }: TrustedRoute,
): Promise<number | undefined> {
  for (const [index, key] of keys.entries()) {
    for (const url of urls) if (await verify([key], signature, { url, body })) return index;
  }
  return undefined;
}

function read(unverified: UnverifiedRequest, route: TrustedRoute, key: number): TrustedRequest {
  const parameters = parametersOf(unverified);
  // A signature proves the token; the account it speaks of must be the token's as well.
  if (parameters.get("AccountSid") !== route.accountSid) throw new ApiError("account_mismatch");
  return { route, parameters, isPromoted: key === 0 && route.keys.length > 1 };
}

/** The parameters of a request. Nothing may be done on their word before the request is trusted. */
export function parametersOf({ urls, body, isJson }: UnverifiedRequest): URLSearchParams {
  if (isJson) return new URLSearchParams(flat(body));
  return body === "" ? new URL(urls[0] ?? "").searchParams : new URLSearchParams(body);
}

/** The texts of a JSON object; Twilio's webhooks of today are forms, and no JSON one is nested. */
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
  onRefused(route);
  log.warn("signature_refused", {
    phone_number_id: route.phoneNumberId,
    account_sid: route.accountSid,
    parameters: parameterNames(parametersOf(unverified)),
  });
  return new ApiError("invalid_signature");
}

// A byte order mark is signed like anything else.
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true, fatal: false });

const MAX_NAMES = 60;

/** The names of the parameters, never their values: a caller's number and words are nobody's business in a log. */
function parameterNames(parameters: URLSearchParams): string {
  return [...new Set(parameters.keys())].slice(0, MAX_NAMES).join(" ").slice(0, 1000);
}

export function routeServices(c: AppContext): RouteServices {
  return {
    ...baseServices(c.env, c.get("config"), c.get("log")),
    onRefused: (route) => {
      if (isBurst(route, new Date())) c.executionCtx.waitUntil(raiseRejected(route, requestServices(c)));
    },
  };
}
