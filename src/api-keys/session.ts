import type { KeySecret } from "../actor.ts";
import { baseServices } from "../http/base-services.ts";
import type { AppContext } from "../http/context.ts";
import { cookieOf, putCookie } from "../http/cookie.ts";
import { requireSame } from "./jurisdiction.ts";
import { findSecretAnd } from "./secret-store.ts";

// A session is a secret's stand-in for the console in a browser, and may do what the secret may do. Nothing is stored: the
// cookie names the secret and its end, and a keyed fingerprint covers both and the secret's hash. So it ends when the secret
// is rotated, is deleted or expires, or the key is revoked.

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
  putCookie(c, NAME, `${id}.${end}.${await vault.fingerprint(covered(id, end, secret_hash))}`, lifetime);
  return new Date(end * 1000);
}

/** Ends the session in this browser. */
export function endSession(c: AppContext): void {
  putCookie(c, NAME, "", 0);
}

/** The secret of the request's session; undefined if it has none, or it has ended. @throws StorageError */
export async function findSession(c: AppContext): Promise<{ found: KeySecret; expiresAt: Date } | undefined> {
  const { db, vault, now } = baseServices(c.env, c.get("config"), c.get("log"));
  const [, id = "", end, fingerprint = ""] = SESSION.exec(cookieOf(c, NAME)) ?? [];
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
