import type { Hono, MiddlewareHandler } from "hono";
import type { AppContext, AppEnv } from "./context.ts";
import { errorResponse } from "./error-handler.ts";
import { ApiError } from "./errors.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** Answers what no route took: 405 with `Allow` where the path exists for other methods, else 404. */
export function notFound(app: Hono<AppEnv>): (c: AppContext) => Response {
  return (c) => {
    const allowed = METHODS.filter((method) => takes(app, method, c.req.path));
    if (allowed.length === 0) return errorResponse(c, new ApiError("not_found"));
    const allow = allowed.join(", ");
    return errorResponse(
      c,
      new ApiError("method_not_allowed", { headers: { allow }, details: { allow: allowed } }),
    );
  };
}

function takes(app: Hono<AppEnv>, method: string, path: string): boolean {
  const [handlers] = app.router.match(method, path);
  // Middleware stands in the router under the method ALL; only a route of this very method counts.
  return handlers.some(([[, route]]) => route.method === method);
}

/** The router takes a path with a slash behind it for the path itself; one resource has one address here. */
export const refuseTrailingSlash: MiddlewareHandler<AppEnv> = async (c, next) => {
  if (c.req.path !== "/" && c.req.path.endsWith("/")) return errorResponse(c, new ApiError("not_found"));
  return next();
};
