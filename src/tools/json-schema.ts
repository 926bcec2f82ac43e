import type { Fault, Problem } from "../http/faults.ts";
import { isObject } from "../http/json.ts";

// The part of JSON Schema that the arguments of tools are described with: what is wrong with a schema, and with a value.
// https://json-schema.org/draft/2020-12/json-schema-validation. No I/O here, and no code made from text.

type Schema = Record<string, unknown>;

const MAX_BYTES = 4 * 1024;
const MAX_DEPTH = 5;
const MAX_FAULTS = 10;

type Test = (value: unknown) => boolean;
const isText: Test = (value) => typeof value === "string";
const isNumber = (value: unknown): value is number => typeof value === "number";
const isLength: Test = (value) => Number.isInteger(value) && Number(value) >= 0;
const isListOf = (isOne: Test) => (value: unknown) => Array.isArray(value) && value.every(isOne);
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value]);

/** What a value of a type is. */
const TYPES: ReadonlyMap<unknown, Test> = new Map<unknown, Test>([
  ["object", isObject],
  ["array", Array.isArray],
  ["string", isText],
  ["number", isNumber],
  ["integer", Number.isInteger],
  ["boolean", (value) => typeof value === "boolean"],
  ["null", (value) => value === null],
]);

/** The keywords that there are, and what each may be. */
const KEYWORDS: ReadonlyMap<string, Test> = new Map<string, Test>([
  ["type", (value) => listOf(value).length > 0 && listOf(value).every((one) => TYPES.has(one))],
  ["properties", (value) => isObject(value) && Object.values(value).every(isObject)],
  ["required", isListOf(isText)],
  [
    "enum",
    (value) => isListOf((one) => !isObject(one) && !Array.isArray(one))(value) && listOf(value).length > 0,
  ],
  ["items", isObject],
  ["description", isText],
  ["minimum", isNumber],
  ["maximum", isNumber],
  ["minLength", isLength],
  ["maxLength", isLength],
  ["additionalProperties", (value) => typeof value === "boolean" || isObject(value)],
]);

export type SchemaFault = Fault & { path: string[] };

function fault(path: string[], problem: Problem, hint: string): SchemaFault {
  return { code: "invalid_field", path, problem, hint };
}

/** What is wrong with a schema; nothing if it is one. */
export function schemaFaults(schema: Schema): SchemaFault[] {
  const { byteLength } = new TextEncoder().encode(JSON.stringify(schema));
  if (byteLength <= MAX_BYTES) return [...faultsIn(schema, [])].slice(0, MAX_FAULTS);
  return [
    fault([], { problem: "too_long", max_length: MAX_BYTES }, "So many bytes of JSON, not characters."),
  ];
}

function* faultsIn(schema: Schema, path: string[], depth = 1): Generator<SchemaFault> {
  if (depth > MAX_DEPTH)
    return yield fault(path, { problem: "out_of_range", max: MAX_DEPTH }, `It may be ${MAX_DEPTH} deep.`);
  for (const [keyword, value] of Object.entries(schema)) {
    const at = [...path, keyword];
    const allowed = [...KEYWORDS.keys()];
    const isFit = KEYWORDS.get(keyword)?.(value);
    if (isFit === undefined)
      yield fault(at, { problem: "not_allowed", allowed }, `A schema may have ${allowed.join(", ")}.`);
    else if (!isFit)
      yield fault(at, { problem: "malformed" }, `It is not what JSON Schema has for ${keyword}.`);
    else if (keyword === "properties")
      for (const [name, inner] of Object.entries(value as Record<string, Schema>))
        yield* faultsIn(inner, [...at, name], depth + 1);
    else if (isObject(value)) yield* faultsIn(value, at, depth + 1);
  }
}

/** What is wrong with a value, in words for a model; nothing if the schema allows it. */
export function valueFaults(schema: Schema, value: unknown, name: string): string[] {
  return [...wrongIn(schema, value, name)].slice(0, MAX_FAULTS);
}

function* wrongIn(schema: Schema, value: unknown, name: string): Generator<string> {
  const { type, enum: allowed, items, properties, required = [], additionalProperties } = schema;
  if (type !== undefined && !listOf(type).some((one) => TYPES.get(one)?.(value)))
    return yield `${name} must be of type ${listOf(type).join(" or ")}`;
  if (allowed !== undefined && !listOf(allowed).includes(value))
    yield `${name} must be one of ${JSON.stringify(allowed)}`;
  const isString = typeof value === "string";
  const size = isString ? [...value].length : value;
  const [min, max] = isString ? [schema.minLength, schema.maxLength] : [schema.minimum, schema.maximum];
  const be = isString ? "have a length of" : "be";
  if (isNumber(size) && isNumber(min) && size < min) yield `${name} must ${be} ${min} at least`;
  if (isNumber(size) && isNumber(max) && size > max) yield `${name} must ${be} ${max} at most`;
  if (Array.isArray(value) && isObject(items))
    for (const [index, one] of value.entries()) yield* wrongIn(items, one, `${name}.${index}`);
  if (!isObject(value)) return;
  for (const key of listOf(required))
    if (!Object.hasOwn(value, String(key))) yield `${name}.${key} is required`;
  for (const [key, inner] of Object.entries(value)) {
    const isKnown = isObject(properties) && Object.hasOwn(properties, key);
    const known = isKnown ? properties[key] : additionalProperties;
    if (known === false) yield `${name}.${key} is not known`;
    else if (isObject(known)) yield* wrongIn(known, inner, `${name}.${key}`);
  }
}
