import { zValidator } from "@hono/zod-validator";
import { createMiddleware } from "hono/factory";
import { matchedRoutes } from "hono/route";
import * as z from "zod/mini";
import type { AppEnv } from "./context.ts";
import { DRY_RUN_SPELLINGS } from "./dry-run.ts";
import { ApiError, errorCatalogue } from "./errors.ts";
import { faultError, faultsOf } from "./faults.ts";
import { isNear, nearest } from "./near-names.ts";

/** The schema of a route's query parameters. An empty one counts as absent, and of several the first counts. */
export function query<Shape extends z.core.$ZodShape>(shape: Shape) {
  return z.pipe(z.transform(normalise), z.object(shape));
}

function normalise(input: unknown): unknown {
  const given = Object.entries(input as Record<string, string | string[]>);
  return Object.fromEntries(given.map(([name, value]) => [name, [value].flat()[0] || undefined]));
}

/** `?dry_run=`, in any spelling. {@link isDryRun} reads it, together with the body. */
const dryRunParameter = () => z.optional(z.string());

/** The query of an endpoint that can be planned and takes nothing else from its query. */
export const dryRunQuery = query({ dry_run: dryRunParameter() });

type QuerySchema = ReturnType<typeof query<z.core.$ZodShape>>;

/**
 * Validates a route's query. {@link refuseUnknownParameters} reads from the route which parameters it has, and the
 * reference is described from the same schema.
 *
 * @throws ApiError `invalid_parameter`, or the code that the schema names
 */
export function validateQuery<Schema extends QuerySchema>(schema: Schema) {
  const validator = zValidator("query", schema, (result) => {
    if (!result.success) throw faultError(faultsOf(result.error.issues, "invalid_parameter"));
  });
  return Object.assign(validator, { parameters: Object.keys(schema._zod.def.out._zod.def.shape) });
}

/** The query parameters of a route, by its handlers. @internal */
export function parametersOf(handlers: readonly object[]): readonly string[] {
  return handlers.flatMap((handler) => ("parameters" in handler ? (handler.parameters as string[]) : []));
}

/**
 * Refuses unknown query parameters: if a caller misspells `dry_run`, the import must not really happen.
 *
 * @throws ApiError `unknown_parameter`
 */
export const refuseUnknownParameters = createMiddleware<AppEnv>(async (c, next) => {
  const method = c.req.method === "HEAD" ? "GET" : c.req.method;
  // The router lists middleware under the method ALL. A path without a route is answered later, as not found.
  const handlers = matchedRoutes(c).filter((route) => route.method === method);
  if (handlers.length > 0) {
    const known = parametersOf(handlers.map(({ handler }) => handler));
    const unknown = Object.keys(c.req.queries()).filter((name) => !isKnown(name, known));
    if (unknown.length > 0) throw unknownParameters(unknown, known);
  }
  await next();
});

function isKnown(name: string, known: readonly string[]): boolean {
  return known.includes(name) || (known.includes("dry_run") && DRY_RUN_SPELLINGS.includes(name));
}

const MAX_NAMED = 10;
const MAX_NAME_LENGTH = 64;

/** The same for the arguments of a tool. */
export function unknownParameters(names: readonly string[], known: readonly string[]): ApiError {
  const shown = names.slice(0, MAX_NAMED).map((name) => name.slice(0, MAX_NAME_LENGTH));
  const near = shown.flatMap((name): [string, string][] => {
    const candidate = nearest(name, known);
    return candidate === undefined ? [] : [[name, candidate]];
  });
  const suggestion = near.map(([name, candidate]) => ` Instead of ${name}, send ${candidate}.`).join("");
  const takes = known.length === 0 ? "It has no parameters." : `Its parameters are ${known.join(", ")}.`;
  const isPlannable = known.includes("dry_run") || known.includes("apply");
  const dryRun = !isPlannable && shown.some((name) => isNear(name, "dry_run")) ? " It has no dry run." : "";
  return new ApiError("unknown_parameter", {
    message: `${errorCatalogue.unknown_parameter.message}${suggestion}${dryRun} ${takes}`,
    details: { parameters: shown, ...(near.length > 0 && { did_you_mean: Object.fromEntries(near) }) },
  });
}
