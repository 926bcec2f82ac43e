import * as z from "zod/mini";
import type { ErrorCode } from "./errors.ts";
import { DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET } from "./page.ts";

// How an endpoint is described for the OpenAPI document. Each feature has its descriptions in an openapi.ts beside its
// routes; documentation/openapi.ts puts them together. None of this is part of the Worker: the document is built
// ahead, and test/architecture.node.test.ts sees to it that nothing here is bundled.

/** An endpoint, but for what follows from its kind: see `commonErrors` in documentation/openapi.ts. */
export type Operation = {
  /** The name of the operation, and of its method in the client. */
  id: string;
  summary: string;
  /** Markdown. */
  description: string;
  auth: "apiKey" | "adminToken" | "none";
  path?: Described;
  query?: Described;
  body?: { schema: Described; example: Record<string, unknown>; isOptional?: true };
  /** Its answer is never kept for an `Idempotency-Key`, for it holds a secret: `withApiKeyNoReplay` stands before it. */
  isUnkept?: true;
  /** What it answers when it succeeds; the usual one first, where there are several. */
  answers: readonly [Answer, ...Answer[]];
  /** Every code this endpoint adds to the common ones. */
  errors: readonly ErrorCode[];
};

type Answer = { status: 200 | 201; description: string; schema: z.ZodMiniType; example: unknown };

/** A feature's part of the document. The keys of `operations` are method and path, as in `GET /v1/agents/{agent_id}`. */
export type Reference = {
  tag: { name: string; description: string };
  operations: Record<`${"GET" | "POST" | "PUT" | "PATCH" | "DELETE"} /${string}`, Operation>;
};

/** An object schema whose fields carry their descriptions. */
export type Described = z.ZodMiniObject<Record<string, z.ZodMiniType>>;

export type FieldDescription = { description: string; examples?: unknown[] };

/**
 * The object a schema validates, its fields described. The schema itself stays as it is, so that one field can be
 * described in different words where several endpoints take it.
 *
 * @param schema what a route validates by, such as the result of `body()`
 */
export function described<Schema extends z.ZodMiniType>(
  schema: Schema,
  fields: Record<keyof z.output<Schema> & string, FieldDescription>,
): Described {
  const shape = Object.entries(objectOf(schema)._zod.def.shape).map(([name, field]) => {
    const copy = z.clone(field);
    const { description, examples } = fields[name as keyof typeof fields];
    // An override, because zod leaves out the examples of a field that is transformed.
    z.globalRegistry.add(copy, { description, ...(examples && { override: { examples } }) });
    return [name, copy as z.ZodMiniType] as const;
  });
  return z.object(Object.fromEntries(shape));
}

/** What is behind the transforms before it (`body()` normalises first) and after it (defaults, renamings). */
function objectOf(schema: z.core.$ZodType): z.core.$ZodObject {
  if (schema instanceof z.core.$ZodObject) return schema;
  if (!(schema instanceof z.core.$ZodPipe)) throw new Error(`no object schema: ${schema._zod.def.type}`);
  const { in: before, out: after } = schema._zod.def;
  return objectOf(before instanceof z.core.$ZodTransform ? after : before);
}

/** A field of an answer. */
export function answered<Schema extends z.ZodMiniType>(
  schema: Schema,
  description: string,
  example?: z.output<Schema>,
): Schema {
  return schema.check(z.meta({ description, ...(example !== undefined && { examples: [example] }) }));
}

/** A moment, as every answer spells it. */
export function time(description: string) {
  return answered(z.iso.datetime(), `${description}, in UTC.`, "2026-01-31T12:00:00.000Z");
}

/** The query of a list: `limit` and `offset`, behind what else it takes. */
export function listQuery(more: Record<string, z.ZodMiniType> = {}): Described {
  return z.object({
    ...more,
    limit: answered(
      z.optional(z.int().check(z.minimum(1))),
      `How many, ${DEFAULT_LIMIT} unless told; more than ${MAX_LIMIT} is taken as ${MAX_LIMIT}.`,
    ),
    offset: answered(
      z.optional(z.int().check(z.minimum(0), z.maximum(MAX_OFFSET))),
      "How many to pass over, 0 unless told.",
    ),
  });
}

/** The answer of a list, whose entries stand under `name`. */
export function listAnswer(name: string, entry: z.ZodMiniType) {
  return z.object({
    [name]: z.array(entry),
    count: answered(z.int(), "How many there are in all."),
    limit: answered(z.int(), "The limit that was applied."),
    offset: answered(z.int(), "The offset that was applied."),
  });
}
