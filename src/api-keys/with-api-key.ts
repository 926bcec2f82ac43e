import type { MiddlewareHandler } from "hono";
import { every } from "hono/combine";
import type { AppEnv } from "../http/context.ts";
import { idempotent } from "../http/idempotency.ts";
import { limitRate } from "../http/rate-limit.ts";
import { authenticate, authenticatePrefetching, type Prefetch } from "./authenticate.ts";

/** Runs before every endpoint with an API key: authentication, rate limit, `Idempotency-Key`. */
export const withApiKey: MiddlewareHandler<AppEnv> = every(authenticate, limitRate, idempotent);

/** The same for an endpoint that reads more in the trip that finds the key. */
export const withApiKeyPrefetching = (prefetch: Prefetch): MiddlewareHandler<AppEnv> =>
  every(authenticatePrefetching(prefetch), limitRate, idempotent);

/** The same for an endpoint whose answer holds a secret: the answer is never stored, so it cannot be replayed. */
export const withApiKeyNoReplay: MiddlewareHandler<AppEnv> = every(authenticate, limitRate);
