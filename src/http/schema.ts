import * as z from "zod/mini";
import { dryRunInBody } from "./dry-run.ts";
import { ApiError, type ErrorCode, errorCatalogue } from "./errors.ts";

// Building blocks of request schemas. Each one names the error code for values that it refuses. Schemas use these and
// not zod's own checks: zod takes any text as a message, but here a misspelt code does not compile.

/** Why a value is refused. */
export type Fault = {
  code: ErrorCode;
  /** What is wrong with this value, in sentences. Follows the message of the code. */
  hint?: string;
  /** Facts that the caller can act on, beside the names of the fields. */
  details?: Record<string, unknown>;
};

/** The fault in an issue's message. If zod wrote the message itself, the value has the wrong type. */
export function faultOf(message: string): Fault {
  if (message.startsWith("{")) return JSON.parse(message) as Fault;
  return { code: Object.hasOwn(errorCatalogue, message) ? (message as ErrorCode) : "invalid_field" };
}

/** The error for a fault. */
export function faultError({ code, hint, details = {} }: Fault): ApiError {
  const message = [errorCatalogue[code].message, hint].filter(Boolean).join(" ");
  return new ApiError(code, { message, details });
}

export const minLength = (length: number, code: ErrorCode = "invalid_field") => z.minLength(length, code);
export const maxLength = (length: number, code: ErrorCode = "invalid_field") => z.maxLength(length, code);

/** @param fault a code, or a function that returns the fault of a value */
export function pattern(regex: RegExp, fault: ErrorCode | ((value: string) => Fault)) {
  if (typeof fault === "string") return z.regex(regex, fault);
  // Zod carries a fault as the message of an issue.
  return z.regex(regex, { error: ({ input }) => JSON.stringify(fault(String(input))) });
}

export function satisfies<Value>(
  test: (value: Value) => boolean,
  code: ErrorCode = "invalid_field",
): z.core.$ZodCheck<Value> {
  return z.refine<Value>((value) => test(value as Value), code);
}

/** Second spellings of fields. If a body has several, the field's own name wins, then the first of these. */
type Aliases<Shape> = Partial<Record<keyof Shape & string, string | readonly string[]>>;

/** An object schema for the normalised body: a value that is absent, null or empty is undefined. */
export function body<Shape extends z.core.$ZodShape>(shape: Shape, aliases: Aliases<Shape> = {}) {
  return normalised(shape, (name, given) => {
    const value = spellingsOf(name, aliases).map((spelling) => given.get(spelling));
    return [[name, value.find((candidate) => candidate !== undefined)]];
  });
}

/**
 * An object schema for a partial change. A field that is not in the body is undefined, so it does not change. A field
 * that is null or empty is null, so it is cleared.
 */
export function changes<Shape extends z.core.$ZodShape>(shape: Shape, aliases: Aliases<Shape> = {}) {
  return normalised(shape, (name, given) => {
    const spelling = spellingsOf(name, aliases).find((candidate) => given.has(candidate));
    return spelling === undefined ? [] : [[name, given.get(spelling) ?? null]];
  });
}

function spellingsOf<Shape>(name: string, aliases: Aliases<Shape>): string[] {
  return [name, ...[(aliases as Record<string, string | readonly string[]>)[name] ?? []].flat()];
}

/** The `dry_run` field of a body; see dry-run.ts. */
export const dryRunField = () => z.optional(z.boolean({ error: "invalid_parameter" satisfies ErrorCode }));

function normalised<Shape extends z.core.$ZodShape>(
  shape: Shape,
  entriesOf: (name: string, given: ReadonlyMap<string, unknown>) => [string, unknown][],
) {
  const normalise = (input: unknown, { issues }: Pick<z.core.ParsePayload, "issues">): unknown => {
    if (typeof input !== "object" || input === null || Array.isArray(input)) return input;
    const given = new Map(Object.entries(input).map(([name, value]) => [name, normaliseValue(value)]));
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
  return z.pipe(z.transform(normalise), z.object(shape));
}

/**
 * Trims texts, and turns null and empty texts into undefined: all three count as absent. UTF-8 cannot store half a
 * surrogate pair, so it is replaced here: the answer then shows what is stored.
 */
function normaliseValue(value: unknown): unknown {
  const trimmed = typeof value === "string" ? value.toWellFormed().trim() : value;
  return trimmed === "" || trimmed === null ? undefined : trimmed;
}

const missingOrInvalid = (issue: z.core.$ZodRawIssue): ErrorCode =>
  issue.input === undefined || issue.input === null ? "missing_field" : "invalid_field";

/** A required text. */
export function requiredText() {
  return z.string({ error: missingOrInvalid });
}

/** A list that must be in the body. */
export function requiredList<Item extends z.ZodMiniType>(item: Item) {
  return z.array(item, { error: missingOrInvalid });
}

/** An optional text; null if it is absent. */
export function optionalText(length: number, code: ErrorCode = "invalid_field") {
  return z.pipe(
    z.optional(z.string().check(maxLength(length, code))),
    z.transform((value) => value ?? null),
  );
}
