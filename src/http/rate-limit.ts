import { createMiddleware } from "hono/factory";
import type { AppContext, AppEnv } from "./context.ts";
import { ApiError } from "./errors.ts";
import { errorFields } from "./log.ts";

// The period of the limits in wrangler.toml. The binding does not say when it ends.
const PERIOD_SECONDS = 60;

/**
 * One of Cloudflare's rate limits per API key. Must run after `authenticate`. Each Cloudflare location counts by itself, and
 * approximately. https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/
 *
 * @throws ApiError `rate_limit_exceeded`
 */
const limitBy = (limiterOf: (c: AppContext) => RateLimit) =>
  createMiddleware<AppEnv>(async (c, next) => {
    await limit(c, limiterOf(c), c.get("apiKeyId"));
    await next();
  });

/** Reads and writes are counted apart. */
export const limitRate = limitBy(({ env, req }) =>
  req.method === "GET" || req.method === "HEAD" ? env.READ_LIMIT : env.WRITE_LIMIT,
);

/**
 * The same for a call or a text that is sent: more than a busy key needs. How fast calls go out is decided by its
 * `calls_per_second`.
 */
export const limitSending = limitBy(({ env }) => env.SENDING_LIMIT);

/** The same for a POST that changes nothing by itself: it counts as a read. */
export const limitReads = limitBy(({ env }) => env.READ_LIMIT);

/** @throws ApiError `rate_limit_exceeded` */
export async function limit(c: AppContext, limiter: RateLimit, key: string): Promise<void> {
  // If the limiter fails, requests are still served.
  const { success } = await limiter.limit({ key }).catch((error: unknown) => {
    c.get("log").warn("rate_limit_unavailable", errorFields(error));
    return { success: true };
  });
  if (!success) throw new ApiError("rate_limit_exceeded", { retryAfter: PERIOD_SECONDS });
}
