import { describe, expect, it } from "vitest";
import { fill } from "../../src/agents/fill.ts";

describe("a text with names in it", () => {
  it.each<[string, Record<string, string>, string]>([
    ["Hello {{name}}", { name: "Ada" }, "Hello Ada"],
    ["Hello {{ name }}, hello {{name}}.", { name: "Ada" }, "Hello Ada, hello Ada."],
    ["{{name|there}} and {{ name | you there }}", {}, "there and you there"],
    ["{{name|there}}", { name: "Ada" }, "Ada"],
    ["{{name|there}}", { name: "" }, "there"],
    ["{{name|}}!", {}, "!"],
    ["{{nobody}}!", {}, "!"],
    ["Hello {{name}}, hello.", {}, "Hello, hello."],
    ["Hello {{name}} again", {}, "Hello again"],
    ["{{name}} hello", {}, "hello"],
    ["Hello {{first}} {{last}}!", {}, "Hello!"],
    ["Hello {{first}} {{last}}!", { last: "Lovelace" }, "Hello Lovelace!"],
    ["{{first}} {{last}} {{title}} hello", { last: "Lovelace" }, "Lovelace hello"],
    ["a  {{name}}  b", {}, "a   b"],
    ["a\n{{name}}\nb", {}, "a\n\nb"],
    ["{{name}}", { name: "a{{other}}{{name|b}}", other: "no" }, "a{{other}}{{name|b}}"],
    ["{{toString}}{{__proto__}}{{constructor}}", {}, ""],
    ["{name} {{1}} {{a b}} {{}} {{a|b", { name: "Ada", a: "c" }, "{name} {{1}} {{a b}} {{}} {{a|b"],
    ["$& {{a}}", { a: "$&$1" }, "$& $&$1"],
    ["{{a.b-c_d}}", { "a.b-c_d": "x" }, "x"],
  ])("%s with %j", (text, values, expected) => {
    expect(fill(text, values)).toBe(expected);
  });

  it("takes time in proportion to the text", () => {
    const hostile = ["{{a|", "{{a ", "{{", " ", "{{a|b|"].map((piece) => piece.repeat(4_000));
    for (const text of hostile) expect(fill(text, { a: "x" })).toBe(text);
  });
});
