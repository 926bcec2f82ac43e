import { describe, expect, it } from "vitest";
import { requiresApiKey } from "../support/security.ts";
import { createKey, expectError, post, rows } from "../support/worker.ts";

describe("POST /v1/agents", () => {
  it("answers 201 with a flat agent, defaults filled in", async () => {
    const response = await post("/v1/agents", { name: " Receptionist " }, { key: await createKey() });
    expect(response.status).toBe(201);
    expect(await response.json()).toEqual({
      agent_id: expect.stringMatching(/^agent_[0-9a-f]{16}$/),
      name: "Receptionist",
      system_prompt: null,
      welcome_message: null,
      language: "en",
      voice_id: null,
      is_active: true,
      webhook_url: null,
      connect: null,
      fallback: null,
      record: false,
      transfer_numbers: [],
      max_call_duration_seconds: 600,
      silence_hangup_seconds: 30,
      max_turns: 100,
      max_tokens_per_turn: 300,
      max_characters_per_turn: 1_000,
      ai_speaks_first: true,
      transcript: true,
      tools: [],
      sms_reply: false,
      inbound_url: null,
      inbound_url_timeout_ms: 3_000,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      updated_at: expect.any(String),
    });
  });

  it("keeps every field", async () => {
    const key = await createKey();
    const fields = {
      name: "Empfang",
      system_prompt: "Du bist freundlich.",
      welcome_message: "Grüß Gott! 👋",
      language: "de-AT",
      voice_id: "Dennis",
      is_active: false,
      webhook_url: "https://example.com/hook?x=1",
    };
    const response = await post("/v1/agents", fields, { key });
    expect(await response.json()).toMatchObject(fields);
    expect(await rows("agents")).toEqual([
      expect.objectContaining({ ...fields, is_active: 0, api_key_id: key.key_id }),
    ]);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ["no name", {}, "missing_field"],
    ["a blank name", { name: "  " }, "missing_field"],
    ["a long name", { name: "x".repeat(101) }, "invalid_field"],
    ["a name of another type", { name: ["x"] }, "invalid_field"],
    ["a long prompt", { name: "x", system_prompt: "x".repeat(16_001) }, "prompt_too_long"],
    ["a long welcome message", { name: "x", welcome_message: "x".repeat(1_001) }, "invalid_field"],
    ["no language tag", { name: "x", language: "english please" }, "invalid_field"],
    ["a switch that is none", { name: "x", is_active: "yes" }, "invalid_field"],
    ["http", { name: "x", webhook_url: "http://example.com" }, "invalid_url"],
    ["no URL", { name: "x", webhook_url: "example" }, "invalid_url"],
    ["a URL with a password", { name: "x", webhook_url: "https://a:b@example.com" }, "invalid_url"],
    ["a long URL", { name: "x", webhook_url: `https://example.com/${"x".repeat(2048)}` }, "invalid_url"],
  ])("refuses %s", async (_, body, code) => {
    await expectError(await post("/v1/agents", body, { key: await createKey() }), 400, code);
    expect(await rows("agents")).toEqual([]);
  });

  it("takes a prompt of exactly 16,000 characters", async () => {
    const body = { name: "x", system_prompt: "x".repeat(16_000) };
    expect((await post("/v1/agents", body, { key: await createKey() })).status).toBe(201);
  });
});

requiresApiKey("POST", "/v1/agents", { name: "x" });
