import { getCookie, setCookie } from "hono/cookie";
import { baseServices } from "../http/base-services.ts";
import type { AppContext } from "../http/context.ts";
import { isId } from "../ids.ts";
import { isLoopback } from "../public-url.ts";
import { findSecretHash } from "./store.ts";

// A session is an API key's stand-in for the console in a browser. Nothing is stored: the cookie names the key and its
// end, and a keyed fingerprint covers both and the hash of the key's secret. So it ends when the secret is rotated or
// the key is revoked.

/**
 * The console sends this header with every request, and only then its cookie counts. Another site's page cannot send
 * it, because the browser would ask us first (CORS preflight), and we allow no one.
 */
export const CONSOLE_HEADER = "X-Nixflex-Console";

const NAME = "nixflex_session";
const LIFETIME_SECONDS = 12 * 60 * 60;
// <key id>.<end in Unix seconds>.<fingerprint, which has a point of its own>
const SESSION = /^(nxf_[0-9a-f]{32})\.(\d{1,12})\.([\w-]+\.[0-9a-f]{64})$/;

/** Whose session a request has. */
export type SessionKey = { apiKeyId: string; secretHash: string; expiresAt: Date };

/** Starts a session of the authenticated key: sets the cookie. @returns when the session ends */
export async function startSession(c: AppContext): Promise<Date> {
  const { vault, now } = baseServices(c.env, c.get("config"), c.get("log"));
  const end = Math.floor(now().getTime() / 1000) + LIFETIME_SECONDS;
  const apiKeyId = c.get("apiKeyId");
  const fingerprint = await vault.fingerprint(covered(apiKeyId, end, c.get("secretHash")));
  put(c, `${apiKeyId}.${end}.${fingerprint}`, LIFETIME_SECONDS);
  return new Date(end * 1000);
}

/** Ends the session in this browser. */
export function endSession(c: AppContext): void {
  put(c, "", 0);
}

/** The key of the request's session; undefined if it has none, or it has ended. @throws StorageError */
export async function findSession(c: AppContext): Promise<SessionKey | undefined> {
  const { db, vault, now, log } = baseServices(c.env, c.get("config"), c.get("log"));
  const cookie = getCookie(c, NAME, isLocal(c) ? undefined : "host") ?? "";
  log.conceal(cookie);
  const [, apiKeyId = "", end, fingerprint = ""] = SESSION.exec(cookie) ?? [];
  const expiresAt = new Date(Number(end) * 1000);
  if (!isId("apiKey", apiKeyId) || !(expiresAt > now())) return undefined;
  const secretHash = await findSecretHash(db, apiKeyId, c.get("config").jurisdiction ?? "");
  if (secretHash === null) return undefined;
  const isOurs = await vault.hasFingerprint(covered(apiKeyId, Number(end), secretHash), fingerprint);
  return isOurs ? { apiKeyId, secretHash, expiresAt } : undefined;
}

function covered(apiKeyId: string, end: number, secretHash: string): string {
  return `session\n${apiKeyId}\n${end}\n${secretHash}`;
}

/** With the prefix `__Host-`, a browser takes a cookie only over https, and sends it to this host only. */
function put(c: AppContext, value: string, maxAge: number): void {
  const secure = isLocal(c) ? {} : ({ secure: true, prefix: "host" } as const);
  setCookie(c, NAME, value, { maxAge, path: "/", httpOnly: true, sameSite: "Strict", ...secure });
}

/** Local development has no https, and not every browser takes a Secure cookie there. */
function isLocal(c: AppContext): boolean {
  const { protocol, hostname } = new URL(c.req.url);
  return protocol === "http:" && isLoopback(hostname);
}
