import * as z from "zod/mini";
import { DRY_RUN_FAULT, DRY_RUN_SPELLINGS, dryRunInBody } from "./dry-run.ts";
import type { ErrorCode } from "./errors.ts";
import { type Fault, type FieldFault, messageOf } from "./faults.ts";
import { isObject } from "./json.ts";

// Building blocks of request schemas. Each one names the error code for values that it refuses. Schemas use these and
// not zod's own checks: zod takes any text as a message, but here a misspelt code does not compile.

export const minLength = (length: number, code: ErrorCode = "invalid_field") => z.minLength(length, code);
export const maxLength = (length: number, code: ErrorCode = "invalid_field") => z.maxLength(length, code);

/** @param fault what a value may be, in a sentence; or a function that returns the fault of a value */
export function pattern(regex: RegExp, fault: string | ((value: string) => Fault)) {
  if (typeof fault === "string") return z.regex(regex, messageOf({ code: "invalid_field", hint: fault }));
  return z.regex(regex, { error: ({ input }) => messageOf(fault(String(input))) });
}

export function satisfies<Value>(
  test: (value: Value) => boolean,
  fault: ErrorCode | Fault = "invalid_field",
): z.core.$ZodCheck<Value> {
  return z.refine<Value>((value) => test(value as Value), messageOf(fault));
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;

/** A time as ISO 8601 has it. */
export const isTime = satisfies<string>((text) => TIME.test(text) && !Number.isNaN(Date.parse(text)), {
  code: "invalid_field",
  hint: "Send a time such as 2026-01-31T12:00:00Z.",
});

/** A name stands in lists and logs. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it must name them, as Python does not know \P{Cc}
export const isName = pattern(/^[^\x00-\x1f\x7f-\x9f]*$/, "A name has no control characters.");

/** The bounds of a number. The error names both, whichever is broken. */
export function inRange(min: number, max: number) {
  const fault = messageOf({ code: "invalid_field", problem: { problem: "out_of_range", min, max } });
  return [z.minimum(min, fault), z.maximum(max, fault)] as const;
}

export const wholeNumber = (min: number, max: number) => z.int().check(...inRange(min, max));

/** Second spellings of fields. If a body has several, the field's own name wins, then the first of these. */
type Aliases<Shape> = Partial<Record<keyof Shape & string, string | readonly string[]>>;

/**
 * An object schema for the normalised body: a value that is absent, null or empty is undefined.
 *
 * @param together what is wrong with fields that have each the right type
 */
export function body<Shape extends z.core.$ZodShape>(
  shape: Shape,
  aliases: Aliases<Shape> = {},
  together: (value: z.output<z.ZodMiniObject<Shape>>) => readonly FieldFault[] = () => [],
) {
  return normalised(
    shape,
    aliases,
    (name, given) => {
      const value = spellingsOf(name, aliases).map((spelling) => given.get(spelling));
      return [[name, value.find((candidate) => candidate !== undefined)]];
    },
    together,
  );
}

/**
 * An object schema for a partial change. A field that is not in the body is undefined, so it does not change. A field
 * that is null or empty is null, so it is cleared.
 */
export function changes<Shape extends z.core.$ZodShape>(shape: Shape, aliases: Aliases<Shape> = {}) {
  return normalised(shape, aliases, (name, given) => {
    const spelling = spellingsOf(name, aliases).find((candidate) => given.has(candidate));
    return spelling === undefined ? [] : [[name, given.get(spelling) ?? null]];
  });
}

function spellingsOf<Shape>(name: string, aliases: Aliases<Shape>): string[] {
  return [name, ...[(aliases as Record<string, string | readonly string[]>)[name] ?? []].flat()];
}

/** The `dry_run` field of a body; see dry-run.ts. */
export const dryRunField = () => z.optional(z.boolean({ error: messageOf(DRY_RUN_FAULT) }));

function normalised<Shape extends z.core.$ZodShape>(
  shape: Shape,
  aliases: Aliases<Shape>,
  entriesOf: (name: string, given: ReadonlyMap<string, unknown>) => [string, unknown][],
  together: (value: z.output<z.ZodMiniObject<Shape>>) => readonly FieldFault[] = () => [],
) {
  const spellings = Object.keys(shape).flatMap((name) =>
    spellingsOf(name, aliases).map((spelling) => [spelling, name] as const),
  );
  const fieldOf = new Map(spellings);
  const object = z.object(shape).check(({ value, issues }) => {
    for (const { field, ...fault } of together(value as z.output<z.ZodMiniObject<Shape>>))
      issues.push({ code: "custom", path: [field], message: messageOf(fault), input: value });
  });
  const normalise = (input: unknown, { issues }: Pick<z.core.ParsePayload, "issues">): unknown => {
    if (!isObject(input)) return input;
    const given = new Map(
      Object.entries(input).map(([name, value]) => {
        const field = shape[fieldOf.get(name) ?? ""];
        return [name, normaliseValue(value, field !== undefined && "isEmptyGiven" in field)];
      }),
    );
    const entries = Object.keys(shape).flatMap((name) => entriesOf(name, given));
    const dryRun = dryRunInBody(input);
    if (dryRun === undefined) return Object.fromEntries(entries);
    // If the endpoint has no dry run, it refuses the request: the caller does not want a real change.
    if (!("dry_run" in shape)) {
      const message = "unknown_parameter" satisfies ErrorCode;
      issues.push({ code: "custom", path: ["dry_run"], message, input });
    }
    return { ...Object.fromEntries(entries), dry_run: dryRun };
  };
  // `fieldOf`: which field a name means, for `unknownFields`.
  return Object.assign(z.pipe(z.transform(normalise), object), { fieldOf });
}

/** A field that a body's schema does not know: its path, its name, and the names that are known in its place. */
export type UnknownField = { path: string; name: string; known: readonly string[] };

/** The unknown fields of a body, and of the entries of its lists. */
export function* unknownFields(schema: z.core.$ZodType, value: unknown, path = ""): Generator<UnknownField> {
  const def = (schema as z.ZodMiniType)._zod.def as z.core.$ZodTypes["_zod"]["def"];
  if ("fieldOf" in schema && isObject(value)) {
    const { fieldOf, _zod } = schema as ReturnType<typeof body>;
    const { shape } = _zod.def.out._zod.def;
    const known = Object.keys(shape);
    for (const [name, inner] of Object.entries(value)) {
      const field = shape[fieldOf.get(name) ?? ""];
      if (field) yield* unknownFields(field, inner, `${path}${name}.`);
      else if (!DRY_RUN_SPELLINGS.includes(name)) yield { path: path + name, name, known };
    }
  } else if (def.type === "array" && Array.isArray(value)) {
    for (const [index, entry] of value.entries())
      yield* unknownFields(def.element, entry, `${path}${index}.`);
  } else if ("innerType" in def) yield* unknownFields(def.innerType, value, path);
  else if (def.type === "pipe") yield* unknownFields(def.in, value, path);
}

/**
 * Trims texts, and turns null and empty texts into undefined: all three count as absent. UTF-8 cannot store half a
 * surrogate pair, so it is replaced here: the answer then shows what is stored.
 */
function normaliseValue(value: unknown, isEmptyGiven: boolean): unknown {
  const trimmed = typeof value === "string" ? value.toWellFormed().trim() : value;
  return (trimmed === "" && !isEmptyGiven) || trimmed === null ? undefined : trimmed;
}

/** A field of a body whose empty text says something, and is not absent. */
export const emptyIsGiven = <Schema extends z.ZodMiniType>(schema: Schema): Schema =>
  Object.assign(schema, { isEmptyGiven: true });

/** A flat object: what its names may be, what its values, and how many it may have. */
export function flat<Value extends z.ZodMiniType>(
  name: z.ZodMiniType<string, string>,
  value: Value,
  maxEntries: number,
  code: ErrorCode = "invalid_field",
) {
  return z.pipe(
    z.transform((input, { issues }) => {
      // zod leaves it out of a record without a word.
      if (isObject(input) && Object.hasOwn(input, "__proto__")) {
        const message = "invalid_field" satisfies ErrorCode;
        issues.push({ code: "custom", path: ["__proto__"], message, input });
      }
      return input;
    }),
    z.record(name, value).check(
      satisfies((entries: object) => Object.keys(entries).length <= maxEntries, {
        code,
        problem: { problem: "out_of_range", max: maxEntries },
        hint: `It may have ${maxEntries} entries.`,
      }),
    ),
  );
}

export const missingOrInvalid = (issue: z.core.$ZodRawIssue): ErrorCode =>
  issue.input === undefined || issue.input === null ? "missing_field" : "invalid_field";

/** A required text. */
export function requiredText() {
  return z.string({ error: missingOrInvalid });
}

/** A field of a change: absent it does not change, and null is its default again. */
export function nullIsDefault<Schema extends z.ZodMiniType, Default>(schema: Schema, value: Default) {
  return z.optional(
    z.pipe(
      z.nullable(schema),
      z.transform((given): z.output<Schema> | Default => given ?? value),
    ),
  );
}

/** null if it is absent. */
export const orNull = <Schema extends z.ZodMiniType>(schema: Schema) =>
  z.pipe(
    z.optional(schema),
    z.transform((value): z.output<Schema> | null => value ?? null),
  );

/** An optional text; null if it is absent. */
export const optionalText = (length: number, code: ErrorCode = "invalid_field") =>
  orNull(z.string().check(maxLength(length, code)));
