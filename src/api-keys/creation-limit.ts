import { createMiddleware } from "hono/factory";
import type { AppEnv } from "../http/context.ts";
import { rateLimitExceeded } from "../http/rate-limit.ts";
import { createVault } from "../vault/vault.ts";
import { countCreation } from "./store.ts";

const MAX_PER_HOUR = 10;
const HOUR_MS = 60 * 60 * 1000;

/**
 * Ten new API keys per hour and address. Counted in D1, for Cloudflare's rate limits have no period longer than a minute.
 * Stands behind `requireAdmin`. A request that did not come through Cloudflare has no address and is not counted.
 *
 * @throws ApiError `rate_limit_exceeded`
 */
export const limitCreation = createMiddleware<AppEnv>(async (c, next) => {
  const address = c.req.header("cf-connecting-ip");
  if (address !== undefined) {
    const now = Date.now();
    const hour = new Date(now - (now % HOUR_MS)).toISOString();
    const vault = createVault(c.get("config").tokenEncryptionKeys);
    const count = await countCreation(c.env.DB, await vault.fingerprint(`address ${address}`), hour);
    if (count > MAX_PER_HOUR) throw rateLimitExceeded(Math.ceil((HOUR_MS - (now % HOUR_MS)) / 1000));
  }
  await next();
});
