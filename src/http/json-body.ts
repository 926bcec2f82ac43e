import { zValidator } from "@hono/zod-validator";
import { createMiddleware } from "hono/factory";
import type * as z from "zod/mini";
import type { AppEnv } from "./context.ts";
import { ApiError, type ErrorCode, errorCatalogue } from "./errors.ts";
import { readBody } from "./read-body.ts";

/** A request body of JSON up to 64 KiB and nothing else: RFC 8259 has no charset, and a compressed body would dodge the limit. */
export const requireJson = createMiddleware<AppEnv>(async (c, next) => {
  const mediaType = c.req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
  const encoding = c.req.header("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (mediaType !== "application/json" || encoding !== "identity")
    throw new ApiError("unsupported_media_type");
  c.req.raw = new Request(c.req.raw, { body: await readBody(c.req.raw) });
  await next();
});

/** Validates the body by a schema; its faults become one error, see {@link toApiError}. */
export function validateJson<Schema extends z.ZodMiniType>(schema: Schema) {
  return zValidator("json", schema, (result) => {
    if (!result.success) throw toApiError(result.error.issues);
  });
}

type Issue = {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly input?: unknown;
};

/** The order in which faults are reported, where a body has several; other codes come in the schema's order. */
const FIRST: readonly ErrorCode[] = ["invalid_json", "missing_field", "invalid_field"];

/**
 * One error for all that is wrong with a body. A check of a schema names its error code as its message; anything
 * else is `invalid_field`. All fields with the reported fault are in `details.fields`. No value is ever repeated.
 */
function toApiError(issues: readonly Issue[]): ApiError {
  const faults = issues.map((issue) => ({ code: codeOf(issue), field: issue.path.join(".") }));
  const code = FIRST.find((candidate) => faults.some((fault) => fault.code === candidate)) ?? faults[0]?.code;
  if (!code || code === "invalid_json") return new ApiError("invalid_json");
  const fields = [...new Set(faults.filter((fault) => fault.code === code).map(({ field }) => field))];
  return new ApiError(code, {
    message: `${errorCatalogue[code].message}${describe(code, fields)}`,
    details: { fields },
  });
}

function codeOf(issue: Issue): ErrorCode {
  if (issue.path.length === 0) return "invalid_json";
  return Object.hasOwn(errorCatalogue, issue.message) ? (issue.message as ErrorCode) : "invalid_field";
}

function describe(code: ErrorCode, fields: readonly string[]): string {
  return code === "missing_field" || code === "invalid_field" ? ` This concerns ${fields.join(", ")}.` : "";
}
