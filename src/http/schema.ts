import * as z from "zod/mini";
import { type ErrorCode, errorCatalogue } from "./errors.ts";

// Building blocks of request schemas. Each one names the error code for values that it refuses. Schemas use these and
// not zod's own checks: zod takes any text as a message, but here a misspelt code does not compile.

/** Why a value is refused: a code, and sometimes a more exact reason for `details.reason`. */
export type Fault = { code: ErrorCode; reason?: string | undefined };

// Zod carries a fault as the message of an issue.
const messageOf = ({ code, reason }: Fault) => (reason === undefined ? code : `${code}#${reason}`);

/** The fault in an issue's message. If zod wrote the message itself, the value has the wrong type. */
export function faultOf(message: string): Fault {
  const [code = "", reason] = message.split("#");
  return Object.hasOwn(errorCatalogue, code)
    ? { code: code as ErrorCode, reason }
    : { code: "invalid_field" };
}

export const minLength = (length: number, code: ErrorCode = "invalid_field") => z.minLength(length, code);
export const maxLength = (length: number, code: ErrorCode = "invalid_field") => z.maxLength(length, code);

/** @param fault a code, or a function that returns the fault of a value */
export function pattern(regex: RegExp, fault: ErrorCode | ((value: string) => Fault)) {
  if (typeof fault === "string") return z.regex(regex, fault);
  return z.regex(regex, { error: ({ input }) => messageOf(fault(String(input))) });
}

export function satisfies<Value>(
  test: (value: Value) => boolean,
  code: ErrorCode = "invalid_field",
): z.core.$ZodCheck<Value> {
  return z.refine<Value>((value) => test(value as Value), code);
}

/**
 * An object schema over the normalised body.
 *
 * @param aliases second spellings of fields; if a body has both, the field's own name wins
 */
export function body<Shape extends z.core.$ZodShape>(
  shape: Shape,
  aliases: Partial<Record<keyof Shape & string, string>> = {},
) {
  const normalise = (input: unknown): unknown => {
    if (typeof input !== "object" || input === null || Array.isArray(input)) return input;
    const given = new Map(Object.entries(input).map(([name, value]) => [name, normaliseValue(value)]));
    return Object.fromEntries(
      Object.keys(shape).map((name) => [name, given.get(name) ?? given.get(aliases[name] ?? name)]),
    );
  };
  return z.pipe(z.transform(normalise), z.object(shape));
}

/**
 * An object schema for a partial change. A field that is not in the body is undefined, so it does not change. A field
 * that is null or empty is null, so it is cleared.
 *
 * @param aliases as for {@link body}
 */
export function changes<Shape extends z.core.$ZodShape>(
  shape: Shape,
  aliases: Partial<Record<keyof Shape & string, string>> = {},
) {
  const normalise = (input: unknown): unknown => {
    if (typeof input !== "object" || input === null || Array.isArray(input)) return input;
    const given = new Map(
      Object.entries(input).map(([name, value]) => [name, normaliseValue(value) ?? null]),
    );
    const entries = Object.keys(shape).flatMap((name) => {
      const spelling = [name, aliases[name] ?? name].find((candidate) => given.has(candidate));
      return spelling === undefined ? [] : [[name, given.get(spelling)] as const];
    });
    return Object.fromEntries(entries);
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

/** An optional text; null if it is absent. */
export function optionalText(length: number, code: ErrorCode = "invalid_field") {
  return z.pipe(
    z.optional(z.string().check(maxLength(length, code))),
    z.transform((value) => value ?? null),
  );
}
