import { describe, expect, it } from "vitest";
import { haveImported } from "../support/answering.ts";
import { connect } from "../support/mcp.ts";
import { createSecret } from "../support/secrets.ts";
import { operations, twilio } from "../support/twilio.ts";
import { createAgent, createKey, rows } from "../support/worker.ts";

const CALLEE = "+15005550009";

describe("the list of tools", () => {
  it("fits into a model's context, and begins with a number's life", async () => {
    const { client } = await connect(await createKey());
    const { tools } = await client.listTools();
    expect(JSON.stringify({ tools }).length).toBeLessThanOrEqual(24 * 1_024);
    expect(tools.slice(0, 7).map(({ name }) => name)).toEqual([
      "import_phone_number",
      "list_phone_numbers",
      "get_phone_number",
      "change_phone_number",
      "release_phone_number",
      "list_phone_number_events",
      "check_phone_number",
    ]);
    expect(new Set(tools.map(({ name }) => name)).size).toBe(tools.length);
    for (const { description = "" } of tools) expect(description.length).toBeLessThanOrEqual(600);
  });

  it("says nothing that is true of HTTP alone", async () => {
    const { client } = await connect(await createKey());
    const text = JSON.stringify((await client.listTools()).tools);
    expect(text).not.toMatch(
      /camelCase|spelled|Also `|ignored|Idempotency-Key|dry_run|\\?\w+=|%2B|\/v1\/| 40\d\b/,
    );
  });

  it("takes no Auth Token, so that none passes through a model, and says where an account is connected", async () => {
    const { client, tool } = await connect(await createKey());
    const { tools } = await client.listTools();
    expect(JSON.stringify(tools)).not.toContain("twilio_token");
    expect(tools.find(({ name }) => name === "import_phone_number")?.description).toMatch(
      /accounts connect.*\/console.*Never ask/is,
    );
    const { answer } = await tool("import_phone_number", { phoneNumber: "+15005550001" });
    expect(answer).toMatchObject({ error: { details: { did_you_mean: { phoneNumber: "phone_number" } } } });
    for (const name of ["import_phone_number", "change_phone_number", "create_phone_number_import"])
      expect((await tool(name, { twilio_token: "0".repeat(32) })).answer).toMatchObject({
        error: { code: "unknown_parameter" },
      });
  });
});

describe("idempotency_key", () => {
  it("lets a call that is sent twice ring once", async () => {
    const { key, agentId: agent_id } = await haveImported();
    const { tool } = await connect(key);
    const call = { agent_id, to_number: CALLEE, idempotency_key: "one" };
    // Its plan is not kept for the key.
    await tool("place_call", call);
    const [first, second] = [
      await tool("place_call", { ...call, apply: true }),
      await tool("place_call", { ...call, apply: true }),
    ];
    expect(first).toMatchObject({ isError: false, answer: { status: "initiated" } });
    expect(second.answer).toEqual(first.answer);
    expect(twilio.state.calls).toHaveLength(1);
    await tool("place_call", { ...call, idempotency_key: "two", apply: true });
    expect(twilio.state.calls).toHaveLength(2);
  });

  it("belongs to one request", async () => {
    const { tool } = await connect(await createKey());
    const create = { name: "A", idempotency_key: "one", apply: true };
    await tool("create_agent", create);
    expect(await tool("create_agent", { ...create, name: "B" })).toMatchObject({
      isError: true,
      answer: { error: { code: "idempotency_key_reused" } },
    });
    expect(await rows("agents")).toHaveLength(1);
  });
});

describe("a plan checks what it plans", () => {
  it("of a call and of a text: it has what would be sent, and from where", async () => {
    const { key, agentId: agent_id, phoneNumber } = await haveImported();
    const { tool } = await connect(key);
    const before = operations().length;
    const call = await tool("place_call", { agent_id, to_number: CALLEE, idempotency_key: "1" });
    expect(call.answer).toMatchObject({
      applied: false,
      checked: true,
      request: "POST /v1/calls/outbound",
      body: { agent_id, to_number: CALLEE, from_number: phoneNumber },
    });
    const text = await tool("send_text", { agent_id, to: CALLEE, message: " Hello ", idempotency_key: "2" });
    expect(text.answer).toMatchObject({
      body: { agent_id, to: CALLEE, message: "Hello", from_number: phoneNumber },
    });
    expect([operations().length - before, twilio.state.calls]).toEqual([0, []]);
  });

  it("of a test event: it has where it would go, and sends nothing", async () => {
    const key = await createKey();
    const agent_id = await createAgent(key, { webhook_url: "https://example.com/hook" });
    const { tool } = await connect(key);
    expect((await tool("test_webhook", { agent_id })).answer).toMatchObject({
      body: { agent_id, webhook_url: "https://example.com/hook" },
    });
    expect((await tool("list_deliveries")).answer).toMatchObject({ count: 0 });
  });

  it("of a change of an agent, which stays as it is", async () => {
    const key = await createKey();
    const agent_id = await createAgent(key);
    const { tool } = await connect(key);
    const { answer } = await tool("change_agent", { agent_id, name: "Night desk" });
    expect(answer).toMatchObject({ request: `PATCH /v1/agents/${agent_id}`, body: { name: "Night desk" } });
    expect((await tool("get_agent", { agent_id })).answer).toMatchObject({ name: "Receptionist" });
  });

  it("says so if what it would change is not there", async () => {
    const { tool } = await connect(await createKey());
    expect((await tool("redeliver", { id: "evt_1" })).answer).toMatchObject({
      error: { code: "delivery_not_found" },
    });
  });

  const once = { idempotency_key: "k" };
  const call = { agent_id: "agent_0000000000000000", to_number: CALLEE, ...once };
  it.each<[string, string, Record<string, unknown>, string]>([
    ["an agent who would call", "place_call", call, "agent_not_found"],
    ["whom to call", "place_call", { ...call, to_number: "123" }, "invalid_phone_format"],
    [
      "what does not go together",
      "place_call",
      { ...call, ai_speaks_first: false, welcome_message: "Hi" },
      "invalid_field",
    ],
    [
      "an agent who would text",
      "send_text",
      { agent_id: "agent_nope", to: CALLEE, message: "Hi", ...once },
      "agent_not_found",
    ],
    ["a URL", "create_agent", { name: "x", webhook_url: "http://example.com" }, "invalid_url"],
    ["a field", "create_agent", { name: 7 }, "invalid_field"],
    ["an agent to change", "change_agent", { agent_id: "agent_nope", name: "x" }, "agent_not_found"],
    ["an agent to delete", "delete_agent", { agent_id: "agent_nope" }, "agent_not_found"],
    ["an agent to test", "test_webhook", { agent_id: "agent_nope" }, "agent_not_found"],
    ["a number to check", "check_phone_number", { number: "+15005550001" }, "number_not_found"],
    ["a call to end", "hang_up", { call_id: "CA1" }, "call_not_found"],
    ["a call to delete", "delete_call", { call_id: "CA1" }, "call_not_found"],
    [
      "a bulk import to stop",
      "cancel_phone_number_import",
      { import_id: "imp_1" },
      "phone_number_import_not_found",
    ],
  ])("and refuses %s that is not there or wrong", async (_, name, args, code) => {
    const { tool } = await connect(await createKey());
    expect(await tool(name, args)).toMatchObject({ isError: true, answer: { error: { code } } });
    expect([await rows("agents"), operations()]).toEqual([[], []]);
  });

  it.each<[string, object, Record<string, Record<string, unknown>>]>([
    [
      "read_only_secret",
      { scope: "read" },
      { delete_agent: {}, check_phone_number: {}, change_agent: { name: "x" } },
    ],
    ["secret_is_limited", { external_id: "acme" }, { delete_agent: {}, create_agent: { name: "x" } }],
  ])("and says %s of what the secret may not, whether it has a body or not", async (code, limits, tools) => {
    const {
      key,
      agentId: agent_id,
      phoneNumber: number,
    } = await haveImported({}, {}, { external_id: "acme" });
    const { tool } = await connect(await createSecret(key, limits));
    for (const [name, args] of Object.entries(tools)) {
      const about = {
        ...(name === "check_phone_number" ? { number } : name !== "create_agent" && { agent_id }),
      };
      expect((await tool(name, { ...about, ...args })).answer).toMatchObject({ error: { code } });
    }
    expect((await tool("get_phone_number", { number })).isError).toBe(false);
  });

  it("of a call, for want of a number", async () => {
    const key = await createKey();
    const { tool } = await connect(key);
    const agent_id = await createAgent(key);
    const { answer } = await tool("place_call", { ...call, agent_id });
    expect(answer).toMatchObject({ error: { code: "agent_missing_phone_number" } });
  });
});

describe("an answer of more than 1 MB", () => {
  it("does not reach the model, which hears how to ask for less", async () => {
    const key = await createKey();
    const system_prompt = "ä".repeat(16_000);
    await Promise.all(Array.from({ length: 32 }, () => createAgent(key, { system_prompt })));
    const { tool } = await connect(key);
    expect(await tool("list_agents", { limit: 100 })).toMatchObject({
      isError: true,
      answer: { error: { code: "answer_too_large", message: expect.stringContaining("limit") } },
    });
    expect((await tool("list_agents", { limit: 1 })).isError).toBe(false);
  });
});
