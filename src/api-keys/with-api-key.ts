import { every } from "hono/combine";
import { idempotent } from "../http/idempotency.ts";
import { limitRate } from "../http/rate-limit.ts";
import { authenticate, type Prefetch } from "./authenticate.ts";
import type { Need } from "./permission.ts";

/**
 * Runs before every endpoint with an API key: authentication, rate limit, `Idempotency-Key`.
 *
 * @param need what the endpoint needs of the secret
 * @param prefetch what it reads in the trip that finds the secret
 * @param limit how often it may be asked
 */
export const withApiKey = (need: Need, prefetch?: Prefetch, limit = limitRate) =>
  Object.assign(every(authenticate(need, prefetch), limit, idempotent), { need });

/** The same for an endpoint whose answer holds a secret: the answer is never stored, so it cannot be replayed. */
export const withApiKeyNoReplay = (need: Need) =>
  Object.assign(every(authenticate(need), limitRate), { need });
