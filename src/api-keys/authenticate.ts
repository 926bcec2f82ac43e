import { createMiddleware } from "hono/factory";
import type { AppContext, AppEnv } from "../http/context.ts";
import { ApiError, errorCatalogue } from "../http/errors.ts";
import { isId } from "../ids.ts";
import { equalInConstantTime } from "../vault/constant-time.ts";
import { sha256 } from "../vault/hash.ts";
import { requireSame } from "./jurisdiction.ts";
import { CONSOLE_HEADER, findSession } from "./session.ts";
import { findSecretHashAnd, hasApiKey, noteJurisdiction } from "./store.ts";

// Stands in for the hash of a key that does not exist, so that refusing it takes as long as refusing a wrong secret.
const NO_HASH = "0".repeat(64);

/**
 * Accepts requests with `Authorization: Bearer KEY_ID:KEY_SECRET`, or with a session of the console. Sets `apiKeyId` and
 * `secretHash`.
 */
export const authenticate = authenticatePrefetching(async () => []);

/** What an endpoint reads in the trip that finds the key. It is not known yet whether the key is right. */
export type Prefetch = (c: AppContext, apiKeyId: string) => Promise<D1PreparedStatement[]>;

/** Also runs these reads in the batch that finds the key: `c.get("prefetched")`, unset for a console session. */
export function authenticatePrefetching(prefetch: Prefetch) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const authorization = c.req.header("authorization");
    const isConsole = authorization === undefined && c.req.header(CONSOLE_HEADER) !== undefined;
    const key = isConsole ? await keyOfSession(c) : await keyOfBearer(c, authorization, prefetch);
    c.set("apiKeyId", key.apiKeyId);
    c.set("secretHash", key.secretHash);
    await next();
  });
}

type AuthenticatedKey = { apiKeyId: string; secretHash: string };

async function keyOfBearer(
  c: AppContext,
  authorization: string | undefined,
  prefetch: Prefetch,
): Promise<AuthenticatedKey> {
  const credentials = bearer(authorization);
  if (credentials === undefined) throw new ApiError("invalid_api_key");
  const [apiKeyId, secret] = split(credentials);
  if (!secret) throw secretRequired(credentials);
  c.get("log").conceal(secret);
  if (!isId("apiKey", apiKeyId)) throw new ApiError("invalid_api_key");

  const statements = await prefetch(c, apiKeyId);
  const [presented, found] = await Promise.all([
    sha256(secret),
    findSecretHashAnd(c.env.DB, apiKeyId, statements),
  ]);
  const { secretHash: stored, jurisdiction, results } = found;
  const matches = await equalInConstantTime(presented, stored ?? NO_HASH);
  if (stored === null || !matches) throw new ApiError("invalid_api_key");
  const configured = c.get("config").jurisdiction ?? "";
  requireSame(jurisdiction, configured);
  if (jurisdiction === null)
    c.executionCtx.waitUntil(noteJurisdiction(c.env.DB, apiKeyId, configured).catch(() => undefined));
  if (results.length > 0) c.set("prefetched", results);
  return { apiKeyId, secretHash: stored };
}

async function keyOfSession(c: AppContext): Promise<AuthenticatedKey> {
  const session = await findSession(c);
  if (session) return session;
  throw new ApiError("invalid_api_key", {
    message: "You are not signed in, or your session has ended. Sign in with your API key.",
  });
}

/** Says which half of the key is missing. */
function secretRequired(credentials: string): ApiError {
  const { message } = errorCatalogue.key_secret_required;
  const [keyId] = split(credentials);
  const found = isId("apiKey", keyId)
    ? "The key id is there, but not the colon and the key secret (nxfs_…) after it."
    : credentials.startsWith("nxfs_")
      ? "There is only a key secret, without the key id (nxf_…) and the colon before it."
      : "The text after Bearer is no API key. An API key is a key id (nxf_…), a colon and a key secret (nxfs_…).";
  return new ApiError("key_secret_required", { message: `${found} ${message}` });
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
}

export function isAdmin(c: AppContext): Promise<boolean> {
  return equalInConstantTime(bearer(c.req.header("authorization")) ?? "", c.get("config").adminToken);
}

/** The text after `Bearer` (RFC 6750, 2.1), or undefined if the header is absent or has another scheme. */
function bearer(header: string | undefined): string | undefined {
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
