import { createMiddleware } from "hono/factory";
import type { AppContext, AppEnv } from "./context.ts";
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
  await limit(c, isRead ? c.env.READ_LIMIT : c.env.WRITE_LIMIT, c.get("apiKeyId"));
  await next();
});

/**
 * The same for a call or a text that is sent: a ceiling for what a busy key may well send. How fast calls go out is decided
 * by its `calls_per_second`.
 */
export const limitSending = createMiddleware<AppEnv>(async (c, next) => {
  await limit(c, c.env.SENDING_LIMIT, c.get("apiKeyId"));
  await next();
});

/** The same for a POST that changes nothing by itself: it counts as a read. */
export const limitReads = createMiddleware<AppEnv>(async (c, next) => {
  await limit(c, c.env.READ_LIMIT, c.get("apiKeyId"));
  await next();
});

/** @throws ApiError `rate_limit_exceeded` */
export async function limit(c: AppContext, limiter: RateLimit, key: string): Promise<void> {
  // If the limiter fails, requests are still served.
  const { success } = await limiter.limit({ key }).catch((error: unknown) => {
    c.get("log").warn("rate_limit_unavailable", errorFields(error));
    return { success: true };
  });
  if (!success) throw new ApiError("rate_limit_exceeded", { retryAfter: PERIOD_SECONDS });
}
