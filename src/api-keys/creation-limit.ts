import { createMiddleware } from "hono/factory";
import { baseServices } from "../http/base-services.ts";
import type { AppContext, AppEnv } from "../http/context.ts";
import { ApiError } from "../http/errors.ts";
import type { SetLimits } from "../limits.ts";
import { HOUR_MS } from "../time.ts";
import { isAdmin } from "./authenticate.ts";
import { countCreation } from "./store.ts";

const MAX_PER_HOUR = 10;
/** So that ten keys do not fill a database that all keys share. The operator may set another. */
const MAX_AGENTS = 50;

/**
 * Allows ten new API keys per hour and IP address. D1 counts them, because Cloudflare's rate limits have no period longer
 * than a minute. For open signup only: whoever has the admin token is not limited. Must run after `requireAdmin`. A request that did not come through Cloudflare has no address and is not
 * counted.
 *
 * @throws ApiError `rate_limit_exceeded`
 */
export const limitCreation = createMiddleware<AppEnv>(async (c, next) => {
  const address = c.req.header("cf-connecting-ip");
  if (address !== undefined && !(await isAdmin(c))) {
    const { db, vault, now } = baseServices(c.env, c.get("config"), c.get("log"));
    const time = now().getTime();
    const elapsed = time % HOUR_MS;
    const hour = new Date(time - elapsed).toISOString();
    const count = await countCreation(db, await vault.fingerprint(`address ${blockOf(address)}`), hour);
    if (count > MAX_PER_HOUR) {
      throw new ApiError("rate_limit_exceeded", { retryAfter: Math.ceil((HOUR_MS - elapsed) / 1000) });
    }
  }
  await next();
});

/** The limits of a key that is made by whoever likes; none if the operator makes it. */
export async function signupLimits(c: AppContext): Promise<SetLimits> {
  if (await isAdmin(c)) return {};
  return { max_agents: Math.min(c.get("config").defaultLimits.max_agents ?? MAX_AGENTS, MAX_AGENTS) };
}

/** An IPv4 address, or the /64 of an IPv6 address: one customer gets at least a whole /64 (RFC 6177). */
export function blockOf(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.toLowerCase().split("::");
  const left = head.split(":").filter(Boolean);
  const right = (tail ?? "").split(":").filter(Boolean);
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  return [...left, ...Array<string>(zeros).fill("0"), ...right]
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":");
}
