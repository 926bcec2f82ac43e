import type * as z from "zod/mini";
import { ApiError, type ErrorCode, errorCatalogue } from "./errors.ts";

// What is wrong with a field or a query parameter: for programs in `details.problems`, for people in the message.

/** What a value breaks, and what would be right. `expected` is for the message only. */
export type Problem = {
  problem: "required" | "wrong_type" | "not_allowed" | "out_of_range" | "too_long" | "malformed";
  allowed?: readonly unknown[];
  min?: number;
  max?: number;
  max_length?: number;
  expected?: string;
};

/** Why a value is refused. */
export type Fault = {
  code: ErrorCode;
  /** What is wrong with this value, in sentences. Follows the message of the code. */
  hint?: string;
  /** Facts that the caller can act on, beside the fields and their problems. */
  details?: Record<string, unknown>;
  /** Undefined: what zod says of it. */
  problem?: Problem;
};

/** A fault, and the path of the field that has it, as in `connect.url` or `items.3.phone_number`. */
export type FieldFault = Fault & { field: string };

/** The message of an issue, which is all that zod carries. {@link faultsOf} reads it. */
export const messageOf = (fault: ErrorCode | Fault): string =>
  typeof fault === "string" ? fault : JSON.stringify(fault);

/** @param code the code if zod wrote the message itself, because the value has the wrong type */
export function faultsOf(issues: readonly z.core.$ZodIssue[], code: ErrorCode): FieldFault[] {
  return issues.map((issue) => {
    // Of a name in a flat object, only the inner issue says what is wrong.
    const message = (issue.code === "invalid_key" && issue.issues[0]?.message) || issue.message;
    const given: Fault = message.startsWith("{")
      ? (JSON.parse(message) as Fault)
      : { code: Object.hasOwn(errorCatalogue, message) ? (message as ErrorCode) : code };
    const problem = given.problem ?? (given.code === "missing_field" ? undefined : problemOf(issue));
    // The whole body is no object.
    const of: Fault = issue.path.length === 0 ? { code: "invalid_json" } : given;
    return {
      ...of,
      code: of.code === "invalid_field" ? code : of.code,
      ...(problem && { problem }),
      field: issue.path.join("."),
    };
  });
}

function problemOf(issue: z.core.$ZodIssue): Problem {
  switch (issue.code) {
    case "invalid_type":
      return { problem: "wrong_type", expected: issue.expected };
    case "invalid_value":
      return { problem: "not_allowed", allowed: issue.values };
    case "unrecognized_keys":
      return { problem: "not_allowed", expected: issue.keys.join(", ").slice(0, 64) };
    case "too_big":
      if (issue.origin === "string") return { problem: "too_long", max_length: Number(issue.maximum) };
      return { problem: "out_of_range", max: Number(issue.maximum), expected: issue.origin };
    case "too_small":
      return { problem: "out_of_range", min: Number(issue.minimum), expected: issue.origin };
    case "invalid_union": {
      if ("options" in issue && issue.options) return { problem: "not_allowed", allowed: issue.options };
      // The alternative that has the right type says what else is wrong.
      const nearest = issue.errors.flat().find(({ code }) => code !== "invalid_type");
      return nearest ? problemOf(nearest) : { problem: "wrong_type" };
    }
    case "invalid_key":
      return issue.issues[0] ? problemOf(issue.issues[0]) : { problem: "malformed" };
    default:
      return { problem: "malformed" };
  }
}

/** If a request has several faults, these codes are reported first; all others follow in the schema's order. */
const FIRST: readonly ErrorCode[] = [
  "invalid_json",
  "unknown_parameter",
  "invalid_parameter",
  "missing_field",
  "invalid_field",
];

// A list may have thousands of faulty entries.
const MAX_NAMED = 50;

/**
 * One error for all faults of the code that comes first. `details.problems` says what is wrong with each field; no value
 * is repeated.
 */
export function faultError(faults: readonly FieldFault[]): ApiError {
  const code = FIRST.find((candidate) => faults.some((fault) => fault.code === candidate)) ?? faults[0]?.code;
  if (!code || code === "invalid_json") return new ApiError("invalid_json");
  const reported = faults.filter((fault) => fault.code === code);
  const isMissing = code === "missing_field";
  // Of several problems of one kind the last is the schema's own, after what zod says of every whole number.
  const problems = [
    ...new Map(
      reported.map(({ field, problem = { problem: isMissing ? "required" : "malformed" } }) => [
        `${field} ${problem.problem}`,
        { field, ...problem },
      ]),
    ).values(),
  ].slice(0, MAX_NAMED);
  const fields = [...new Set(problems.map(({ field }) => field))];
  const { hint, details } = reported.find((fault) => fault.hint !== undefined) ?? {};
  if (code === "unknown_parameter") return new ApiError(code, { details: { parameters: fields } });
  const isParameter = code === "invalid_parameter";
  const said = [errorCatalogue[code].message];
  // Other codes say by themselves what is wrong.
  if (isParameter || code === "invalid_field") said.push(...problems.slice(0, 1).map(inWords));
  if (isMissing || (code === "invalid_field" && fields.length > 1))
    said.push(`Fields: ${fields.join(", ")}.`);
  // What is said of all URLs is long.
  if (code === "invalid_url")
    said.unshift(hint ?? inWords(problems[0] ?? { field: "", problem: "malformed" }));
  else if (hint !== undefined) said.push(hint);
  return new ApiError(code, {
    message: said.join(" "),
    details: {
      ...(isParameter && { parameters: fields }),
      fields,
      problems: problems.map(({ expected: _, ...problem }) => problem),
      ...details,
    },
  });
}

const EXPECTED: Readonly<Record<string, string>> = {
  string: "a text",
  boolean: "true or false",
  int: "a whole number",
  number: "a number",
  array: "a list",
};

function inWords(fault: Problem & { field: string }): string {
  const { field, problem, allowed, min, max, max_length, expected = "" } = fault;
  switch (problem) {
    case "required":
      return `${field} is required.`;
    case "wrong_type":
      return expected === ""
        ? `${field} has the wrong type.`
        : `${field} must be ${EXPECTED[expected] ?? "an object"}.`;
    case "not_allowed":
      return allowed
        ? `${field} must be ${either(allowed)}.`
        : `${field} has no ${expected || "such"} field.`;
    case "out_of_range": {
      const of = { array: " entries", string: " characters" }[expected] ?? "";
      const has = of === "" ? "be" : "have";
      if (min === undefined) return `${field} must ${has} ${number(max)}${of} at most.`;
      return max === undefined
        ? `${field} must ${has} ${number(min)} or more${of}.`
        : `${field} must ${has} ${number(min)} to ${number(max)}${of}.`;
    }
    case "too_long":
      return `${field} may have ${number(max_length)} characters at most.`;
    case "malformed":
      return `${field} is malformed.`;
  }
}

const number = (value = 0): string => value.toLocaleString("en");

function either(words: readonly unknown[]): string {
  return [words.slice(0, -1).join(", "), words.at(-1)].filter((part) => part !== "").join(" or ");
}
