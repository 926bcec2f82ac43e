import { zValidator } from "@hono/zod-validator";
import { createMiddleware } from "hono/factory";
import type * as z from "zod/mini";
import type { AppContext, AppEnv } from "./context.ts";
import { ApiError, type ErrorCode } from "./errors.ts";
import { readBody } from "./read-body.ts";
import { type Fault, faultError, faultOf } from "./schema.ts";

/** Lets this endpoint have bodies of up to so many bytes. Must run before everything that reads the body. */
export const allowBody = (maxBytes: number) =>
  createMiddleware<AppEnv>(async (c, next) => {
    c.set("maxBodyBytes", maxBytes);
    await next();
  });

/** Accepts only JSON in UTF-8, up to 64 KiB unless `allowBody` allows more. A compressed body could be larger than it looks, so it is refused. */
export const requireJson = createMiddleware<AppEnv>(async (c, next) => {
  checkMediaType(c.req.header("content-type"), c.req.header("content-encoding"));
  replaceBody(c, await readBody(c.req.raw, c.get("maxBodyBytes")));
  await next();
});

/** The same, but the body is optional: no body means an empty object. */
export const optionalJson = createMiddleware<AppEnv>(async (c, next) => {
  const body = await readBody(c.req.raw, c.get("maxBodyBytes"));
  if (body.length === 0) {
    replaceBody(c, EMPTY_OBJECT);
  } else {
    checkMediaType(c.req.header("content-type"), c.req.header("content-encoding"));
    replaceBody(c, body);
  }
  await next();
});

// RFC 8259, 8.1: JSON is UTF-8. A charset of utf-8 says nothing new, so it is accepted.
const JSON_TYPE = /^application\/json\s*(?:;\s*charset="?utf-8"?\s*)?;?$/i;

function checkMediaType(type = "", encoding = "identity"): void {
  if (!JSON_TYPE.test(type.trim()) || encoding.trim().toLowerCase() !== "identity")
    throw new ApiError("unsupported_media_type");
}

const EMPTY_OBJECT = new TextEncoder().encode("{}");
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

function replaceBody(c: AppContext, body: Uint8Array): void {
  let text: string;
  try {
    text = utf8.decode(body);
  } catch {
    throw new ApiError("invalid_json");
  }
  const headers = new Headers(c.req.raw.headers);
  // The validator needs this header, and an optional body may have come without it.
  headers.set("content-type", "application/json");
  c.req.raw = new Request(c.req.raw, { headers, body: text });
}

/** Validates the body by a schema. All faults become one error, see {@link toApiError}. */
export function validateJson<Schema extends z.ZodMiniType>(schema: Schema) {
  return zValidator("json", schema, (result) => {
    if (!result.success) throw toApiError(result.error.issues);
  });
}

/** The same for a value that did not come as a body of its own. @throws ApiError */
export function validated<Schema extends z.ZodMiniType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (!result.success) throw toApiError(result.error.issues);
  return result.data;
}

type Issue = { readonly path: readonly PropertyKey[]; readonly message: string };

/** If a body has several faults, these codes are reported first; all others follow in the schema's order. */
const FIRST: readonly ErrorCode[] = [
  "invalid_json",
  "unknown_parameter",
  "invalid_parameter",
  "missing_field",
  "invalid_field",
];

// A list may have thousands of faulty entries.
const MAX_NAMED = 50;

/** One error for a faulty body. `details.fields` names the fields with the reported fault; no value is repeated. */
function toApiError(issues: readonly Issue[]): ApiError {
  const faults = issues.map(({ path, message }) => ({
    ...(path.length === 0 ? ({ code: "invalid_json" } as Fault) : faultOf(message)),
    field: path.join("."),
  }));
  const code = FIRST.find((candidate) => faults.some((fault) => fault.code === candidate)) ?? faults[0]?.code;
  if (!code || code === "invalid_json") return new ApiError("invalid_json");
  const reported = faults.filter((fault) => fault.code === code);
  const fields = [...new Set(reported.map(({ field }) => field))].slice(0, MAX_NAMED);
  const { hint, details } = reported.find((fault) => fault.hint !== undefined) ?? {};
  const names = code.endsWith("_parameter") ? { parameters: fields } : { fields };
  const said = [describe(code, fields), hint].filter(Boolean).join(" ");
  return faultError({ code, hint: said, details: { ...names, ...details } });
}

function describe(code: ErrorCode, fields: readonly string[]): string {
  return code === "missing_field" || code === "invalid_field" ? `Fields: ${fields.join(", ")}.` : "";
}
