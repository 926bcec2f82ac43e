import { closest, distance } from "fastest-levenshtein";
import { createMiddleware } from "hono/factory";
import { matchedRoutes } from "hono/route";
import type { AppEnv } from "./context.ts";
import { DRY_RUN_SPELLINGS } from "./dry-run.ts";
import { ApiError, errorCatalogue } from "./errors.ts";

/**
 * Refuses unknown query parameters: if a caller misspells `dry_run`, the import must not really happen.
 *
 * @param table the parameters of each route, by method and path in Hono's form: `GET /v1/agents/:agent_id`
 * @throws ApiError `unknown_parameter`
 */
export const requireKnownParameters = (table: Readonly<Record<string, readonly string[]>>) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const method = c.req.method === "HEAD" ? "GET" : c.req.method;
    // The router lists middleware under the method ALL. A path without a route is answered later, as not found.
    const route = matchedRoutes(c).findLast((candidate) => candidate.method === method);
    if (route) {
      const known = table[`${method} ${route.path}`] ?? [];
      const given = Object.keys(c.req.queries());
      const unknown = given.filter((name) => !isKnown(name, known));
      if (unknown.length > 0) throw unknownParameters(unknown, known);
    }
    await next();
  });

function isKnown(name: string, known: readonly string[]): boolean {
  return known.includes(name) || (known.includes("dry_run") && DRY_RUN_SPELLINGS.includes(name));
}

const MAX_NAMED = 10;
const MAX_NAME_LENGTH = 64;

function unknownParameters(names: readonly string[], known: readonly string[]): ApiError {
  const shown = names.slice(0, MAX_NAMED).map((name) => name.slice(0, MAX_NAME_LENGTH));
  const near = new Map(shown.flatMap((name) => withNearest(name, known)));
  const suggestion = [...near].map(([name, nearest]) => ` Instead of ${name}, send ${nearest}.`).join("");
  const takes = known.length === 0 ? "It has no parameters." : `Its parameters are ${known.join(", ")}.`;
  const dryRun =
    !known.includes("dry_run") && shown.some((name) => isNear(name, "dry_run")) ? " It has no dry run." : "";
  return new ApiError("unknown_parameter", {
    message: `${errorCatalogue.unknown_parameter.message}${suggestion}${dryRun} ${takes}`,
    details: { parameters: shown, ...(near.size > 0 && { did_you_mean: Object.fromEntries(near) }) },
  });
}

function withNearest(name: string, known: readonly string[]): [name: string, nearest: string][] {
  if (known.length === 0) return [];
  const nearest = closest(plain(name), known);
  return isNear(name, nearest) ? [[name, nearest]] : [];
}

const MAX_TYPOS = 2;

function isNear(name: string, known: string): boolean {
  return distance(plain(name), plain(known)) <= MAX_TYPOS;
}

/** Only the letters and digits of a name, in lower case: `dryRun`, `dry-run` and `DRY_RUN` become the same. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, "");
}
