import * as z from "zod/mini";
import { DEFAULT_LIMIT, MAX_LIMIT, listQuery as pageSchema } from "../src/http/page.ts";
import { WARNING_CODES } from "../src/phone-numbers/preview/warnings.ts";
import type { DocumentedError } from "./errors.ts";
import { TIME } from "./examples.ts";

// How an endpoint is described for the OpenAPI document. Each room has its descriptions in a file
// of this folder; openapi.ts joins them. The Worker imports none of it: the document is built before deployment.

/** An endpoint. Errors that all endpoints of its kind have are added by `commonErrors` in openapi.ts. */
export type Operation = {
  /** The `operationId`, and the name of the method in the client. */
  id: string;
  summary: string;
  /** Markdown. */
  description: string;
  /** `apiKey` unless told. */
  auth?: "apiKey" | "adminToken" | "connectLink" | "none";
  /** Without it the operation is no tool of /mcp: its answer is a secret or sound, or another tool does the same. */
  tool?: Tool;
  query?: Described;
  body?: { schema: Described; example: Record<string, unknown>; isOptional?: true };
  /** The answer holds a secret, so it is not stored for an `Idempotency-Key`. The route has `withApiKeyNoReplay`. */
  isUnkept?: true;
  /** The answers of a success, the usual one first. */
  answers: readonly [Answer, ...Answer[]];
  /** The codes that this endpoint has beside the common ones. */
  errors?: readonly DocumentedError[];
};

type Answer = {
  status: 200 | 201 | 202 | 206;
  description: string;
  schema: z.ZodMiniType;
  example: unknown;
  /** JSON unless told. */
  mediaType?: "audio/mpeg" | "text/csv";
};

/** A success, answered in JSON. @param own what its example has; see {@link exampleOf} */
export const answer = (
  description: string,
  schema: z.ZodMiniType,
  own?: Record<string, unknown>,
  status: Answer["status"] = 200,
): Answer => ({ status, description, schema, example: exampleOf(schema, own) });

/**
 * An example of an object, made of those of its fields. Without one, a field that may be null is null, and a list is empty.
 *
 * @param own the fields that have other values here; those that are optional stand in it only so
 */
export function exampleOf(
  schema: z.core.$ZodType,
  own: Record<string, unknown> = {},
): Record<string, unknown> {
  // The usual one is the first.
  const [usual = schema] = schema instanceof z.core.$ZodUnion ? schema._zod.def.options : [];
  return Object.fromEntries(
    Object.entries(objectOf(usual)._zod.def.shape).flatMap(([name, field]) => {
      if (name in own) return [[name, own[name]]];
      return field instanceof z.core.$ZodOptional ? [] : [[name, exampleOfField(field, name)]];
    }),
  );
}

function exampleOfField(field: z.core.$ZodType, name: string): unknown {
  const { examples } = z.globalRegistry.get(field) ?? {};
  if (examples) return examples[0];
  if (field instanceof z.core.$ZodLiteral) return field._zod.def.values[0];
  if (field instanceof z.core.$ZodNullable) return null;
  if (field instanceof z.core.$ZodArray) return [];
  if (field instanceof z.core.$ZodObject) return exampleOf(field);
  throw new Error(`nothing says what ${name} looks like`);
}

/** An operation as a tool for language models, which read nothing else of the documentation. */
export type Tool = {
  name: string;
  /** Up to 600 characters. */
  text: string;
  /** What is said of arguments in place of the reference's descriptions; empty: nothing. */
  arguments?: Record<string, string>;
  /** Fields that no model is asked for: secrets. */
  withholds?: readonly string[];
  /** It changes nothing although it is no GET, so it needs no plan. */
  readsOnly?: true;
  /** It changes something, but takes nothing away. */
  isAdditive?: true;
  /** Done twice it does harm, so its `idempotency_key` is required. */
  isOnce?: true;
};

/** A feature's part of the document. The keys of `operations` are method and path, as in `GET /v1/agents/{agent_id}`. */
export type Reference = {
  tag: { name: string; description: string };
  operations: Record<`${"GET" | "POST" | "PUT" | "PATCH" | "DELETE"} /${string}`, Operation>;
};

/** An object schema whose fields have descriptions. */
export type Described = z.ZodMiniObject<Record<string, z.ZodMiniType>>;

export type FieldDescription = { description: string; examples?: unknown[] };

/**
 * The object that a schema validates, with a description for each field. The schema itself does not change, so two
 * endpoints can describe the same field in different words.
 *
 * @param schema the schema that the route validates by, such as the result of `body()`
 */
export function described<Schema extends z.ZodMiniType>(
  schema: Schema,
  fields: Record<keyof z.output<Schema> & string, FieldDescription>,
): Described {
  const shape = Object.entries(objectOf(schema)._zod.def.shape).map(([name, field]) => {
    const copy = z.clone(field);
    const { description, examples } = fields[name as keyof typeof fields];
    // An override, because zod omits the examples of a transformed field.
    z.globalRegistry.add(copy, { description, ...(examples && { override: { examples } }) });
    return [name, copy as z.ZodMiniType] as const;
  });
  return z.object(Object.fromEntries(shape));
}

/** The object schema between the transforms before it (`body()` normalises) and after it (defaults, new names). */
function objectOf(schema: z.core.$ZodType): z.core.$ZodObject {
  if (schema instanceof z.core.$ZodObject) return schema;
  if (!(schema instanceof z.core.$ZodPipe)) throw new Error(`no object schema: ${schema._zod.def.type}`);
  const { in: before, out: after } = schema._zod.def;
  return objectOf(before instanceof z.core.$ZodTransform ? after : before);
}

/** Gives a field of an answer its description and an example. */
export function answered<Schema extends z.ZodMiniType>(
  schema: Schema,
  description: string,
  example?: z.output<Schema>,
): Schema {
  return schema.check(z.meta({ description, ...(example !== undefined && { examples: [example] }) }));
}

/** A time in an answer: ISO 8601 in UTC. */
export function time(description: string) {
  return answered(z.iso.datetime(), `${description}, in UTC.`, TIME);
}

/** What an answer says of something that is gone. */
export const deleted = answered(z.literal(true), "Always true.");

/** The query of a list: descriptions of its own parameters, and those of `limit` and `offset`. */
export function listQuery<Schema extends z.ZodMiniType>(
  schema: Schema,
  fields: Record<Exclude<keyof z.output<Schema> & string, "limit" | "offset">, FieldDescription>,
): Described {
  const page = {
    limit: {
      description: `How many entries to return. The default is ${DEFAULT_LIMIT}; more than ${MAX_LIMIT} counts as ${MAX_LIMIT}.`,
    },
    offset: { description: "How many entries to skip. The default is 0." },
  };
  return described(schema, { ...fields, ...page } as Record<
    keyof z.output<Schema> & string,
    FieldDescription
  >);
}

/** The query of a list without parameters of its own. */
export const pageQuery = listQuery(pageSchema, {});

/** A warning beside a resource. */
export const warnings = z.optional(
  z.array(
    z
      .object({
        code: answered(
          z.enum(["unknown_field", "language_not_spoken", "country_not_allowed", ...WARNING_CODES]),
          "What the warning is about. Branch on this.",
          "unknown_field",
        ),
        message: answered(z.string(), "The same for people. The wording may change at any time."),
        details: answered(
          z.record(z.string(), z.string()),
          "Facts, such as a SID; of an `unknown_field` its name as `field`, and as `did_you_mean` the name that is near.",
        ),
      })
      .check(z.meta({ id: "Warning", description: "What to know although the request succeeded." })),
  ),
);

const extended = new Map<z.ZodMiniType, z.ZodMiniType>();

/** The schema of an answer to a request with a body: it has warnings if there are any. */
export function withWarnings(schema: z.ZodMiniType): z.ZodMiniType {
  if (schema instanceof z.ZodMiniUnion)
    return z.union(schema._zod.def.options.map((option) => withWarnings(option as z.ZodMiniType)));
  if (!(schema instanceof z.ZodMiniObject) || "warnings" in schema._zod.def.shape) return schema;
  const known = extended.get(schema);
  if (known) return known;
  const { id, description } = z.globalRegistry.get(schema) ?? {};
  const more = z.object({ ...schema._zod.def.shape, warnings });
  if (id !== undefined)
    z.globalRegistry.add(more, {
      id: `${id}WithWarnings`,
      ...(description !== undefined && { description }),
    });
  extended.set(schema, more);
  return more;
}

/**
 * The answer of a list: a page of it.
 *
 * @param name the field that holds the entries
 * @param own what the example of an entry has; see {@link exampleOf}
 * @param of what they are
 * @param hasMany so many that what matches a filter is not counted to its end
 */
export function listAnswer(
  name: string,
  entry: z.ZodMiniType,
  own?: Record<string, unknown>,
  { of = name, hasMany = false } = {},
): Answer {
  const minimum = answered(
    z.optional(z.literal(true)),
    "There are more than 10,000 that match: `count` is 10,000. A list without a filter counts all.",
  );
  return answer(
    `A page of ${of}, and how many there are in all.`,
    z.object({
      [name]: z.array(entry),
      count: answered(z.int(), "How many entries there are in total."),
      ...(hasMany && { count_is_minimum: minimum }),
      limit: answered(z.int(), "The limit that was applied."),
      offset: answered(z.int(), "The offset that was applied."),
    }),
    { [name]: [exampleOf(entry, own)], count: 1, limit: DEFAULT_LIMIT, offset: 0 },
  );
}
