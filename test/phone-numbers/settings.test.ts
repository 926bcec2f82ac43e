import { describe, expect, it } from "vitest";
import { haveImported } from "../support/answering.ts";
import { prepareImport } from "../support/import.ts";
import { call, expectError, get, post, rows } from "../support/worker.ts";

// What is each number's own: in an import, in a change, in an answer.

type Entry = Record<string, unknown>;

const UNSET = {
  external_id: null,
  label: null,
  metadata: null,
  custom_prompt: null,
  sms_prompt: null,
  welcome_message: null,
  voice_id: null,
  language: null,
  transfer_numbers: null,
  fallback: null,
  record: null,
  sms_reply: null,
  dynamic_vars: null,
};

const SET = {
  external_id: "customer-42",
  label: "Acme Dental",
  metadata: { crm: "4711", plan: "" },
  custom_prompt: "You answer for {{business}}.",
  sms_prompt: "Be short.",
  welcome_message: "Hello, {{business}} here.",
  voice_id: "Dennis",
  language: "en-GB",
  transfer_numbers: ["+441632960123"],
  fallback: { type: "dial", number: "+441632960123" },
  record: true,
  sms_reply: false,
  dynamic_vars: { business: "Acme Dental" },
};

const shown = async (number: string, key: Parameters<typeof get>[1]) =>
  (await (await get(`/v1/phone-numbers/${number}`, key)).json<{ phone_number: Entry }>()).phone_number;

const many = (count: number, length: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`n${index}`, "x".repeat(length)]));

describe("an import", () => {
  it("takes all of it, and answers its five fields", async () => {
    const { key, body } = await prepareImport();
    const response = await post("/v1/phone-numbers", { ...body, ...SET }, { key });
    expect(response.status).toBe(201);
    const answer = await response.json<{ phone_number: Entry }>();
    expect(Object.keys(answer)).toEqual(["phone_number"]);
    expect(Object.keys(answer.phone_number)).toHaveLength(5);
    expect(await shown(body.phone_number, key)).toMatchObject(SET);
  });

  it("takes camelCase and other services' names, and null is absent", async () => {
    const { key, body } = await prepareImport();
    const own = {
      externalId: "e",
      customPrompt: "c",
      smsPrompt: "s",
      welcomeMessage: "w",
      voiceId: "v",
      transferNumbers: [],
      record_call: true,
      sms_reply_enabled: true,
      dynamicVars: { a: "b" },
      metadata: { a: null, b: "c" },
      label: null,
    };
    expect((await post("/v1/phone-numbers", { ...body, ...own }, { key })).status).toBe(201);
    expect(await shown(body.phone_number, key)).toMatchObject({
      ...UNSET,
      external_id: "e",
      custom_prompt: "c",
      sms_prompt: "s",
      welcome_message: "w",
      voice_id: "v",
      transfer_numbers: [],
      record: true,
      sms_reply: true,
      dynamic_vars: { a: "b" },
      metadata: { b: "c" },
    });
  });

  it("without any of it stores nothing", async () => {
    const { phoneNumber, key } = await haveImported();
    expect(await shown(phoneNumber, key)).toMatchObject(UNSET);
    const [row] = await rows<Entry>("phone_numbers");
    expect(row).toMatchObject({ external_id: null, label: null, metadata: null, settings: null });
  });
});

describe("a wrong value of a field", () => {
  const bad: [Entry, string, Entry][] = [
    [{ external_id: "x".repeat(256) }, "invalid_field", { problem: "too_long", max_length: 255 }],
    [{ external_id: 5 }, "invalid_field", { problem: "wrong_type" }],
    [{ label: "x".repeat(101) }, "invalid_field", { problem: "too_long", max_length: 100 }],
    [{ label: ["a"] }, "invalid_field", { problem: "wrong_type" }],
    [{ metadata: "a" }, "invalid_field", { problem: "wrong_type" }],
    [{ metadata: ["a"] }, "invalid_field", { problem: "wrong_type" }],
    [{ metadata: { a: 5 } }, "invalid_field", { field: "metadata.a", problem: "wrong_type" }],
    [{ metadata: { a: { b: "c" } } }, "invalid_field", { field: "metadata.a", problem: "wrong_type" }],
    [{ metadata: { "": "a" } }, "invalid_field", { field: "metadata." }],
    [{ metadata: many(51, 1) }, "metadata_too_large", { problem: "out_of_range", max: 50 }],
    [
      { metadata: { a: "x".repeat(501) } },
      "metadata_too_large",
      { field: "metadata.a", problem: "too_long", max_length: 500 },
    ],
    [
      { metadata: { ["x".repeat(41)]: "a" } },
      "metadata_too_large",
      { field: `metadata.${"x".repeat(41)}`, problem: "too_long", max_length: 40 },
    ],
    [{ metadata: many(9, 490) }, "metadata_too_large", { problem: "too_long", max_length: 4_096 }],
    [
      { custom_prompt: "x".repeat(8_001) },
      "custom_prompt_too_long",
      { problem: "too_long", max_length: 8_000 },
    ],
    [{ custom_prompt: false }, "invalid_field", { problem: "wrong_type" }],
    [{ sms_prompt: "x".repeat(20_001) }, "sms_prompt_too_long", { problem: "too_long", max_length: 20_000 }],
    [{ sms_prompt: {} }, "invalid_field", { problem: "wrong_type" }],
    [{ welcome_message: "x".repeat(1_001) }, "invalid_field", { problem: "too_long", max_length: 1_000 }],
    [{ welcome_message: 1 }, "invalid_field", { problem: "wrong_type" }],
    [{ voice_id: "x".repeat(101) }, "invalid_field", { problem: "too_long", max_length: 100 }],
    [{ language: "no language" }, "invalid_field", { problem: "malformed" }],
    [{ language: "x".repeat(36) }, "invalid_field", {}],
    [{ transfer_numbers: "+441632960123" }, "invalid_field", { problem: "wrong_type" }],
    [{ transfer_numbers: ["911"] }, "invalid_field", { field: "transfer_numbers.0", problem: "malformed" }],
    [
      { transfer_numbers: Array(11).fill("+441632960123") },
      "invalid_field",
      { problem: "out_of_range", max: 10 },
    ],
    [
      { fallback: { type: "hang_up" } },
      "invalid_field",
      { field: "fallback.type", problem: "not_allowed", allowed: ["say", "dial"] },
    ],
    [
      { fallback: { type: "say", text: "x".repeat(1_001) } },
      "invalid_field",
      { field: "fallback.text", problem: "too_long" },
    ],
    [{ record: "yes" }, "invalid_field", { problem: "wrong_type" }],
    [{ sms_reply: 1 }, "invalid_field", { problem: "wrong_type" }],
    [{ dynamic_vars: "a" }, "invalid_field", { problem: "wrong_type" }],
    [{ dynamic_vars: { a: 1 } }, "invalid_field", { field: "dynamic_vars.a", problem: "wrong_type" }],
    [{ dynamic_vars: { a: null } }, "invalid_field", { field: "dynamic_vars.a", problem: "wrong_type" }],
    [
      { dynamic_vars: { a: "x".repeat(501) } },
      "invalid_field",
      { field: "dynamic_vars.a", problem: "too_long", max_length: 500 },
    ],
    [{ dynamic_vars: { "1a": "b" } }, "invalid_field", { field: "dynamic_vars.1a", problem: "malformed" }],
    [{ dynamic_vars: many(51, 1) }, "invalid_field", { problem: "out_of_range", max: 50 }],
    [{ dynamic_vars: many(9, 490) }, "invalid_field", { problem: "too_long", max_length: 4_096 }],
  ];

  it("is refused and named, by import and by change", async () => {
    const { key, phoneNumber, body } = await haveImported();
    for (const [own, code, problem] of bad) {
      const [field = ""] = Object.keys(own);
      for (const response of [
        await post("/v1/phone-numbers", { ...body, ...own }, { key }),
        await call("PATCH", `/v1/phone-numbers/${phoneNumber}`, key, own),
      ]) {
        const error = await expectError(response, 400, code);
        expect(error.details.problems, JSON.stringify(own).slice(0, 80)).toContainEqual(
          expect.objectContaining({ field, ...problem }),
        );
      }
    }
    expect(await shown(phoneNumber, key)).toMatchObject(UNSET);
  });

  it("__proto__ is no name", async () => {
    const { key, phoneNumber } = await haveImported();
    for (const field of ["metadata", "dynamic_vars"]) {
      const body = `{"${field}":{"__proto__":"a"}}`;
      const response = await call("PATCH", `/v1/phone-numbers/${phoneNumber}`, key, JSON.parse(body));
      expect((await expectError(response, 400, "invalid_field")).details.fields).toEqual([
        `${field}.__proto__`,
      ]);
    }
  });
});
