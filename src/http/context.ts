import type { Context, MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import type { Actor, KeySecret } from "../actor.ts";
import { type Config, readConfig } from "../config.ts";
import { newId } from "../ids.ts";
import type { Called } from "../twilio/webhook-urls.ts";
import { createLogger, type Logger } from "./log.ts";
import { createMeasure } from "./metrics.ts";
import { PlanRequest } from "./plan.ts";
import type { BodyLimit } from "./read-body.ts";

/** What Hono carries through a request of this app. */
export type AppEnv = {
  Bindings: Env;
  Variables: {
    requestId: string;
    log: Logger;
    /** Whether this request must change nothing; see plan.ts. */
    isPlan: boolean;
    config: Config;
    /** Set by `allowBody` for an endpoint with large bodies. */
    bodyLimit: BodyLimit | undefined;
    /** Set by `authenticate`: whose request this is. */
    apiKeyId: string;
    /** Set by `authenticate`: the secret that came with the request, itself or by a session. */
    secret: KeySecret;
    /** Set by `authenticate`: when the session ends that a request came with; undefined: it came with the secret itself. */
    sessionEnds: Date | undefined;
    /** Set by whoever lets a request in: who acts. Undefined: Twilio, or anybody. */
    actor: Actor | undefined;
    /** What `withApiKey` read in the trip that found the secret; undefined for a session, and for a limited secret. */
    prefetched: D1Result[] | undefined;
    /** Set for what Twilio calls: what its path says, and as which route it is counted. */
    called: Called;
    route: string;
    /** Set by the error mapper; the request's log line shows it. */
    errorCode: string;
  };
};

export type AppContext = Context<AppEnv>;

/**
 * Gives each request its id and its logger, and writes one log line after the answer.
 * The line has the route's pattern and not the path: a path may hold an id that only Twilio should know.
 */
export const requestContext: MiddlewareHandler<AppEnv> = async (c, next) => {
  const requestId = newId("request");
  const startedAt = Date.now();
  c.set("requestId", requestId);
  c.set("isPlan", c.req.raw instanceof PlanRequest);
  c.set("log", createLogger({ request_id: requestId }));
  await next();
  setCommonHeaders(c, c.res.headers);
  const route = c.get("route") ?? routePath(c, -1);
  const durationMs = Date.now() - startedAt;
  afterAnswer(c, () => {
    const code = c.get("errorCode") ?? "";
    const actor = c.get("actor");
    createMeasure(c.env)("request", [c.req.method, route, String(c.res.status), code], [1, durationMs]);
    c.get("log").info("request", {
      method: c.req.method,
      route,
      status: c.res.status,
      error_code: c.get("errorCode"),
      key_id: c.get("apiKeyId"),
      actor: actor?.kind,
      actor_name: actor?.name,
      duration_ms: durationMs,
    });
  });
};

/** Waits a moment, so that none of this work, not even a log line, delays the answer. */
export function afterAnswer(c: AppContext, work: () => unknown): void {
  c.executionCtx.waitUntil(scheduler.wait(1).then(work));
}

/** Validates the bindings, once per isolate, and passes the configuration on. */
export const requireConfig: MiddlewareHandler<AppEnv> = async (c, next) => {
  c.set("config", readConfig(c.env));
  await next();
};

/** The headers of every response. No cache stores a response unless it allows that: it may hold an API key's secret. */
export function setCommonHeaders(c: AppContext, headers: Headers): void {
  headers.set("x-request-id", c.get("requestId"));
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  headers.set("x-content-type-options", "nosniff");
  // Browsers heed it only over https.
  headers.set("strict-transport-security", "max-age=31536000");
}
