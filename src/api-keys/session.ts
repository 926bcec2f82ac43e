import { baseServices } from "../http/base-services.ts";
import type { AppContext } from "../http/context.ts";
import { isLoopback } from "../http/public-url.ts";
import { isId } from "../ids.ts";
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
  setCookie(c, `${apiKeyId}.${end}.${fingerprint}`, LIFETIME_SECONDS);
  return new Date(end * 1000);
}

/** Ends the session in this browser. */
export function endSession(c: AppContext): void {
  setCookie(c, "", 0);
}

/** The key of the request's session; undefined if it has none, or it has ended. @throws StorageError */
export async function findSession(c: AppContext): Promise<SessionKey | undefined> {
  const { db, vault, now, log } = baseServices(c.env, c.get("config"), c.get("log"));
  const cookies = (c.req.header("cookie") ?? "").split("; ");
  const name = `${cookieName(c)}=`;
  const cookie = cookies.find((pair) => pair.startsWith(name))?.slice(name.length) ?? "";
  log.conceal(cookie);
  const [, apiKeyId = "", end, fingerprint = ""] = SESSION.exec(cookie) ?? [];
  const expiresAt = new Date(Number(end) * 1000);
  if (!isId("apiKey", apiKeyId) || !(expiresAt > now())) return undefined;
  const secretHash = await findSecretHash(db, apiKeyId);
  if (secretHash === null) return undefined;
  const isOurs = await vault.hasFingerprint(covered(apiKeyId, Number(end), secretHash), fingerprint);
  return isOurs ? { apiKeyId, secretHash, expiresAt } : undefined;
}

function covered(apiKeyId: string, end: number, secretHash: string): string {
  return `session\n${apiKeyId}\n${end}\n${secretHash}`;
}

function setCookie(c: AppContext, value: string, maxAge: number): void {
  const secure = isLocal(c) ? "" : "; Secure";
  c.header(
    "set-cookie",
    `${cookieName(c)}=${value}; Max-Age=${maxAge}; Path=/; HttpOnly${secure}; SameSite=Strict`,
  );
}

/** `__Host-` (RFC 6265bis, 4.1.3.2): a browser takes such a cookie only over https, and sends it to this host only. */
function cookieName(c: AppContext): string {
  return isLocal(c) ? NAME : `__Host-${NAME}`;
}

/** Local development has no https, and not every browser takes a Secure cookie there. */
function isLocal(c: AppContext): boolean {
  const { protocol, hostname } = new URL(c.req.url);
  return protocol === "http:" && isLoopback(hostname);
}
