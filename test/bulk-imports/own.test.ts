import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { countItems } from "../../src/bulk-imports/schema.ts";
import { begin, finish, haveAccounts, holdTime, prepareBulk, resultsOf } from "../support/bulk.ts";
import { call, expectError, get, type Key, post } from "../support/worker.ts";

// What is each number's own, in a bulk import.

const PATH = "/v1/phone-number-imports";

beforeEach(holdTime);
afterEach(() => {
  vi.useRealTimers();
});

const readNumber = async (key: Key, phoneNumber = "") =>
  (await get(`/v1/phone-numbers/${phoneNumber}`, key)).json<{ phone_number: Record<string, unknown> }>();

it("is the item's, or the default of all; null is the default", async () => {
  const { parent, numbers } = haveAccounts(0, 2);
  const { key, body } = await prepareBulk(parent);
  const items = [
    {
      phoneNumber: numbers[0]?.phone_number,
      externalId: "x".repeat(255),
      label: "Acme Dental",
      metadata: { crm: "4711" },
      welcomeMessage: "",
      dynamicVars: { hours: "8 to 5" },
      sms_reply_enabled: false,
      language: "DE-de",
      channels: ["voice"],
      voice_id: null,
    },
    { phone_number: numbers[1]?.phone_number },
  ];
  const defaults = {
    welcome_message: "Hello.",
    voice_id: "Ada",
    recordCall: true,
    metadata: { plan: "gold" },
  };
  const id = await begin(key, { ...body, ...defaults, items });
  await finish(key, id);
  const [acme, plain] = await Promise.all(numbers.map((number) => readNumber(key, number.phone_number)));
  expect(acme?.phone_number).toMatchObject({
    external_id: "x".repeat(255),
    label: "Acme Dental",
    metadata: { crm: "4711" },
    welcome_message: "",
    dynamic_vars: { hours: "8 to 5" },
    sms_reply: false,
    language: "de-DE",
    channels: ["voice"],
    voice_id: "Ada",
    record: true,
  });
  expect(plain?.phone_number).toMatchObject({
    external_id: null,
    label: null,
    metadata: { plan: "gold" },
    welcome_message: "Hello.",
    dynamic_vars: null,
    channels: ["voice", "sms"],
  });
  expect((await resultsOf(key, id)).map(({ external_id }) => external_id)).toEqual(["x".repeat(255), null]);
});

it("comes with all numbers too, and not to those that are yours already", async () => {
  const { parent, numbers } = haveAccounts(0, 2);
  const { key, body } = await prepareBulk(parent);
  const [first, second] = numbers.map((number) => number.phone_number);
  await post("/v1/phone-numbers", { ...body, phone_number: first, label: "As it was" }, { key });
  await finish(key, await begin(key, { ...body, all: true, label: "New", metadata: { crm: "1" } }));
  const [was, is] = await Promise.all([readNumber(key, first), readNumber(key, second)]);
  expect(was.phone_number).toMatchObject({ label: "As it was", metadata: null });
  expect(is.phone_number).toMatchObject({ label: "New", metadata: { crm: "1" } });
});

it.each([
  [{ items: [{ phone_number: "+15000000000", label: "x".repeat(101) }] }, "invalid_field", "items.0.label"],
  [{ all: true, external_id: "x".repeat(256) }, "invalid_field", "external_id"],
  [
    { items: [{ phone_number: "+15000000000", metadata: { a: "x".repeat(501) } }] },
    "metadata_too_large",
    "items.0.metadata.a",
  ],
  [{ all: true, inbound_url: "https://localhost/" }, "invalid_url", "inbound_url"],
  [{ all: true, channels: [] }, "invalid_field", "channels"],
  [{ all: true, custom_prompt: "x".repeat(8_001) }, "custom_prompt_too_long", "custom_prompt"],
])("that is not allowed is refused: %#", async (fields, code, field) => {
  const { parent } = haveAccounts(0, 1);
  const { key, body } = await prepareBulk(parent);
  const error = await expectError(await call("POST", PATH, key, { ...body, ...fields }), 400, code);
  expect(error.details).toMatchObject({ fields: [field] });
});

it.each([
  {},
  // With this header the body is read before it is looked at.
  { "idempotency-key": "once" },
])("a body of more than 2 MiB is told how many of its items fit: %j", async (headers) => {
  const { parent } = haveAccounts(0, 1);
  const { key, body } = await prepareBulk(parent);
  const of = (count: number) =>
    Array.from({ length: count }, (_, index) => ({
      phone_number: `+1500${String(index).padStart(7, "0")}`,
      custom_prompt: `{"}\\ ${"x".repeat(1_000)}`,
      dynamic_vars: { name: "Acme" },
    }));
  const refused = await call("POST", PATH, key, { ...body, items: of(3_000) }, { headers });
  const { details, message } = await expectError(refused, 413, "payload_too_large");
  const fit = Number(details.items_that_fit);
  expect(message).toContain(`the first ${fit} items fit`);
  expect(fit).toBeGreaterThan(1_000);
  const accepted = await call("POST", PATH, key, { ...body, items: of(fit) });
  expect(accepted.status).toBe(202);
  const { import_id } = await accepted.json<{ import_id: string }>();
  await call("POST", `${PATH}/${import_id}/cancel`, key);
});

it.each([
  ['{"items":[{"phone_number":"+1","metadata":{"a":"}"}},{"phone_number":"+', 1],
  ['{"items":[{"a":"\\"}"},{"a":1}],"fallback":{"type":"say"', 2],
  ["no JSON", 0],
  ["", 0],
])("%j has %i whole items", (start, count) => {
  expect(countItems(start)).toBe(count);
});
