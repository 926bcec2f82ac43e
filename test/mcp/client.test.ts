import { describe, expect, it } from "vitest";
import { prepareImport } from "../support/import.ts";
import { connect, type Mode } from "../support/mcp.ts";
import { operations, twilio } from "../support/twilio.ts";
import { BASE, createAgent, createKey, post, rows } from "../support/worker.ts";

// The protocol's own client is the judge: it validates every message that it gets.

describe.each<[string, Mode]>([
  ["2026-07-28", { pin: "2026-07-28" }],
  ["2025-11-25", "legacy"],
])("a client of %s", (version, mode) => {
  it("connects and gets the tools, but none for a secret, for sound, or for what another tool does", async () => {
    const { client } = await connect(await createKey(), mode);
    expect(client.getNegotiatedProtocolVersion()).toBe(version);
    expect(client.getServerVersion()).toMatchObject({ name: "nixflex-numbers" });
    expect(client.getInstructions()).toContain("apply: true");
    const { tools } = await client.listTools();
    const names = tools.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["import_phone_number", "list_agents", "list_deliveries"]));
    for (const name of [
      "rotate_key",
      "rotate_webhook_secret",
      "get_recording",
      "create_call",
      "get_session",
    ]) {
      expect(names).not.toContain(name);
    }
  });

  it("plans an import, carries it out, moves the number and releases it", async () => {
    const { key, body: sent, number } = await prepareImport();
    const { twilio_token, ...body } = sent;
    expect(
      (await post("/v1/twilio-accounts", { twilio_sid: body.twilio_sid, twilio_token }, { key })).status,
    ).toBe(201);
    const before = structuredClone(number);
    const { tool } = await connect(key, mode);

    const plan = await tool("import_phone_number", body);
    expect(plan).toMatchObject({ isError: false, answer: { dry_run: true } });
    expect(plan.notes).toEqual([expect.stringContaining("nothing was changed")]);
    expect([twilio.state.numbers.get(number.sid), await rows("phone_numbers")]).toEqual([before, []]);

    const imported = await tool("import_phone_number", { ...body, apply: true });
    expect(imported.notes).toEqual([]);
    expect(imported.answer).toMatchObject({ phone_number: { phone_number: body.phone_number } });
    expect(twilio.state.numbers.get(number.sid)?.voice_url).toContain(BASE);

    const agent_id = await createAgent(key);
    const move = { number: body.phone_number, agent_id };
    expect((await tool("change_phone_number", move)).answer).toMatchObject({ dry_run: true });
    await tool("change_phone_number", { ...move, apply: true });
    const found = await tool("get_phone_number", { number: body.phone_number });
    expect(found.answer).toMatchObject({ phone_number: { agent_id } });
    expect((await tool("list_phone_numbers", { agent_id, limit: 1 })).answer).toMatchObject({ count: 1 });

    const release = { number: body.phone_number };
    expect((await tool("release_phone_number", release)).answer).toMatchObject({ dry_run: true });
    expect(await rows("phone_numbers")).toHaveLength(1);
    await tool("release_phone_number", { ...release, apply: true });
    expect(await rows("phone_numbers")).toEqual([]);
    for (const { text } of [plan, imported, found]) expect(text).not.toContain(twilio_token);
  });
});

describe("a tool that changes something and has no dry run", () => {
  it("says what it would do, and waits for apply", async () => {
    const { tool } = await connect(await createKey());
    const { answer, notes, isError } = await tool("create_agent", { name: " Receptionist " });
    expect(answer).toMatchObject({
      applied: false,
      would: "Create an agent",
      request: "POST /v1/agents",
      body: { name: "Receptionist", language: "en" },
      checked: true,
    });
    expect(isError).toBe(false);
    expect(notes).toEqual([expect.stringContaining("apply: true")]);
    expect(await rows("agents")).toEqual([]);
    const created = await tool("create_agent", { name: "Receptionist", apply: true });
    expect(created.answer).toMatchObject({ name: "Receptionist" });
    expect(await rows("agents")).toHaveLength(1);
  });

  it("also with arguments in path and query, and without a body", async () => {
    const key = await createKey();
    const { tool } = await connect(key);
    const agent_id = await createAgent(key);
    expect((await tool("delete_agent", { agent_id, force: true })).answer).toMatchObject({ applied: false });
    expect((await tool("get_agent", { agent_id })).isError).toBe(false);
    const deleted = await tool("delete_agent", { agent_id, force: true, apply: true });
    expect(deleted.answer).toEqual({ agent_id, deleted: true });
  });
});

describe("hints", () => {
  it("say which tools only read, which take something away, and which may be repeated", async () => {
    const { client } = await connect(await createKey());
    const { tools } = await client.listTools();
    const hints = (name: string) => tools.find((tool) => tool.name === name)?.annotations;
    expect(hints("list_agents")).toEqual({ readOnlyHint: true });
    expect(hints("try_agent")).toEqual({ readOnlyHint: true });
    expect(hints("create_agent")).toEqual({ destructiveHint: false });
    expect(hints("import_phone_number")).toBeUndefined();
    expect(hints("release_phone_number")).toEqual({ idempotentHint: true });
    for (const { name, annotations, inputSchema } of tools) {
      const mayApply = "apply" in (inputSchema.properties ?? {});
      expect([name, mayApply]).toEqual([name, annotations?.readOnlyHint !== true]);
      expect("idempotency_key" in (inputSchema.properties ?? {})).toBe(mayApply);
      expect(inputSchema.properties).not.toHaveProperty("dry_run");
    }
  });
});

describe("what goes wrong in a tool is a result with the API's own error", () => {
  const code = (code: string) => ({ isError: true, answer: { error: { code } } });

  it("of Twilio, of the fields, and of another tenant's number", async () => {
    const { key, body: sent, account } = await prepareImport();
    const { twilio_token, ...body } = sent;
    const { tool } = await connect(key);
    const apply = true;
    expect(await tool("import_phone_number", body)).toMatchObject(code("missing_field"));
    await post("/v1/twilio-accounts", { twilio_sid: body.twilio_sid, twilio_token }, { key });
    expect(await tool("import_phone_number", { ...body, phone_number: "07446466847" })).toMatchObject(
      code("invalid_phone_format"),
    );
    account.authToken = "0".repeat(32);
    const wrongToken = await tool("import_phone_number", body);
    expect(wrongToken).toMatchObject(code("twilio_auth_failed"));
    expect(wrongToken.notes).toEqual([]);
    account.authToken = twilio_token;
    await tool("import_phone_number", { ...body, apply });
    const other = await connect(await createKey());
    const number = body.phone_number;
    expect(await other.tool("get_phone_number", { number })).toMatchObject(code("number_not_found"));
    expect(await other.tool("release_phone_number", { number, apply })).toMatchObject(
      code("number_not_found"),
    );
    expect((await other.tool("list_phone_numbers")).answer).toMatchObject({ count: 0 });
    expect(await rows("phone_numbers")).toHaveLength(1);
  });

  it.each<[string, string, Record<string, unknown>, string]>([
    [
      "an argument that the tool does not have",
      "create_agent",
      { name: "x", aply: true },
      "unknown_parameter",
    ],
    [
      "dry_run, which is apply here",
      "release_phone_number",
      { number: "+1", dry_run: true },
      "unknown_parameter",
    ],
    ["apply for a tool that only reads", "list_agents", { apply: true }, "unknown_parameter"],
    ["an apply that is no boolean", "create_agent", { name: "x", apply: "true" }, "invalid_parameter"],
    ["a missing field", "create_agent", { apply: true }, "missing_field"],
    ["a blank path", "delete_agent", { agent_id: " ", apply: true }, "missing_field"],
    ["a path that leads elsewhere", "redeliver", { id: "..", apply: true }, "invalid_field"],
    ["a path that is no text", "get_agent", { agent_id: 7 }, "invalid_field"],
    ["a slash in a path", "get_agent", { agent_id: "../keys" }, "agent_not_found"],
    ["no idempotency_key for a call", "place_call", { agent_id: "x", to_number: "+1" }, "missing_field"],
    [
      "an idempotency_key that no header can have",
      "create_agent",
      { name: "x", idempotency_key: "ä", apply: true },
      "invalid_idempotency_key",
    ],
    ["a query that is no text", "list_agents", { limit: [1] }, "invalid_field"],
    ["a field of the wrong type", "create_agent", { name: 7, apply: true }, "invalid_field"],
  ])("of the arguments: %s", async (_, name, args, expected) => {
    const { tool } = await connect(await createKey());
    expect(await tool(name, args)).toMatchObject(code(expected));
    expect(operations()).toEqual([]);
    expect(await rows("agents")).toEqual([]);
  });
});
