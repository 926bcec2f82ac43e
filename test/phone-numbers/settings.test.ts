import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { haveImported } from "../support/answering.ts";
import { watchedDatabase } from "../support/database.ts";
import { prepareImport } from "../support/import.ts";
import { twilio } from "../support/twilio.ts";
import { call, expectError, get, type Key, post, rows } from "../support/worker.ts";
import { addNumber } from "../twilio-simulator/state.ts";

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

const shown = async (number: string, key: Key) =>
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

describe("a change", () => {
  const change = (number: string, key: Key, body: Entry, query = "") =>
    call("PATCH", `/v1/phone-numbers/${number}${query}`, key, body);

  it("sets what it has, keeps the rest, and null is the agent's own again", async () => {
    const { key, phoneNumber } = await haveImported();
    const response = await change(phoneNumber, key, SET);
    expect(response.status).toBe(200);
    const { phone_number } = await response.json<{ phone_number: Entry }>();
    expect(phone_number).toMatchObject(SET);
    await change(phoneNumber, key, { record: null, label: null, welcome_message: "", dynamic_vars: {} });
    expect(await shown(phoneNumber, key)).toMatchObject({
      ...SET,
      record: null,
      label: null,
      welcome_message: "",
      dynamic_vars: {},
    });
    await change(phoneNumber, key, Object.fromEntries(Object.keys(UNSET).map((name) => [name, null])));
    expect(await shown(phoneNumber, key)).toMatchObject(UNSET);
    const [row] = await rows<Entry>("phone_numbers");
    expect(row).toMatchObject({ external_id: null, label: null, metadata: null, settings: null });
  });

  it("costs four round trips to D1, who did it included", async () => {
    const { key, phoneNumber } = await haveImported();
    await shown(phoneNumber, key);
    const { DB, trips } = watchedDatabase();
    const sent = { label: "Acme", inbound_enabled: false };
    const response = await call("PATCH", `/v1/phone-numbers/${phoneNumber}`, key, sent, { env: { DB } });
    expect([response.status, trips()]).toEqual([200, 4]);
  });

  it("merges metadata, and replaces variables", async () => {
    const { key, phoneNumber } = await haveImported();
    await change(phoneNumber, key, { metadata: { a: "1", b: "2" }, dynamic_vars: { a: "1" } });
    await change(phoneNumber, key, { metadata: { b: null, c: "3" }, dynamic_vars: { b: "2" } });
    expect(await shown(phoneNumber, key)).toMatchObject({
      metadata: { a: "1", c: "3" },
      dynamic_vars: { b: "2" },
    });
    await change(phoneNumber, key, { metadata: { a: null, c: null, d: null } });
    expect((await shown(phoneNumber, key)).metadata).toBeNull();
  });

  it("counts metadata with what it keeps, in bytes", async () => {
    const { key, phoneNumber } = await haveImported();
    await change(phoneNumber, key, { metadata: many(49, 1) });
    expect((await change(phoneNumber, key, { metadata: { n0: null, a: "1", b: "2" } })).status).toBe(200);
    for (const metadata of [
      { c: "1" },
      { n1: "ä".repeat(500), n2: "ä".repeat(500), n3: "ä".repeat(500), n4: "ä".repeat(500) },
    ]) {
      const error = await expectError(
        await change(phoneNumber, key, { metadata }),
        400,
        "metadata_too_large",
      );
      expect(error.details.problems).toEqual([expect.objectContaining({ field: "metadata" })]);
    }
    expect((await shown(phoneNumber, key)).metadata).not.toHaveProperty("c");
  });

  it("holds 56 KiB of settings, as much as an agent", async () => {
    const { key, phoneNumber } = await haveImported();
    const prompt = { custom_prompt: "語".repeat(8_000) };
    expect((await change(phoneNumber, key, prompt)).status).toBe(200);
    const more = { sms_prompt: "語".repeat(20_000) };
    await expectError(await change(phoneNumber, key, more), 413, "payload_too_large");
    expect(await shown(phoneNumber, key)).toMatchObject({ sms_prompt: null });
  });

  it("says in a plan what it would change, and changes nothing", async () => {
    const { key, phoneNumber } = await haveImported();
    await change(phoneNumber, key, { metadata: { a: "1" }, label: "Acme" });
    const body = { metadata: { b: "2" }, label: "Acme", transfer_numbers: ["+441632960123"] };
    const plan = await change(phoneNumber, key, body, "?dry_run=true");
    expect(await plan.json()).toMatchObject({
      dry_run: true,
      phone_number: { metadata: { a: "1" }, transfer_numbers: null },
      changes: [
        { field: "metadata", present: { a: "1" }, new: { a: "1", b: "2" } },
        { field: "transfer_numbers", present: null, new: ["+441632960123"] },
      ],
    });
    expect(await shown(phoneNumber, key)).toMatchObject({ metadata: { a: "1" }, transfer_numbers: null });
    await expectError(
      await change(phoneNumber, key, { metadata: many(51, 1) }, "?dry_run=1"),
      400,
      "metadata_too_large",
    );
  });

  it("at the same time as another loses neither", async () => {
    const { key, phoneNumber } = await haveImported();
    const bodies = Array.from({ length: 5 }, (_, index) => ({ metadata: { [`n${index}`]: "x" } }));
    const others = [
      { label: "Acme" },
      { record: true },
      { custom_prompt: "Be kind." },
      { inbound_enabled: false },
    ];
    const answers = await Promise.all([...bodies, ...others].map((body) => change(phoneNumber, key, body)));
    expect(answers.map(({ status }) => status)).toEqual(Array(9).fill(200));
    expect(await shown(phoneNumber, key)).toMatchObject({
      metadata: many(5, 1),
      label: "Acme",
      record: true,
      custom_prompt: "Be kind.",
      inbound_enabled: false,
    });
  });
});

describe("GET /v1/phone-numbers?external_id=", () => {
  it("lists the key's own numbers with it, exactly", async () => {
    const { key, phoneNumber, account, body } = await haveImported();
    const second = addNumber(twilio.state, account, { phone_number: "+15005550002" });
    const own = { ...body, phone_number: second.phone_number, external_id: "customer-42" };
    expect((await post("/v1/phone-numbers", own, { key })).status).toBe(201);
    await call("PATCH", `/v1/phone-numbers/${phoneNumber}`, key, { external_id: "customer-4" });
    const stranger = await prepareImport({ phone_number: "+15005550003" });
    await post("/v1/phone-numbers", { ...stranger.body, external_id: "customer-42" }, { key: stranger.key });
    const list = async (query: string) =>
      (await get(`/v1/phone-numbers?${query}`, key)).json<{ count: number; phone_numbers: Entry[] }>();
    expect(await list("external_id=customer-42")).toMatchObject({
      count: 1,
      phone_numbers: [{ phone_number: "+15005550002", external_id: "customer-42" }],
    });
    expect(await list("external_id=Customer-42")).toMatchObject({ count: 0 });
    expect(await list("external_id=customer-42&agent_id=none")).toMatchObject({ count: 0 });
  });
});

describe("a number that was released", () => {
  it("is kept for a day with whose it was, and is imported anew without", async () => {
    const { key, phoneNumber, body } = await haveImported();
    await call("PATCH", `/v1/phone-numbers/${phoneNumber}`, key, SET);
    await call("DELETE", `/v1/phone-numbers/${phoneNumber}`, key);
    const [released] = await rows<Entry>("released_numbers");
    expect(released).toMatchObject({ external_id: "customer-42", label: "Acme Dental" });
    expect(JSON.parse(String(released?.metadata))).toEqual(SET.metadata);
    await post("/v1/phone-numbers", body, { key });
    expect(await shown(phoneNumber, key)).toMatchObject(UNSET);
  });

  it("has nothing of its own left if a new import takes over its row", async () => {
    const { key, phoneNumber, body } = await haveImported();
    await call("PATCH", `/v1/phone-numbers/${phoneNumber}`, key, SET);
    await env.DB.prepare(
      "UPDATE phone_numbers SET state = 'returning', lease_expires_at = '2026-01-01T00:00:00.000Z'",
    ).run();
    expect((await post("/v1/phone-numbers", { ...body, label: "New" }, { key })).status).toBe(201);
    expect(await shown(phoneNumber, key)).toMatchObject({ ...UNSET, label: "New" });
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
