import { expect, it } from "vitest";
import { openApiDocument } from "../../reference/openapi.ts";
import { clientModule, typesDocument } from "../../scripts/client/python.ts";
import { operationsOf } from "../../scripts/documentation/operations.ts";

// What the Python client is made of. `npm run test:packages` runs the client itself.

const document = openApiDocument();
const module = clientModule(document);
const { components } = typesDocument(document) as { components: { schemas: Record<string, object> } };
const snake = (id: string) => id.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

it("has each operation twice, to wait for and to await", () => {
  const named = (pattern: RegExp) => [...module.matchAll(pattern)].map(([, name]) => name).sort();
  const wanted = operationsOf(document).map(({ id }) => snake(id));
  expect(named(/^ {4}def (?!iter_)(\w+)/gm)).toEqual(wanted.sort());
  expect(named(/^ {4}async def (\w+)/gm)).toEqual(wanted);
});

it("reads each list to its end", () => {
  const iterators = [...module.matchAll(/def iter_(\w+).*-> (Async)?Iterator/g)].map(([, name]) => name);
  const lists = operationsOf(document).filter(({ parameters }) =>
    parameters.some(({ name }) => name === "limit"),
  );
  expect(new Set(iterators)).toEqual(new Set(lists.map(({ id }) => snake(id).replace(/^list_/, ""))));
  expect(iterators).toHaveLength(2 * lists.length);
});

it("has a schema for each type", () => {
  const used = new Set([...module.matchAll(/types\.(\w+)/g)].map(([, name]) => name));
  expect([...used].filter((name) => !Object.hasOwn(components.schemas, name ?? ""))).toEqual([]);
});

it("has no pattern that only JavaScript knows: Python has neither \\p nor \\u{…}", () => {
  const patterns = new Set<string>();
  JSON.stringify(document, (name, value) => {
    if (name === "pattern" && typeof value === "string") patterns.add(value);
    return value as unknown;
  });
  expect(patterns.size).toBeGreaterThan(10);
  expect([...patterns].filter((pattern) => /\\[pP]\{|\\u\{/.test(pattern))).toEqual([]);
});

it("gives an Idempotency-Key to what takes one, and to nothing else", () => {
  const keyed = operationsOf(document).filter(({ parameters }) =>
    parameters.some(({ name }) => name === "Idempotency-Key"),
  );
  expect(module.match(/takes_key=True/g)).toHaveLength(2 * keyed.length);
  expect(module).toMatch(/def create_agent\(.*idempotency_key: str \| None = None\)/);
  expect(module).toMatch(/def rotate_key\(self\)/);
});
