import * as z from "zod/mini";
import type { ErrorCode } from "./errors.ts";

// Building blocks of request schemas. A check's message is the error code it stands for; see json-body.ts.

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
export function optionalText(maxLength: number, tooLong: ErrorCode = "invalid_field") {
  return z.pipe(
    z.optional(z.string().check(z.maxLength(maxLength, tooLong))),
    z.transform((value) => value ?? null),
  );
}
