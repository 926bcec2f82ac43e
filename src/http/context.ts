import type { Context, MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import { type Config, readConfig } from "../config.ts";
import { newId } from "../ids.ts";
import { createLogger, type Logger } from "./log.ts";
import { createMeasure } from "./metrics.ts";

/** What Hono carries through a request of this app. */
export type AppEnv = {
  Bindings: Env;
  Variables: {
    requestId: string;
    log: Logger;
    config: Config;
    /** Set by `authenticate`: whose request this is. */
    apiKeyId: string;
    /** Set by `authenticate`: the hash of the secret it came with. */
    secretHash: string;
    /** Set by the error mapper, for the request's log line. */
    errorCode: string;
  };
};

export type AppContext = Context<AppEnv>;

/**
 * Gives each request its id and its logger, and writes one line about it at the end.
 * The line has the route's pattern and not its path, which may hold what only Twilio should know.
 */
export const requestContext: MiddlewareHandler<AppEnv> = async (c, next) => {
  const requestId = newId("request");
  const startedAt = Date.now();
  c.set("requestId", requestId);
  c.set("log", createLogger({ request_id: requestId }));
  await next();
  setCommonHeaders(c, c.res.headers);
  const route = routePath(c, -1);
  const durationMs = Date.now() - startedAt;
  const code = c.get("errorCode") ?? "";
  createMeasure(c.env)("request", [c.req.method, route, String(c.res.status), code], [1, durationMs]);
  c.get("log").info("request", {
    method: c.req.method,
    route,
    status: c.res.status,
    error_code: c.get("errorCode"),
    key_id: c.get("apiKeyId"),
    duration_ms: durationMs,
  });
};

/** Checks the bindings, once per isolate, and hands the configuration on. */
export const requireConfig: MiddlewareHandler<AppEnv> = async (c, next) => {
  c.set("config", readConfig(c.env));
  await next();
};

/** The headers of every response. Answers may hold an API key's secret: no cache keeps what does not say otherwise. */
export function setCommonHeaders(c: AppContext, headers: Headers): void {
  headers.set("x-request-id", c.get("requestId"));
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  headers.set("x-content-type-options", "nosniff");
}
