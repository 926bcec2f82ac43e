import { describe, expect, it } from "vitest";
import { schemaFaults, valueFaults } from "../../src/tools/json-schema.ts";

const nested = (depth: number): Record<string, unknown> =>
  depth === 1 ? { type: "string" } : { type: "object", properties: { inner: nested(depth - 1) } };

describe("a schema", () => {
  it.each<[string, Record<string, unknown>]>([
    ["of nothing", { type: "object" }],
    [
      "of all keywords",
      {
        type: "object",
        description: "A booking",
        properties: {
          day: { type: "string", minLength: 1, maxLength: 10 },
          hour: { type: ["integer", "null"], minimum: 0, maximum: 23, enum: [9, 10, null] },
          guests: { type: "array", items: { type: "object", additionalProperties: { type: "string" } } },
        },
        required: ["day"],
        additionalProperties: false,
      },
    ],
    [
      "of a property that is named like a keyword",
      { type: "object", properties: { pattern: { type: "string" } } },
    ],
    ["five deep", nested(5)],
  ])("%s is one", (_, schema) => {
    expect(schemaFaults(schema)).toEqual([]);
  });

  it.each<[Record<string, unknown>, string, string]>([
    [{ pattern: "^a+$" }, "pattern", "not_allowed"],
    [{ properties: { a: { items: { $ref: "#" } } } }, "properties.a.items.$ref", "not_allowed"],
    [{ constructor: 1 }, "constructor", "not_allowed"],
    [JSON.parse('{"__proto__": {"type": "string"}}'), "__proto__", "not_allowed"],
    [{ type: "text" }, "type", "malformed"],
    [{ type: [] }, "type", "malformed"],
    [{ type: ["string", "constructor"] }, "type", "malformed"],
    [{ properties: [] }, "properties", "malformed"],
    [{ properties: { a: true } }, "properties", "malformed"],
    [{ required: "a" }, "required", "malformed"],
    [{ required: [1] }, "required", "malformed"],
    [{ enum: [] }, "enum", "malformed"],
    [{ enum: [{}] }, "enum", "malformed"],
    [{ items: [{}] }, "items", "malformed"],
    [{ description: 1 }, "description", "malformed"],
    [{ minimum: "1" }, "minimum", "malformed"],
    [{ maximum: null }, "maximum", "malformed"],
    [{ minLength: -1 }, "minLength", "malformed"],
    [{ maxLength: 1.5 }, "maxLength", "malformed"],
    [{ additionalProperties: "no" }, "additionalProperties", "malformed"],
    [
      nested(6),
      "properties.inner.properties.inner.properties.inner.properties.inner.properties.inner",
      "out_of_range",
    ],
    [{ description: "é".repeat(2_048) }, "", "too_long"],
  ])("%j is none: %s is %s", (schema, path, problem) => {
    expect(schemaFaults(schema).map((fault) => [fault.path.join("."), fault.problem?.problem])).toEqual([
      [path, problem],
    ]);
  });
});

describe("the arguments of a tool", () => {
  const schema = {
    type: "object",
    properties: {
      day: { type: "string", minLength: 2, maxLength: 3 },
      hour: { type: "integer", minimum: 9, maximum: 17 },
      kind: { enum: ["check", 1, null] },
      guests: { type: "array", items: { type: "object", required: ["name"] } },
      extra: { type: "object", additionalProperties: { type: "boolean" } },
      any: {},
    },
    required: ["day"],
    additionalProperties: false,
  };
  it.each<[Record<string, unknown>, string[]]>([
    [{ day: "mon" }, []],
    [{ day: "😀😀😀", hour: 9, kind: null, guests: [{ name: 1 }], extra: { a: true }, any: [[]] }, []],
    [{}, ["arguments.day is required"]],
    [JSON.parse('{"__proto__": 1, "day": "mon"}'), ["arguments.__proto__ is not known"]],
    [{ day: "mon", toString: 1 }, ["arguments.toString is not known"]],
    [{ day: 1 }, ["arguments.day must be of type string"]],
    [{ day: "m" }, ["arguments.day must have a length of 2 at least"]],
    [{ day: "monday" }, ["arguments.day must have a length of 3 at most"]],
    [{ day: "mon", hour: 9.5 }, ["arguments.hour must be of type integer"]],
    [{ day: "mon", hour: 8 }, ["arguments.hour must be 9 at least"]],
    [{ day: "mon", hour: 18 }, ["arguments.hour must be 17 at most"]],
    [{ day: "mon", kind: "1" }, ['arguments.kind must be one of ["check",1,null]']],
    [{ day: "mon", guests: [{ name: "A" }, {}] }, ["arguments.guests.1.name is required"]],
    [{ day: "mon", extra: { a: 1 } }, ["arguments.extra.a must be of type boolean"]],
    [
      { hour: "9", kind: 2 },
      expect.arrayContaining([expect.stringContaining("day"), expect.stringContaining("hour")]),
    ],
  ])("%j: %j", (value, faults) => {
    expect(valueFaults(schema, value, "arguments")).toEqual(faults);
  });

  it("are told at most ten faults", () => {
    const value = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`x${index}`, 1]));
    expect(valueFaults(schema, value, "arguments")).toHaveLength(10);
  });
});
