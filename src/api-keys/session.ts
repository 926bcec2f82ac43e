import { getCookie, setCookie } from "hono/cookie";
import type { KeySecret } from "../actor.ts";
import { baseServices } from "../http/base-services.ts";
import type { AppContext } from "../http/context.ts";
import { isLoopback } from "../public-url.ts";
import { requireSame } from "./jurisdiction.ts";
import { findSecretAnd } from "./secret-store.ts";

// A session is a secret's stand-in for the console in a browser, and may what the secret may. Nothing is stored: the cookie
// names the secret and its end, and a keyed fingerprint covers both and the secret's hash. So it ends when the secret is
// rotated or deleted, or ends itself, or the key is revoked.

/**
 * The console sends this header with every request, and only then its cookie counts. Another site's page cannot send
 * it, because the browser would ask us first (CORS preflight), and we allow no one.
 */
export const CONSOLE_HEADER = "X-Nixflex-Console";

const NAME = "nixflex_session";
const LIFETIME_SECONDS = 12 * 60 * 60;
// <secret id>.<end in Unix seconds>.<fingerprint, which has a point of its own>
const SESSION = /^(sec_[0-9a-f]{32})\.(\d{1,12})\.([\w-]+\.[0-9a-f]{64})$/;

/** Starts a session of the authenticated secret: sets the cookie. @returns when the session ends */
export async function startSession(c: AppContext): Promise<Date> {
  const { vault, now } = baseServices(c.env, c.get("config"), c.get("log"));
  const { id, secret_hash, expires_at } = c.get("secret");
  const seconds = Math.floor(now().getTime() / 1000);
  const lasts = expires_at === null ? LIFETIME_SECONDS : Math.floor(Date.parse(expires_at) / 1000) - seconds;
  const lifetime = Math.min(LIFETIME_SECONDS, lasts);
  const end = seconds + lifetime;
  put(c, `${id}.${end}.${await vault.fingerprint(covered(id, end, secret_hash))}`, lifetime);
  return new Date(end * 1000);
}

/** Ends the session in this browser. */
export function endSession(c: AppContext): void {
  put(c, "", 0);
}

/** The secret of the request's session; undefined if it has none, or it has ended. @throws StorageError */
export async function findSession(c: AppContext): Promise<{ found: KeySecret; expiresAt: Date } | undefined> {
  const { db, vault, now, log } = baseServices(c.env, c.get("config"), c.get("log"));
  const cookie = getCookie(c, NAME, isLocal(c) ? undefined : "host") ?? "";
  log.conceal(cookie);
  const [, id = "", end, fingerprint = ""] = SESSION.exec(cookie) ?? [];
  const expiresAt = new Date(Number(end) * 1000);
  if (id === "" || !(expiresAt > now())) return undefined;
  const { found } = await findSecretAnd(db, { id }, now().toISOString());
  if (!found) return undefined;
  requireSame(found.jurisdiction, c.get("config").jurisdiction ?? "");
  const isOurs = await vault.hasFingerprint(covered(id, Number(end), found.secret_hash), fingerprint);
  return isOurs ? { found, expiresAt } : undefined;
}

function covered(secretId: string, end: number, secretHash: string): string {
  return `session\n${secretId}\n${end}\n${secretHash}`;
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
