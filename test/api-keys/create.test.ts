import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { ADMIN, BASE, createKey, expectError, type Key, post, rows, send } from "../support/worker.ts";

describe("POST /v1/keys", () => {
  it("shows the pair once and stores only a hash of the secret", async () => {
    const response = await post("/v1/keys", { name: "Ann" }, { headers: ADMIN });
    expect(response.status).toBe(201);
    expect(response.headers.get("cache-control")).toBe("no-store");
    const key = await response.json<Key & { message: string }>();
    expect(key).toEqual({
      message: expect.any(String),
      key_id: expect.stringMatching(/^nxf_[0-9a-f]{32}$/),
      key_secret: expect.stringMatching(/^nxfs_[0-9a-f]{64}$/),
    });
    const [secret] = await rows("key_secrets");
    expect(secret).toMatchObject({
      api_key_id: key.key_id,
      is_first: 1,
      secret_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    const [row] = await rows("api_keys");
    expect(row).toMatchObject({
      id: key.key_id,
      name: "Ann",
    });
    expect(JSON.stringify(row)).not.toContain(key.key_secret.slice(5));
    expect((await post("/v1/agents", { name: "x" }, { key })).status).toBe(201);
  });

  it("needs no name", async () => {
    expect((await post("/v1/keys", {}, { headers: ADMIN })).status).toBe(201);
    expect(await rows("api_keys")).toEqual([expect.objectContaining({ name: "unnamed" })]);
  });

  it("says how much the key may call; only the operator may, also if signup is open", async () => {
    const limits = { concurrent_call_limit: 3, calls_per_second: 2.5 };
    expect((await post("/v1/keys", { limits }, { headers: ADMIN })).status).toBe(201);
    const [row] = await rows<{ limits: string }>("api_keys");
    expect(JSON.parse(row?.limits ?? "")).toEqual(limits);
    const env = { OPEN_SIGNUP: "true" };
    await expectError(await post("/v1/keys", { limits }, { env }), 401, "invalid_admin_token");
    expect((await post("/v1/keys", {}, { env })).status).toBe(201);
    for (const bad of [
      { concurrent_call_limit: -1 },
      { calls_per_second: 0 },
      { calls_per_second: 101 },
      { max_agents: 1.5 },
      { allowed_countries: ["United Kingdom"] },
    ])
      await expectError(await post("/v1/keys", { limits: bad }, { headers: ADMIN }), 400, "invalid_field");
  });

  it("needs no body", async () => {
    const request = new Request(`${BASE}/v1/keys`, { method: "POST", headers: ADMIN });
    expect((await send(request)).status).toBe(201);
    expect((await post("/v1/keys", "", { headers: ADMIN })).status).toBe(201);
  });

  it("gives every key of its own", async () => {
    const [first, second] = [await createKey(), await createKey()];
    expect(first.key_id).not.toBe(second.key_id);
    expect(first.key_secret).not.toBe(second.key_secret);
  });

  it("refuses whoever lacks the admin token", async () => {
    const key = await createKey();
    for (const authorization of [
      undefined,
      "Bearer",
      "Bearer wrong",
      `Basic ${env.ADMIN_TOKEN}`,
      `Bearer ${env.ADMIN_TOKEN}x`,
      `Bearer ${env.ADMIN_TOKEN.slice(0, -1)}`,
      `Bearer ${key.key_id}:${key.key_secret}`,
    ]) {
      const response = await post("/v1/keys", {}, { headers: authorization ? { authorization } : {} });
      await expectError(response, 401, "invalid_admin_token");
    }
    expect(await rows("api_keys")).toHaveLength(1);
  });

  it("refuses a bad name", async () => {
    for (const name of [12, "x".repeat(101)]) {
      await expectError(await post("/v1/keys", { name }, { headers: ADMIN }), 400, "invalid_field");
    }
  });

  it("is open to all where OPEN_SIGNUP is true, and nowhere else", async () => {
    expect((await post("/v1/keys", {}, { env: { OPEN_SIGNUP: "true" } })).status).toBe(201);
    await expectError(await post("/v1/keys", {}, { env: { OPEN_SIGNUP: "1" } }), 401, "invalid_admin_token");
  });
});
