import { baseServices } from "../http/base-services.ts";
import type { AppContext } from "../http/context.ts";
import { cookieOf, putCookie } from "../http/cookie.ts";
import type { LinkRow } from "./store.ts";

// Whoever has made a link knows its token as well. So the account that the link has connected is open only to the browser
// that sent the credentials: otherwise the key's owner could see and import numbers that the customer has not picked.

const NAME = "nixflex_connect";

const covered = (linkId: string, accountId: string) => `connect\n${linkId}\n${accountId}`;

/** Remembers, in a cookie, that this browser has sent the credentials of the link's account. */
export async function knowCustomer(c: AppContext, { id, expires_at }: LinkRow, accountId: string) {
  const { vault, now } = baseServices(c.env, c.get("config"), c.get("log"));
  const seconds = Math.ceil((Date.parse(expires_at) - now().getTime()) / 1000);
  putCookie(c, NAME, await vault.fingerprint(covered(id, accountId)), Math.max(0, seconds));
}

/** The link as this browser may use it: without its account, if another browser has connected that. */
export async function asSeenBy(c: AppContext, link: LinkRow): Promise<LinkRow> {
  const { vault } = baseServices(c.env, c.get("config"), c.get("log"));
  const account = link.twilio_account_id ?? "";
  const isHis = await vault.hasFingerprint(covered(link.id, account), cookieOf(c, NAME));
  return isHis ? link : { ...link, twilio_account_id: null };
}
