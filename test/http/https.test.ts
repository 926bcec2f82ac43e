import { describe, expect, it } from "vitest";
import { BASE, createKey, expectError, send } from "../support/worker.ts";

const HOST = "numbers.example.com";
const ask = (url: string, headers: HeadersInit = {}) =>
  send(new Request(url, { headers, redirect: "manual" }));

describe("http in the clear", () => {
  it.each(["/v1/agents", "/healthz", "/mcp", "/webhooks/twilio/twa_1/num_1/voice"])(
    "the API refuses at %s, before it looks at the key",
    async (path) => {
      const { key_id, key_secret } = await createKey();
      const headers = { authorization: `Bearer ${key_id}:${key_secret}` };
      const response = await ask(`http://${HOST}${path}`, headers);
      const error = await response.json<{ error: { code: string } }>();
      expect([response.status, error.error.code]).toEqual([403, "https_required"]);
    },
  );

  it.each(["/docs/errors/not_found?from=mail", "/console", "/docs"])(
    "a page is redirected to the same address: %s",
    async (path) => {
      const response = await ask(`http://${HOST}${path}`);
      expect(response.status).toBe(308);
      expect(response.headers.get("location")).toBe(`${BASE}${path}`);
    },
  );

  it.each(["localhost:8787", "127.0.0.1:8787", "[::1]:8787"])("this machine %s is exempt", async (host) => {
    expect((await ask(`http://${host}/healthz`)).status).toBe(200);
  });

  it("a tunnel says by which scheme it was asked", async () => {
    expect((await ask(`http://${HOST}/healthz`, { "x-forwarded-proto": "https" })).status).toBe(200);
    await expectError(await ask(`${BASE}/healthz`, { "x-forwarded-proto": "http" }), 403, "https_required");
  });

  it("every answer tells browsers to stay with https, an error too", async () => {
    for (const path of ["/healthz", "/v1/agents", "/docs/errors/not_found"]) {
      const { headers } = await ask(`${BASE}${path}`);
      expect(headers.get("strict-transport-security"), path).toBe("max-age=31536000");
    }
  });
});
