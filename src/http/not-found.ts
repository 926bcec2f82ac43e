import type { Hono, MiddlewareHandler } from "hono";
import type { AppContext, AppEnv } from "./context.ts";
import { errorResponse } from "./error-handler.ts";
import { ApiError, errorCatalogue } from "./errors.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** Answers requests without a route: 405 with `Allow` if the path exists for other methods, else 404. */
export function notFound(app: Hono<AppEnv>): (c: AppContext) => Response {
  return (c) => {
    const allowed = METHODS.filter((method) => takes(app, method, c.req.path));
    if (allowed.length === 0) return errorResponse(c, new ApiError("not_found"));
    return errorResponse(c, methodNotAllowed(allowed));
  };
}

export const methodNotAllowed = (allow: string[]) =>
  new ApiError("method_not_allowed", { headers: { allow: allow.join(", ") }, details: { allow } });

function takes(app: Hono<AppEnv>, method: string, path: string): boolean {
  const [handlers] = app.router.match(method, path);
  // The router lists middleware under the method ALL; only a route with exactly this method counts.
  return handlers.some(([[, route]]) => route.method === method);
}

/** The router would ignore a slash at the end of a path. Here each resource has exactly one address. */
export const refuseTrailingSlash: MiddlewareHandler<AppEnv> = async (c, next) => {
  if (c.req.path === "/" || !c.req.path.endsWith("/")) return next();
  const message = `${errorCatalogue.not_found.message} Send the path without the slash at its end.`;
  return errorResponse(c, new ApiError("not_found", { message }));
};
