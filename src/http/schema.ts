import * as z from "zod/mini";
import { type ErrorCode, errorCatalogue } from "./errors.ts";

// Building blocks of request schemas. Each check says by which error code a value is refused that fails it. Schemas use
// these checks and not zod's own, whose message is any text: a misspelt code does not compile.

/** Why a value is refused: a code, and for some a closer reason, which goes to `details.reason`. */
export type Fault = { code: ErrorCode; reason?: string | undefined };

// A fault travels through zod as the message of an issue.
const messageOf = ({ code, reason }: Fault) => (reason === undefined ? code : `${code}#${reason}`);

/** The fault behind an issue's message; a message of zod's own is about the type of the value. */
export function faultOf(message: string): Fault {
  const [code = "", reason] = message.split("#");
  return Object.hasOwn(errorCatalogue, code)
    ? { code: code as ErrorCode, reason }
    : { code: "invalid_field" };
}

export const minLength = (length: number, code: ErrorCode = "invalid_field") => z.minLength(length, code);
export const maxLength = (length: number, code: ErrorCode = "invalid_field") => z.maxLength(length, code);

/** @param fault a code, or what is wrong with this very value */
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
 * @param aliases second spellings of fields; where both are given, the field's own name wins
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
 * An object schema over the body of a partial change: a field that is left out is undefined, one that is null or empty is
 * null, which clears it.
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
 * Trims a text, and makes what counts as absent (null, empty) undefined, so that "missing" means one thing. Half a
 * surrogate pair cannot be stored as UTF-8, so what stands for it from then on is what is answered at once.
 */
function normaliseValue(value: unknown): unknown {
  const trimmed = typeof value === "string" ? value.toWellFormed().trim() : value;
  return trimmed === "" || trimmed === null ? undefined : trimmed;
}

const missingOrInvalid = (issue: z.core.$ZodRawIssue): ErrorCode =>
  issue.input === undefined || issue.input === null ? "missing_field" : "invalid_field";

/** A text that must be there. */
export function requiredText() {
  return z.string({ error: missingOrInvalid });
}

/** A text that may be left out, and is null then. */
export function optionalText(length: number, code: ErrorCode = "invalid_field") {
  return z.pipe(
    z.optional(z.string().check(maxLength(length, code))),
    z.transform((value) => value ?? null),
  );
}
