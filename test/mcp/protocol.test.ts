import { describe, expect, it } from "vitest";
import { expectErrorLog, keepSecret } from "../support/logs.ts";
import { authorization, BASE, createKey, expectError, type Key, send } from "../support/worker.ts";

// What no client of good faith sends. client.test.ts has the rest.

const STATELESS = "2026-07-28";
const meta = (version: string = STATELESS) => ({
  _meta: {
    "io.modelcontextprotocol/protocolVersion": version,
    "io.modelcontextprotocol/clientCapabilities": {},
  },
});

type Answer = {
  jsonrpc: "2.0";
  id: unknown;
  result?: Record<string, unknown>;
  error?: { code: number; message: string; data?: unknown };
};

function exchange(
  key: Key | undefined,
  body: unknown,
  headers: Record<string, string> = {},
  env: Partial<Env> = {},
) {
  const request = new Request(`${BASE}/mcp`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(key && authorization(key)), ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return send(request, env);
}

async function answerTo(body: unknown, headers: Record<string, string> = {}) {
  const response = await exchange(await createKey(), body, headers);
  const { id, result, error } = await response.json<Answer>();
  return { status: response.status, id, result, code: error?.code, data: error?.data };
}

const request = (method: string, params?: unknown, id: unknown = 1) => ({
  jsonrpc: "2.0",
  id,
  method,
  params,
});
const initialize = (protocolVersion: string) =>
  request("initialize", { protocolVersion, capabilities: {}, clientInfo: { name: "tests", version: "1" } });

describe("the door", () => {
  it("needs an API key, and says so before it reads the message", async () => {
    const response = await exchange(undefined, "{");
    await expectError(response, 401, "invalid_api_key");
    expect(response.headers.get("www-authenticate")).toMatch(/^Bearer/);
    const stranger = { key_id: `nxf_${"0".repeat(32)}`, key_secret: "guessed" };
    keepSecret(stranger.key_secret);
    await expectError(await exchange(stranger, request("tools/list")), 401, "invalid_api_key");
  });

  it.each(["GET", "DELETE", "PUT", "OPTIONS"])(
    "takes no %s: there is no stream and no session",
    async (method) => {
      const response = await send(
        new Request(`${BASE}/mcp`, { method, headers: authorization(await createKey()) }),
      );
      await expectError(response, 405, "method_not_allowed");
      expect(response.headers.get("allow")).toBe("POST");
    },
  );

  it.each(["https://evil.example", "null", "http://numbers.example.com", `${BASE}.evil.example`])(
    "takes nothing from a page of %s",
    async (origin) => {
      await expectError(
        await exchange(await createKey(), request("ping"), { origin }),
        403,
        "origin_not_allowed",
      );
    },
  );

  it("does not believe the host of the request, which another site's name can resolve to", async () => {
    const url = "https://rebound.example/mcp";
    const headers = { origin: "https://rebound.example", "content-type": "application/json" };
    const response = await send(
      new Request(url, {
        method: "POST",
        headers: { ...headers, ...authorization(await createKey()) },
        body: "{}",
      }),
    );
    await expectError(response, 403, "origin_not_allowed");
  });

  it("takes a message from a page of its own, and of any size that the API takes", async () => {
    const key = await createKey();
    expect((await exchange(key, request("ping"), { origin: BASE })).status).toBe(200);
    const large = request("ping", { text: "x".repeat(70_000) });
    await expectError(await exchange(key, large), 413, "payload_too_large");
    const text = { "content-type": "text/plain" };
    await expectError(await exchange(key, request("ping"), text), 415, "unsupported_media_type");
  });

  it("counts each message as a read, and what a tool does as itself", async () => {
    const key = await createKey();
    const spent = { limit: async () => ({ success: false }) } as unknown as RateLimit;
    const refused = await exchange(key, request("ping"), {}, { READ_LIMIT: spent });
    await expectError(refused, 429, "rate_limit_exceeded");
    const create = request("tools/call", { name: "create_agent", arguments: { name: "x", apply: true } });
    const answer = await (await exchange(key, create, {}, { WRITE_LIMIT: spent })).json<Answer>();
    expect(answer.result).toMatchObject({
      isError: true,
      structuredContent: { error: { code: "rate_limit_exceeded", details: { retry_after: 60 } } },
    });
  });

  it("says service_misconfigured if the deployment has no catalogue", async () => {
    expectErrorLog("request_failed");
    const ASSETS = { fetch: async () => new Response(null, { status: 404 }) } as unknown as Fetcher;
    const response = await exchange(await createKey(), request("tools/list"), {}, { ASSETS });
    await expectError(response, 503, "service_misconfigured");
  });
});

describe("messages", () => {
  it.each<[string, unknown, number]>([
    ["no JSON", "{", -32700],
    ["a batch", [request("ping")], -32600],
    ["a text", '"ping"', -32600],
    ["another version of JSON-RPC", { ...request("ping"), jsonrpc: "1.0" }, -32600],
    ["no method", { jsonrpc: "2.0", id: 1 }, -32600],
    ["a response", { jsonrpc: "2.0", id: 1, result: {} }, -32600],
    ["null for an id", request("ping", undefined, null), -32600],
    ["a fraction for an id", request("ping", undefined, 1.5), -32600],
    ["a list of params", request("ping", []), -32600],
  ])("are refused if they are %s", async (_, body, code) => {
    expect(await answerTo(body)).toMatchObject({ status: 400, id: null, code });
  });

  it.each(["unknown/method", "resources/list", "toString", "server/discover"])(
    "%s is not found",
    async (method) => {
      expect(await answerTo(request(method))).toMatchObject({ status: 200, id: 1, code: -32601 });
    },
  );

  it.each<[string, unknown]>([
    ["an unknown tool", { name: "drop_tables" }],
    ["a tool without a name", {}],
    ["arguments that are no object", { name: "list_agents", arguments: [] }],
  ])("tools/call with %s", async (_, params) => {
    expect(await answerTo(request("tools/call", params))).toMatchObject({ status: 200, code: -32602 });
  });

  it("a cursor is refused, because there is one page", async () => {
    expect(await answerTo(request("tools/list", { cursor: "2" }))).toMatchObject({ code: -32602 });
  });

  it("a notification is taken without an answer, a ping with an empty one", async () => {
    const response = await exchange(await createKey(), {
      jsonrpc: "2.0",
      method: "notifications/initialized",
    });
    expect([response.status, await response.text()]).toEqual([202, ""]);
    expect(await answerTo(request("ping", {}, "a"))).toMatchObject({ status: 200, id: "a", result: {} });
  });
});

describe("versions", () => {
  it.each([
    ["2025-11-25", "2025-11-25"],
    ["2025-06-18", "2025-06-18"],
    ["2025-03-26", "2025-11-25"],
    ["2099-01-01", "2025-11-25"],
  ])("initialize with %s gets %s", async (wanted, given) => {
    const { status, result } = await answerTo(initialize(wanted));
    expect([status, result?.protocolVersion]).toEqual([200, given]);
  });

  it.each(["2025-03-26", "1.0", "2099-01-01"])("the header %s is refused", async (version) => {
    expect(await answerTo(request("tools/list"), { "mcp-protocol-version": version })).toMatchObject({
      status: 400,
      code: -32022,
      data: { supported: [STATELESS, "2025-11-25", "2025-06-18"], requested: version },
    });
  });

  const standard = { "mcp-protocol-version": STATELESS, "mcp-method": "tools/list" };
  const call = { ...standard, "mcp-method": "tools/call" };
  const listAgents = request("tools/call", { name: "list_agents", ...meta() });

  it.each<[string, unknown, Record<string, string>, number]>([
    ["an unknown version in _meta", request("tools/list", meta("2099-01-01")), {}, -32022],
    ["no header", request("tools/list", meta()), {}, -32020],
    [
      "another version in the header",
      request("tools/list", meta()),
      { ...standard, "mcp-protocol-version": "2025-11-25" },
      -32020,
    ],
    ["no Mcp-Method", request("tools/list", meta()), { "mcp-protocol-version": STATELESS }, -32020],
    ["another method in Mcp-Method", request("tools/list", meta()), call, -32020],
    ["no Mcp-Name", listAgents, call, -32020],
    ["another tool in Mcp-Name", listAgents, { ...call, "mcp-name": "get_agent" }, -32020],
    ["no _meta", request("tools/list"), standard, -32602],
    [
      "no capabilities in _meta",
      request("tools/list", { _meta: { "io.modelcontextprotocol/protocolVersion": STATELESS } }),
      standard,
      -32602,
    ],
  ])("of a stateless request are refused: %s", async (_, body, headers, code) => {
    expect(await answerTo(body, headers)).toMatchObject({ status: 400, id: 1, code });
  });

  it("the stateless one has no handshake and no ping", async () => {
    for (const method of ["initialize", "ping"]) {
      const headers = { ...standard, "mcp-method": method };
      expect(await answerTo(request(method, meta()), headers)).toMatchObject({ status: 404, code: -32601 });
    }
  });
});
