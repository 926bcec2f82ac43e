import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { prepareImport } from "../support/import.ts";
import { call, createKey, expectError, get, type Key, post, rows } from "../support/worker.ts";

// What is wrong with a value, and what would be right: `details.problems` for programs, the message for people.

let key: Key;

beforeEach(async () => {
  key = await createKey();
});

describe("a wrong value in a body", () => {
  it.each<[Record<string, unknown>, Record<string, unknown>, RegExp]>([
    [
      { max_turns: 99_999 },
      { field: "max_turns", problem: "out_of_range", min: 1, max: 500 },
      /max_turns must be 1 to 500\./,
    ],
    [{ max_turns: 1.5 }, { field: "max_turns", problem: "wrong_type" }, /max_turns must be a whole number\./],
    [
      { is_active: "yes" },
      { field: "is_active", problem: "wrong_type" },
      /is_active must be true or false\./,
    ],
    [
      { name: "x".repeat(101) },
      { field: "name", problem: "too_long", max_length: 100 },
      /name may have 100 characters at most\./,
    ],
    [{ name: "A\u0000" }, { field: "name", problem: "malformed" }, /no control characters/],
    [
      { transfer_numbers: ["123"] },
      { field: "transfer_numbers.0", problem: "malformed" },
      /transfer_numbers\.0 is malformed\. Send a number in E\.164, or an address that begins with sip:/,
    ],
    [
      { transfer_numbers: Array(11).fill("+15005550001") },
      { field: "transfer_numbers", problem: "out_of_range", max: 10 },
      /transfer_numbers must have 10 entries at most\./,
    ],
    [
      { fallback: { type: "say", text: "Hi", voice: "x" } },
      { field: "fallback", problem: "not_allowed" },
      /fallback has no voice field\./,
    ],
    [
      { tools: [{ name: "1", description: "x", parameters: { type: "object" }, url: "https://x.example" }] },
      { field: "tools.0.name", problem: "malformed" },
      /small letters, digits and _/,
    ],
    [{ language: "no language" }, { field: "language", problem: "malformed" }, /BCP 47/],
    [
      { connect: { type: "websocket" } },
      {
        field: "connect.type",
        problem: "not_allowed",
        allowed: ["conversation_relay", "stream", "redirect", "dial", "builtin"],
      },
      /connect\.type must be conversation_relay, stream, redirect, dial or builtin\./,
    ],
    [
      { fallback: { type: "say", text: "x".repeat(1_001) } },
      { field: "fallback.text", problem: "too_long", max_length: 1_000 },
      /fallback\.text may have 1,000 characters at most\./,
    ],
    [
      { connect: { type: "conversation_relay", url: "wss://r.example", anything: "x".repeat(1_001) } },
      { field: "connect.anything", problem: "too_long", max_length: 1_000 },
      /connect\.anything may have/,
    ],
  ])("%j", async (fields, problem, message) => {
    const error = await expectError(
      await call("POST", "/v1/agents", key, { name: "A", ...fields }),
      400,
      "invalid_field",
    );
    expect(error.details).toMatchObject({ fields: [problem.field], problems: [problem] });
    expect(error.message).toMatch(message);
  });

  it("names every faulty field, and the place of an entry in a list", async () => {
    const { key: owner, body } = await prepareImport();
    const { phone_number, ...credentials } = body;
    const items = [{ phone_number }, { phone_number: 5 }, { phone_number, external_id: "x".repeat(256) }];
    const response = await call("POST", "/v1/phone-number-imports", owner, { ...credentials, items });
    const error = await expectError(response, 400, "invalid_field");
    expect(error.details.problems).toHaveLength(2);
    expect(error.details.problems).toEqual(
      expect.arrayContaining([
        { field: "items.1.phone_number", problem: "wrong_type" },
        { field: "items.2.external_id", problem: "too_long", max_length: 255 },
      ]),
    );
    expect(error.message).toMatch(/ Fields: items\.\d\.\w+, items\.\d\.\w+\.$/);
    const none = await call("POST", "/v1/phone-number-imports", owner, { ...credentials, items: [] });
    const { details, message } = await expectError(none, 400, "invalid_field");
    expect(details.problems).toEqual([{ field: "items", problem: "out_of_range", min: 1 }]);
    expect(message).toContain("items must have 1 or more entries.");
  });

  it("says of a field that is missing that it is required", async () => {
    const error = await expectError(await call("POST", "/v1/sms", key, { to: null }), 400, "missing_field");
    expect(error.details).toEqual({
      fields: ["agent_id", "to", "message"],
      problems: ["agent_id", "to", "message"].map((field) => ({ field, problem: "required" })),
    });
  });
});

describe("a URL that is not allowed", () => {
  it.each([
    [{ webhook_url: "ftp://a.example" }, /^webhook_url must begin with https:\/\/\./],
    [{ connect: { type: "stream", url: "https://a.example" } }, /^connect\.url must begin with wss:\/\/\./],
    [{ inbound_url: "nowhere" }, /^inbound_url must begin with a scheme and two slashes\./],
    [
      { connect: { type: "redirect", url: "https://u:p@a.example" } },
      /^connect\.url must not contain a user name/,
    ],
    [
      { webhook_url: `https://a.example/${"x".repeat(2_048)}` },
      /^webhook_url may have 2,048 characters at most\./,
    ],
  ])("is named first: %j", async (fields, message) => {
    const error = await expectError(
      await call("POST", "/v1/agents", key, { name: "A", ...fields }),
      400,
      "invalid_url",
    );
    expect(error.message).toMatch(message);
  });
});

describe("a wrong value in a query", () => {
  it.each<[string, Record<string, unknown>, RegExp]>([
    [
      "/v1/agents?limit=0",
      { field: "limit", problem: "out_of_range", min: 1, max: 100 },
      /limit must be 1 to 100\./,
    ],
    ["/v1/agents?limit=abc", { field: "limit", problem: "wrong_type" }, /limit must be a number\./],
    ["/v1/agents?limit=1.5", { field: "limit", problem: "wrong_type" }, /limit must be a number\./],
    [
      "/v1/agents?offset=-1",
      { field: "offset", problem: "out_of_range", min: 0, max: 1_000_000 },
      /offset must be 0 to 1,000,000\./,
    ],
    [
      "/v1/calls?direction=sideways",
      { field: "direction", problem: "not_allowed", allowed: ["inbound", "outbound"] },
      /direction must be inbound or outbound\./,
    ],
    [
      "/v1/webhooks/deliveries?state=bogus",
      { field: "state", problem: "not_allowed", allowed: ["pending", "delivered", "failed"] },
      /state must be pending, delivered or failed\./,
    ],
    ["/v1/usage?since=yesterday", { field: "since", problem: "malformed" }, /YYYY-MM-DD/],
  ])("%s", async (path, problem, message) => {
    const error = await expectError(await get(path, key), 400, "invalid_parameter");
    expect(error.details).toEqual({
      parameters: [problem.field],
      fields: [problem.field],
      problems: [problem],
    });
    expect(error.message).toMatch(message);
  });

  it("names every health that a number may have", async () => {
    const error = await expectError(
      await get("/v1/phone-numbers?health=drifted", key),
      400,
      "invalid_parameter",
    );
    const [problem] = error.details.problems as { allowed: string[] }[];
    expect(problem?.allowed).toEqual(expect.arrayContaining(["ok", "url_mismatch", "credentials_rejected"]));
    expect(error.message).toContain("health must be attention, ok, ");
  });

  it("that is empty counts as absent, and of several the first counts", async () => {
    expect(await (await get("/v1/agents?limit=&offset=", key)).json()).toMatchObject({
      limit: 25,
      offset: 0,
    });
    expect(await (await get("/v1/agents?limit=2&limit=x", key)).json()).toMatchObject({ limit: 2 });
  });
});

describe("a field that the endpoint does not know", () => {
  it("is ignored, and named with the one that is near", async () => {
    const body = { name: "A", webhok_url: "https://x.example", systemprompt: "x", colour: "red" };
    const created = await call("POST", "/v1/agents", key, body);
    expect(created.status).toBe(201);
    const { agent_id, warnings, webhook_url } = await created.json<Record<string, unknown>>();
    expect(webhook_url).toBeNull();
    expect(warnings).toEqual([
      {
        code: "unknown_field",
        message: "There is no field webhok_url, so it was ignored. Did you mean webhook_url?",
        details: { field: "webhok_url", did_you_mean: "webhook_url" },
      },
      {
        code: "unknown_field",
        message: expect.stringContaining("system_prompt"),
        details: { field: "systemprompt", did_you_mean: "system_prompt" },
      },
      {
        code: "unknown_field",
        message: "There is no field colour, so it was ignored.",
        details: { field: "colour" },
      },
    ]);
    expect(await (await get(`/v1/agents/${agent_id}`, key)).json()).not.toHaveProperty("warnings");
    const changed = await call("PATCH", `/v1/agents/${agent_id}`, key, { name: "B", voice: "x" });
    expect(await changed.json()).toMatchObject({ name: "B", warnings: [{ details: { field: "voice" } }] });
  });

  it("leaves an answer without one as it was", async () => {
    expect(await (await call("POST", "/v1/agents", key, { name: "A" })).json()).not.toHaveProperty(
      "warnings",
    );
  });

  it("stands beside the five fields of an import, after the warnings of its plan, and in each replay", async () => {
    const { key: owner, body } = await prepareImport({ trunk_sid: `TK${"1".repeat(32)}` });
    const sent = { ...body, agentID: "agent_x", friendly_name: "x" };
    const plan = await (await call("POST", "/v1/phone-numbers?dry_run=true", owner, sent)).json();
    expect(plan).toMatchObject({
      warnings: [
        { code: "bound_to_trunk", details: { trunk_sid: expect.any(String) } },
        { code: "unknown_field", details: { field: "agentID", did_you_mean: "agent_id" } },
        { code: "unknown_field", details: { field: "friendly_name" } },
      ],
    });
    const options = { key: owner, headers: { "idempotency-key": "once" } };
    const first = await post("/v1/phone-numbers", sent, options);
    const answer = await first.json<{ phone_number: object; warnings: unknown[] }>();
    expect(first.status).toBe(201);
    expect(Object.keys(answer)).toEqual(["phone_number", "warnings"]);
    expect(Object.keys(answer.phone_number)).toHaveLength(5);
    expect(answer.warnings).toHaveLength(2);
    const again = await post("/v1/phone-numbers", sent, options);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(await again.json()).toEqual(answer);
  });

  it("is named once for a list, however often it stands there", async () => {
    const { key: owner, body } = await prepareImport();
    const { phone_number, ...credentials } = body;
    const items = [1, 2, 3].map(() => ({ phone_number, externalid: "x", extra: 1 }));
    const response = await call("POST", "/v1/phone-number-imports", owner, {
      ...credentials,
      items,
      dryrun: true,
    });
    const { warnings } = await response.json<{ warnings: { details: object }[] }>();
    expect(warnings.map(({ details }) => details)).toEqual([
      { field: "items.0.externalid", did_you_mean: "external_id" },
      { field: "items.0.extra" },
      { field: "dryrun", did_you_mean: "dry_run" },
    ]);
  });

  it("is named even in a body that may be left out", async () => {
    const headers = { authorization: `Bearer ${env.ADMIN_TOKEN}` };
    const response = await post("/v1/keys", { nmae: "x" }, { headers });
    const details = { field: "nmae", did_you_mean: "name" };
    expect(await response.json()).toMatchObject({ warnings: [{ code: "unknown_field", details }] });
  });

  it("alone in a PATCH is refused with the name that is near", async () => {
    const { key: owner, body } = await prepareImport();
    await call("POST", "/v1/phone-numbers", owner, body);
    const before = await rows("phone_numbers");
    const path = `/v1/phone-numbers/${encodeURIComponent(body.phone_number)}`;
    const error = await expectError(
      await call("PATCH", path, owner, { inbound_enable: false }),
      400,
      "missing_field",
    );
    expect(error.details).toMatchObject({
      unknown_fields: ["inbound_enable"],
      did_you_mean: { inbound_enable: "inbound_enabled" },
    });
    expect(error.message).toContain("Instead of inbound_enable, send inbound_enabled.");
    expect(await rows("phone_numbers")).toEqual(before);
  });
});

describe("a slash at the end of a path", () => {
  it("is said to be the reason", async () => {
    const error = await expectError(await get("/v1/agents/", key), 404, "not_found");
    expect(error.message).toContain("without the slash at its end");
  });
});
