import type { MiddlewareHandler } from "hono";
import { every } from "hono/combine";
import type { AppEnv } from "../http/context.ts";
import { idempotent } from "../http/idempotency.ts";
import { limitRate } from "../http/rate-limit.ts";
import { authenticate } from "./authenticate.ts";

/** What stands before everything an API key may do: who it is, how often it may, and that it is done once. */
export const withApiKey: MiddlewareHandler<AppEnv> = every(authenticate, limitRate, idempotent);

/** The same for what must not be answered again: an answer that holds a secret is never kept. */
export const withApiKeyNoReplay: MiddlewareHandler<AppEnv> = every(authenticate, limitRate);
