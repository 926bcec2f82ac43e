import { beforeEach, describe, expect, it } from "vitest";
import { call, createAgent, createKey, expectError, get, type Key, post } from "../support/worker.ts";

// `tools` of an agent: what is kept, and what is refused.

const TOOL = {
  name: "book",
  description: "Books an appointment.",
  parameters: { type: "object", properties: { day: { type: "string" } }, required: ["day"] },
  url: "https://tools.example/book?tenant=1",
};

let key: Key;

beforeEach(async () => {
  key = await createKey();
});

describe("the tools of an agent", () => {
  it("are kept as they were sent, with the default timeout, and go with null", async () => {
    const tools = [
      { ...TOOL, filler: "One moment, please.", timeout_seconds: 20 },
      {
        ...TOOL,
        name: "look_up",
        parameters: JSON.parse('{"type":"object","properties":{"__proto__":{"type":"string"}}}'),
      },
    ];
    const agentId = await createAgent(key, { tools });
    const kept = [tools[0], { ...tools[1], timeout_seconds: 8 }];
    const read = async () =>
      (await (await get(`/v1/agents/${agentId}`, key)).json<{ tools: unknown }>()).tools;
    expect(JSON.stringify(await read())).toContain('"__proto__":{"type":"string"}');
    expect(await read()).toEqual(kept);
    await call("PATCH", `/v1/agents/${agentId}`, key, { name: "Other" });
    expect(await read()).toEqual(kept);
    await call("PATCH", `/v1/agents/${agentId}`, key, { tools: null });
    expect(await read()).toEqual([]);
  });

  it.each<[string, object, Record<string, unknown>, RegExp?]>([
    ["a name", { name: "Book" }, { field: "tools.0.name", problem: "malformed" }],
    ["a name", { name: "end_call" }, { field: "tools.0.name", problem: "malformed" }, /tools of every call/],
    ["a name", { name: "x".repeat(65) }, { field: "tools.0.name", problem: "malformed" }],
    [
      "a description",
      { description: "x".repeat(1_001) },
      { field: "tools.0.description", max_length: 1_000 },
    ],
    ["parameters", { parameters: "none" }, { field: "tools.0.parameters", problem: "wrong_type" }],
    [
      "parameters",
      { parameters: { type: "array" } },
      { field: "tools.0.parameters.type", allowed: ["object"] },
    ],
    [
      "a keyword",
      { parameters: { type: "object", properties: { day: { type: "string", format: "date" } } } },
      {
        field: "tools.0.parameters.properties.day.format",
        problem: "not_allowed",
        allowed: expect.arrayContaining(["type", "additionalProperties"]),
      },
      /A schema may have type, properties/,
    ],
    ["a timeout", { timeout_seconds: 21 }, { field: "tools.0.timeout_seconds", min: 1, max: 20 }],
    ["a filler", { filler: "x".repeat(201) }, { field: "tools.0.filler", max_length: 200 }],
  ])("have no such %s: %j", async (_, fields, problem, words = /./) => {
    const body = { name: "A", tools: [{ ...TOOL, ...fields }] };
    const error = await expectError(await post("/v1/agents", body, { key }), 400, "invalid_field");
    expect(error.details).toMatchObject({ problems: [problem] });
    expect(error.message).toMatch(words);
  });

  it.each(["name", "description", "parameters", "url"])("have a %s each", async (field) => {
    const { [field as "url"]: _, ...tool } = TOOL;
    const response = await post("/v1/agents", { name: "A", tools: [tool] }, { key });
    const error = await expectError(response, 400, "missing_field");
    expect(error.details).toMatchObject({ problems: [{ field: `tools.0.${field}`, problem: "required" }] });
  });

  it("are ten at most, each with a name of its own", async () => {
    const many = Array.from({ length: 11 }, (_, index) => ({ ...TOOL, name: `tool_${index}` }));
    const tooMany = await post("/v1/agents", { name: "A", tools: many }, { key });
    expect((await expectError(tooMany, 400, "invalid_field")).details.problems).toMatchObject([
      { field: "tools", problem: "out_of_range", max: 10 },
    ]);
    const twice = await post("/v1/agents", { name: "A", tools: [TOOL, TOOL] }, { key });
    expect((await expectError(twice, 400, "invalid_field")).details.fields).toEqual(["tools.1.name"]);
  });

  it.each([
    ["http://tools.example/", "protocol"],
    ["https://127.0.0.1/", "local_host"],
    ["https://10.0.0.1/", "private_host"],
    ["https://numbers.example.com/v1/agents", "own_host"],
    ["https://user:secret@tools.example/", "credentials"],
  ])("have no URL %s", async (url, reason) => {
    const agentId = await createAgent(key, { tools: [TOOL] });
    const tools = [TOOL, { ...TOOL, name: "other", url }];
    const error = await expectError(
      await call("PATCH", `/v1/agents/${agentId}`, key, { tools }),
      400,
      "invalid_url",
    );
    expect(error.details).toMatchObject({ fields: ["tools.1.url"], reason });
  });

  it("have no field that is not known, and say so", async () => {
    for (const method of ["POST", "PATCH"]) {
      const path = method === "POST" ? "/v1/agents" : `/v1/agents/${await createAgent(key)}`;
      const response = await call(method, path, key, { name: "A", tools: [{ ...TOOL, timeout: 3 }] });
      expect(await response.json()).toMatchObject({ warnings: [{ details: { field: "tools.0.timeout" } }] });
    }
  });
});
