import { createMiddleware } from "hono/factory";
import { type KeySecret, OPERATOR } from "../actor.ts";
import { type AppContext, type AppEnv, afterAnswer } from "../http/context.ts";
import { ApiError } from "../http/errors.ts";
import { isId } from "../ids.ts";
import { dayOf } from "../time.ts";
import { equalInConstantTime } from "../vault/constant-time.ts";
import { sha256 } from "../vault/hash.ts";
import { requireSame } from "./jurisdiction.ts";
import { type Need, refusalOf } from "./permission.ts";
import { findSecretAnd, noteUse } from "./secret-store.ts";
import { CONSOLE_HEADER, findSession } from "./session.ts";
import { hasApiKey, noteJurisdiction } from "./store.ts";

// Stands in for the hash of a secret that does not exist.
const NO_HASH = "0".repeat(64);

/** What an endpoint reads in the trip that finds the secret. It is not known yet whether it is right. */
export type Prefetch = (c: AppContext, apiKeyId: string) => Promise<D1PreparedStatement[]>;

/**
 * Accepts requests with `Authorization: Bearer KEY_ID:KEY_SECRET`, or with a session of the console, if the secret may do
 * what the route needs. Sets `apiKeyId`, `secret`, `sessionEnds` and `actor`.
 *
 * @param prefetch these reads run in the batch that finds the secret: `c.get("prefetched")`, unset for a session, and for a
 *   limited secret, which may find less
 * @throws ApiError `invalid_api_key`, `key_secret_required`, `read_only_secret`, `secret_is_limited`
 */
export function authenticate(need: Need, prefetch: Prefetch = async () => []) {
  const middleware = createMiddleware<AppEnv>(async (c, next) => {
    const authorization = c.req.header("authorization");
    const isConsole = authorization === undefined && c.req.header(CONSOLE_HEADER) !== undefined;
    const secret = isConsole ? await secretOfSession(c) : await secretOfBearer(c, authorization, prefetch);
    c.set("apiKeyId", secret.api_key_id);
    c.set("secret", secret);
    c.set("actor", { kind: isConsole ? "session" : "secret", name: secret.name });
    const refusal = refusalOf(need, secret);
    if (refusal !== undefined) throw new ApiError(refusal);
    if (c.get("isPlan") && c.req.raw.body === null) c.res = c.json({});
    else await next();
    const today = dayOf(Date.now());
    // Behind all that is waited for. If it is lost, the next request writes it.
    if (secret.last_used_on !== today)
      afterAnswer(c, () => noteUse(c.env.DB, secret.id, today).catch(() => undefined));
  });
  return Object.assign(middleware, { need });
}

async function secretOfBearer(
  c: AppContext,
  authorization: string | undefined,
  prefetch: Prefetch,
): Promise<KeySecret> {
  const credentials = bearer(authorization);
  if (credentials === undefined) throw new ApiError("invalid_api_key");
  const [apiKeyId, given] = split(credentials);
  if (!given) throw secretRequired(credentials);
  c.get("log").conceal(given);
  if (!isId("apiKey", apiKeyId)) throw new ApiError("invalid_api_key");

  const [hash, statements] = await Promise.all([sha256(given), prefetch(c, apiKeyId)]);
  const now = new Date().toISOString();
  const { found, results } = await findSecretAnd(c.env.DB, { apiKeyId, hash }, now, statements);
  const matches = await equalInConstantTime(hash, found?.secret_hash ?? NO_HASH);
  if (!found || !matches) throw new ApiError("invalid_api_key");
  const configured = c.get("config").jurisdiction ?? "";
  requireSame(found.jurisdiction, configured);
  if (found.jurisdiction === null)
    c.executionCtx.waitUntil(noteJurisdiction(c.env.DB, apiKeyId, configured).catch(() => undefined));
  if (results.length > 0 && found.external_id === null) c.set("prefetched", results);
  return found;
}

async function secretOfSession(c: AppContext): Promise<KeySecret> {
  const session = await findSession(c);
  if (!session)
    throw new ApiError("invalid_api_key", {
      message: "You are not signed in, or your session has ended. Sign in with your API key.",
    });
  c.set("sessionEnds", session.expiresAt);
  return session.found;
}

/** Says which half of the key is missing. */
function secretRequired(credentials: string): ApiError {
  const [keyId] = split(credentials);
  const found = isId("apiKey", keyId)
    ? "The key id is there, but not the colon and the key secret (nxfs_…) after it."
    : credentials.startsWith("nxfs_")
      ? "There is only a key secret, without the key id (nxf_…) and the colon before it."
      : "The text after Bearer is no API key (nxf_…:nxfs_…).";
  return new ApiError("key_secret_required", {
    message: `${found} Send Authorization: Bearer KEY_ID:KEY_SECRET.`,
  });
}

/**
 * Accepts requests with the deployment's admin token. If signup is open, accepts every request.
 *
 * @param always whether the admin token is needed even if signup is open
 */
export const requireAdmin = ({ always = false } = {}) =>
  createMiddleware<AppEnv>(async (c, next) => {
    if (always || !c.get("config").openSignup) await requireAdminToken(c);
    await next();
  });

/** @throws ApiError `invalid_admin_token` */
export async function requireAdminToken(c: AppContext): Promise<void> {
  if (!(await isAdmin(c))) throw new ApiError("invalid_admin_token");
  c.set("actor", OPERATOR);
}

export function isAdmin(c: AppContext): Promise<boolean> {
  return equalInConstantTime(bearer(c.req.header("authorization")) ?? "", c.get("config").adminToken);
}

/** The text after `Bearer` (RFC 6750, 2.1), or undefined if the header is absent or has another scheme. */
export function bearer(header: string | undefined): string | undefined {
  const match = /^bearer(?: +(.*))?$/i.exec(header?.trim() ?? "");
  return match ? (match[1] ?? "").trim() : undefined;
}

function split(credentials: string): [keyId: string, secret: string] {
  const colon = credentials.indexOf(":");
  return colon === -1 ? [credentials, ""] : [credentials.slice(0, colon), credentials.slice(colon + 1)];
}

/** The API key that the path names. @throws ApiError `key_not_found` @throws StorageError */
export async function knownKey(c: AppContext): Promise<string> {
  const keyId = c.req.param("key_id") ?? "";
  if (isId("apiKey", keyId) && (await hasApiKey(c.env.DB, keyId))) return keyId;
  throw new ApiError("key_not_found");
}
