import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { haveImported, tell } from "../support/answering.ts";
import { requiresApiKey } from "../support/security.ts";
import { call, createAgent, createKey, expectError, get, rows } from "../support/worker.ts";

type Agent = Record<string, unknown> & { agent_id: string };

describe("GET /v1/agents", () => {
  it("lists a key's own agents, newest first, by pages", async () => {
    const [key, other] = [await createKey(), await createKey()];
    const ids: string[] = [];
    for (let index = 0; index < 5; index += 1) {
      ids.unshift(await createAgent(key, { name: `Agent ${index}` }));
      await env.DB.prepare("UPDATE agents SET created_at = ?1 WHERE id = ?2")
        .bind(new Date(Date.now() + index * 1000).toISOString(), ids[0])
        .run();
    }
    await createAgent(other);
    const list = async (query = "") =>
      (await get(`/v1/agents${query}`, key)).json<{ agents: Agent[]; count: number; limit: number }>();
    const all = await list();
    expect(all.agents.map(({ agent_id }) => agent_id)).toEqual(ids);
    expect(all).toMatchObject({ count: 5, limit: 25, offset: 0 });
    const page = await list("?limit=2&offset=2");
    expect(page).toMatchObject({ count: 5, limit: 2, offset: 2 });
    expect(page.agents.map(({ agent_id }) => agent_id)).toEqual(ids.slice(2, 4));
    expect(await list("?limit=101")).toMatchObject({ limit: 100 });
    await expectError(await get("/v1/agents?limit=0", key), 400, "invalid_parameter");
  });
});

describe("GET /v1/agents/{agent_id}", () => {
  it("answers what creating it answered", async () => {
    const key = await createKey();
    const created = await (
      await call("POST", "/v1/agents", key, { name: "A", language: "de" })
    ).json<Agent>();
    expect(await (await get(`/v1/agents/${created.agent_id}`, key)).json()).toEqual(created);
  });

  it("knows nobody else's agents", async () => {
    const [key, other] = [await createKey(), await createKey()];
    const id = await createAgent(other);
    for (const path of [id, "agent_0000000000000000", "x", "%00"]) {
      await expectError(await get(`/v1/agents/${path}`, key), 404, "agent_not_found");
      await expectError(await call("PUT", `/v1/agents/${path}`, key, { name: "x" }), 404, "agent_not_found");
      await expectError(await call("DELETE", `/v1/agents/${path}?force=true`, key), 404, "agent_not_found");
    }
    expect(await rows("agents")).toHaveLength(1);
  });
});

describe.each(["PUT", "PATCH"])("%s /v1/agents/{agent_id}", (method) => {
  const full = {
    name: "Empfang",
    system_prompt: "Sei freundlich.",
    welcome_message: "Hallo",
    language: "de",
    voice_id: "x",
    is_active: false,
    webhook_url: "https://customer.example/events",
    connect: { type: "stream", url: "wss://runtime.example" },
    fallback: { type: "say", text: "Bis bald" },
    record: true,
  };

  it("keeps what is left out", async () => {
    const key = await createKey();
    const id = await createAgent(key, full);
    const before = await (await get(`/v1/agents/${id}`, key)).json<Agent>();
    const response = await call(method, `/v1/agents/${id}`, key, { welcome_message: " Guten Tag " });
    expect(response.status).toBe(200);
    const after = await response.json<Agent>();
    expect(after).toEqual({ ...before, welcome_message: "Guten Tag", updated_at: expect.any(String) });
    expect(await (await get(`/v1/agents/${id}`, key)).json()).toEqual(after);
  });

  it("clears what is null or empty, and goes back to a new agent's defaults", async () => {
    const key = await createKey();
    const id = await createAgent(key, full);
    const cleared = {
      system_prompt: null,
      welcome_message: "",
      language: null,
      voice_id: null,
      is_active: null,
    };
    const more = { webhook_url: null, connect: null, fallback: null, record: null };
    const response = await call(method, `/v1/agents/${id}`, key, { ...cleared, ...more });
    expect(await response.json()).toMatchObject({
      name: full.name,
      system_prompt: null,
      welcome_message: null,
      language: "en",
      voice_id: null,
      is_active: true,
      webhook_url: null,
      connect: null,
      fallback: null,
      record: false,
    });
  });

  it.each<[string, Record<string, unknown>, string]>([
    ["no name", { name: null }, "missing_field"],
    ["an empty name", { name: " " }, "missing_field"],
    ["a long name", { name: "x".repeat(101) }, "invalid_field"],
    ["a long prompt", { system_prompt: "x".repeat(16_001) }, "prompt_too_long"],
    ["a private URL", { webhook_url: "https://localhost/" }, "invalid_url"],
    ["an unknown connect", { connect: { type: "x" } }, "invalid_field"],
    [
      "a redirect to ourselves",
      { connect: { type: "redirect", url: "https://numbers.example.com" } },
      "invalid_url",
    ],
  ])("refuses %s, and changes nothing", async (_, changes, code) => {
    const key = await createKey();
    const id = await createAgent(key, full);
    const before = await rows("agents");
    await expectError(await call(method, `/v1/agents/${id}`, key, changes), 400, code);
    expect(await rows("agents")).toEqual(before);
  });

  it("counts each of several changes at once", async () => {
    const key = await createKey();
    const id = await createAgent(key);
    const changes = [{ name: "A" }, { welcome_message: "B" }, { language: "de" }, { record: true }];
    await Promise.all(changes.map((change) => call(method, `/v1/agents/${id}`, key, change)));
    expect(await (await get(`/v1/agents/${id}`, key)).json()).toMatchObject(Object.assign({}, ...changes));
  });

  it("takes effect on the next call", async () => {
    const imported = await haveImported({ welcome_message: "Before" });
    const ring = async () => (await tell(imported, "voice", { CallSid: "CA1" })).text();
    expect(await ring()).toContain("Before");
    await call(method, `/v1/agents/${imported.agentId}`, imported.key, { welcome_message: "After" });
    expect(await ring()).toContain("After");
  });
});

describe("DELETE /v1/agents/{agent_id}", () => {
  it("deletes an agent without numbers", async () => {
    const key = await createKey();
    const id = await createAgent(key);
    const response = await call("DELETE", `/v1/agents/${id}`, key);
    expect([response.status, await response.json()]).toEqual([200, { agent_id: id, deleted: true }]);
    await expectError(await call("DELETE", `/v1/agents/${id}`, key), 404, "agent_not_found");
  });

  it("detaches nothing silently", async () => {
    const { key, agentId } = await haveImported();
    const error = await expectError(await call("DELETE", `/v1/agents/${agentId}`, key), 409, "agent_in_use");
    expect(error.details).toEqual({ count: 1 });
    expect((await get(`/v1/agents/${agentId}`, key)).status).toBe(200);
  });

  it("with ?force=true leaves its numbers imported and routed to nobody", async () => {
    const imported = await haveImported({ welcome_message: "Welcome" });
    const { key, agentId } = imported;
    expect((await call("DELETE", `/v1/agents/${agentId}?force=true`, key)).status).toBe(200);
    expect(await rows("phone_numbers")).toEqual([
      expect.objectContaining({ state: "active", agent_id: null }),
    ]);
    expect(await (await tell(imported, "voice", { CallSid: "CA1" })).text()).toContain("not taking calls");
    await expectError(await call("DELETE", `/v1/agents/${agentId}?force=1`, key), 400, "invalid_parameter");
  });
});

requiresApiKey("GET", "/v1/agents");
requiresApiKey("GET", "/v1/agents/agent_1");
requiresApiKey("PUT", "/v1/agents/agent_1", { name: "x" });
requiresApiKey("PATCH", "/v1/agents/agent_1", { name: "x" });
requiresApiKey("DELETE", "/v1/agents/agent_1");
