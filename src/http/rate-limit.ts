import { createMiddleware } from "hono/factory";
import type { AppEnv } from "./context.ts";
import { ApiError } from "./errors.ts";
import { errorFields } from "./log.ts";

// The period of the limits in wrangler.toml. The binding does not say when it ends.
const PERIOD_SECONDS = 60;

/**
 * Cloudflare's rate limits per API key, one for reads and one for writes. Must run after `authenticate`. Each Cloudflare
 * location counts by itself, and approximately.
 * https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/
 *
 * @throws ApiError `rate_limit_exceeded`
 */
export const limitRate = createMiddleware<AppEnv>(async (c, next) => {
  const isRead = c.req.method === "GET" || c.req.method === "HEAD";
  const limiter = isRead ? c.env.READ_LIMIT : c.env.WRITE_LIMIT;
  const key = c.get("apiKeyId");
  // If the limiter fails, requests are still served.
  const { success } = await limiter.limit({ key }).catch((error: unknown) => {
    c.get("log").warn("rate_limit_unavailable", errorFields(error));
    return { success: true };
  });
  if (!success) throw new ApiError("rate_limit_exceeded", { retryAfter: PERIOD_SECONDS });
  await next();
});
