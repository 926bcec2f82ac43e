import { env } from "cloudflare:workers";
import fc, { type Arbitrary } from "fast-check";
import { beforeEach, describe, it } from "vitest";
import { startCustomer } from "../support/customer.ts";
import { type Operation, operations, type Schema } from "../support/document.ts";
import { prepareImport } from "../support/import.ts";
import { haveModel } from "../support/model.ts";
import { twilio } from "../support/twilio.ts";
import { authorization, BASE, createAgent, createKey, post, send } from "../support/worker.ts";
import { addNumber } from "../twilio-simulator/state.ts";

// Requests made up from the document: right, nearly right and nonsense. Whatever comes, the answer is one that the
// document lists (`send` checks every response against it) and never a 5xx.

const RUNS = 6;

/** What exists while an operation is fuzzed, so that a made-up request may hit it. */
type World = {
  credentials: Record<string, Record<string, string>>;
  /** What is right for a field or parameter of this name. */
  right: Record<string, string>;
  /** What is right elsewhere. */
  known: string[];
};

let world: World;

beforeEach(async () => {
  startCustomer();
  haveModel();
  const { account, key, body, number } = await prepareImport();
  const plan = await post("/v1/phone-numbers?dry_run=true", body, { key });
  const { plan_hash } = await plan.json<{ plan_hash: string }>();
  await post("/v1/phone-numbers", body, { key });
  const free = addNumber(twilio.state, account, { phone_number: "+15005550001" });
  const agent_id = await createAgent(key, { webhook_url: "https://customer.example/events" });
  const test = await post("/v1/webhooks/test", { agent_id }, { key });
  const { delivery } = await test.json<{ delivery: { id: string } }>();
  const stranger = await createKey();
  world = {
    credentials: {
      apiKey: authorization(key),
      adminToken: { authorization: `Bearer ${env.ADMIN_TOKEN}` },
    },
    right: {
      ...body,
      agent_id,
      number: body.phone_number,
      id: delivery.id,
      key_id: stranger.key_id,
      plan_hash,
      dry_run: "true",
    },
    known: [...Object.values(body), await createAgent(stranger), free.phone_number, number.sid, key.key_id],
  };
});

const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom("", " ", "\u0000", "..", "null", "%", "' OR 1=1 --", "x".repeat(20_000)),
);
const anything = fc.oneof(
  text,
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.jsonValue({ maxDepth: 3 }),
);

/** Values that a schema takes, more or less. */
function valid(schema: Schema): Arbitrary<unknown> {
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.const !== undefined) return fc.constant(schema.const);
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives) return fc.oneof(...alternatives.map(valid));
  const { maxLength = 100, minimum = -1000, maximum = 1000 } = schema;
  switch ([schema.type].flat()[0]) {
    case "boolean":
      return fc.boolean();
    case "integer":
    case "number":
      return fc.integer({ min: Math.ceil(minimum), max: Math.floor(maximum) });
    case "array":
      return fc.array(valid(schema.items ?? {}), { maxLength: 5 });
    case "object":
      return bodyOf(schema);
    case "string":
      if (schema.pattern) return fc.stringMatching(new RegExp(schema.pattern));
      return fc.oneof(
        fc.string({ maxLength: Math.min(maxLength, 200) }),
        fc.webUrl({ validSchemes: ["https", "http"] }),
        fc.constant("x".repeat(maxLength)),
        fc.constant("x".repeat(maxLength + 1)),
      );
    default:
      return anything;
  }
}

/** A value for a field of this name: right more often than not, so that some requests get far. */
function value(name: string, schema: Schema, isRequired: boolean): Arbitrary<unknown> {
  const right = world.right[name];
  return fc.oneof(
    { weight: 8, arbitrary: right === undefined ? valid(schema) : fc.constant(right) },
    { weight: 1, arbitrary: valid(schema) },
    { weight: isRequired ? 1 : 12, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom(...world.known) },
    { weight: 1, arbitrary: anything },
  );
}

function bodyOf({ properties = {}, required = [] }: Schema): Arbitrary<Record<string, unknown>> {
  const fields = Object.entries(properties).map(
    ([name, schema]) => [name, value(name, schema, required.includes(name))] as const,
  );
  const strange = fc.dictionary(text, anything, { maxKeys: 2 });
  return fc
    .tuple(fc.record(Object.fromEntries(fields)), strange)
    .map(([known, others]) => ({ ...others, ...known }));
}

/** Headers that are right as a rule. Sent under the same Idempotency-Key, different requests are one that was reused. */
function headersOf({ parameters = [], security }: Operation): Arbitrary<Record<string, string>> {
  const credentials = world.credentials[Object.keys(security[0] ?? {})[0] ?? ""]?.authorization;
  const header = (usual: string | undefined, ...others: string[]) =>
    fc.oneof(
      { weight: 20, arbitrary: fc.constant(usual) },
      { weight: 1, arbitrary: text.map(inHeader) },
      ...others.map((other) => ({ weight: 1, arbitrary: fc.constant(other) })),
    );
  const own = parameters.filter((parameter) => parameter.in === "header").map(({ name }) => name);
  return fc
    .record({
      authorization: header(credentials),
      "content-type": header("application/json", "text/plain"),
      ...Object.fromEntries(
        own.map((name) => [name, header(undefined, "again", "again", "", "\t", "x".repeat(256))]),
      ),
    })
    .map((headers) =>
      Object.fromEntries(
        Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined),
      ),
    );
}

/** Any text as the value of a header, which holds no line breaks. (It may hold Latin-1, but workerd then warns.) */
function inHeader(some: string): string {
  return some.replace(/[^\t\x20-\x7e]/gu, "~");
}

type Made = { path: string; headers: Record<string, string>; body: string | null };

function requestsTo(operation: Operation): Arbitrary<Made> {
  const { path, parameters = [], requestBody } = operation;
  const inPath = parameters.filter((parameter) => parameter.in === "path");
  const inQuery = parameters.filter((parameter) => parameter.in === "query");
  const record = (list: typeof parameters) =>
    fc.record(
      Object.fromEntries(
        list.map(({ name, schema, required }) => [name, value(name, schema, required === true)]),
      ),
    );
  const schema = requestBody?.content["application/json"].schema;
  const body = schema
    ? fc.oneof(
        { weight: 8, arbitrary: bodyOf(schema).map((fields) => JSON.stringify(fields)) },
        { weight: 1, arbitrary: anything.map((some) => JSON.stringify(some) ?? "") },
        { weight: 1, arbitrary: text },
      )
    : fc.constant(null);
  const parts = fc.tuple(record(inPath), record(inQuery), headersOf(operation), body);
  return parts.map(([places, query, headers, content]) => ({
    path: `${path.replace(/\{(\w+)\}/g, (_, name: string) => inUrl(places[name]) || "x")}?${Object.entries(
      query,
    )
      .filter(([, some]) => some !== undefined)
      .map(([name, some]) => `${name}=${inUrl(some)}`)
      .join("&")}`,
    headers,
    body: content,
  }));
}

/** Any value as a part of a URL. Dots alone would be another path. */
function inUrl(some: unknown): string {
  const written = typeof some === "object" ? JSON.stringify(some) : String(some ?? "");
  return encodeURIComponent(written.toWellFormed().slice(0, 2000)).replace(/^\.+$/, "x");
}

describe.each(operations)("$method $path", (operation) => {
  it("answers whatever is sent as documented, and never with a 5xx", async () => {
    await fc.assert(
      fc.asyncProperty(requestsTo(operation), async ({ path, headers, body }) => {
        const response = await send(new Request(BASE + path, { method: operation.method, headers, body }));
        if (response.status >= 500) throw new Error(`${response.status}: ${await response.text()}`);
      }),
      { numRuns: RUNS },
    );
  });
});
