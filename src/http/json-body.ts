import { zValidator } from "@hono/zod-validator";
import { createMiddleware } from "hono/factory";
import type * as z from "zod/mini";
import type { AppContext, AppEnv } from "./context.ts";
import { ApiError } from "./errors.ts";
import { type FieldFault, faultError, faultsOf } from "./faults.ts";
import { type BodyLimit, readBody } from "./read-body.ts";
import { warningsOf, withWarnings } from "./warnings.ts";

/** Lets this endpoint have larger bodies. Must run before everything that reads the body. */
export const allowBody = (limit: BodyLimit) =>
  createMiddleware<AppEnv>(async (c, next) => {
    c.set("bodyLimit", limit);
    await next();
  });

/** Accepts only JSON in UTF-8, up to 64 KiB unless `allowBody` allows more. A compressed body could be larger than it looks, so it is refused. */
export const requireJson = createMiddleware<AppEnv>(async (c, next) => {
  checkMediaType(c.req.header("content-type"), c.req.header("content-encoding"));
  replaceBody(c, await readBody(c.req.raw, c.get("bodyLimit")));
  await next();
});

/** The same, but the body is optional: no body means an empty object. */
export const optionalJson = createMiddleware<AppEnv>(async (c, next) => {
  const body = await readBody(c.req.raw, c.get("bodyLimit"));
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

/**
 * Validates the body by a schema. All faults become one error, see {@link faultError}. Unknown fields are ignored, and
 * named in the answer's `warnings`.
 *
 * @param plan what the endpoint would act on, which is the answer to a plan (see plan.ts). Throws what else is wrong with
 *   the body.
 * @param alsoMissing what a faulty body lacks beside that, which the schema cannot know
 */
export function validateJson<Schema extends z.ZodMiniType>(
  schema: Schema,
  plan: (body: z.output<Schema>, c: AppContext) => unknown = (body) => body,
  alsoMissing: (
    sent: unknown,
    c: AppContext,
  ) => readonly FieldFault[] | Promise<readonly FieldFault[]> = () => [],
) {
  const validator = zValidator("json", schema, async (result, c) => {
    if (result.success) return;
    const missing = await alsoMissing(result.data, c as unknown as AppContext);
    const faults = [...faultsOf(result.error.issues, "invalid_field"), ...missing];
    // As if the schema had known it.
    const order = "fieldOf" in schema ? [...(schema.fieldOf as Map<string, string>).values()] : [];
    if (missing.length > 0) faults.sort((a, b) => order.indexOf(a.field) - order.indexOf(b.field));
    throw faultError(faults);
  });
  const handler: typeof validator = (c, next) =>
    validator(c, async () => {
      const own = c as unknown as AppContext;
      if (own.get("isPlan")) {
        c.res = c.json(await plan(c.req.valid("json"), own));
        return;
      }
      await next();
      const warnings = warningsOf(schema, await c.req.json());
      if (warnings.length > 0 && c.res.ok) c.res = await withWarnings(c.res, warnings);
    });
  return handler;
}

/** The same for a value that did not come as a body of its own. @throws ApiError */
export function validated<Schema extends z.ZodMiniType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (!result.success) throw faultError(faultsOf(result.error.issues, "invalid_field"));
  return result.data;
}
