import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { blockOf } from "../../src/api-keys/creation-limit.ts";
import { haveImported, tell } from "../support/answering.ts";
import { prepareImport } from "../support/import.ts";
import { keepSecret } from "../support/logs.ts";
import { reconcile } from "../support/reconciliation.ts";
import { requiresApiKey } from "../support/security.ts";
import {
  ADMIN,
  asAdmin,
  BASE,
  call,
  createAgent,
  createKey,
  expectError,
  get,
  type Key,
  post,
  rows,
  send,
} from "../support/worker.ts";

describe("POST /v1/keys/rotate", () => {
  it("gives a new secret; the one before is dead at once", async () => {
    const key = await createKey();
    const response = await call("POST", "/v1/keys/rotate", key);
    expect(response.status).toBe(200);
    const rotated = await response.json<Key & { message: string }>();
    keepSecret(rotated.key_secret);
    expect(rotated.key_id).toBe(key.key_id);
    expect(rotated.key_secret).toMatch(/^nxfs_[0-9a-f]{64}$/);
    await expectError(await get("/v1/agents", key), 401, "invalid_api_key");
    expect((await get("/v1/agents", rotated)).status).toBe(200);
  });

  it("done twice at once gives one new secret that works", async () => {
    const key = await createKey();
    const responses = await Promise.all([1, 2, 3].map(() => call("POST", "/v1/keys/rotate", key)));
    expect(responses.map(({ status }) => status).sort()).toEqual([200, 401, 401]);
    const won = responses.find(({ status }) => status === 200);
    expect((await get("/v1/agents", await won?.json<Key>())).status).toBe(200);
  });
});

describe("GET /v1/keys", () => {
  it("lists keys for the admin, newest first, without hashes", async () => {
    await createKey("one");
    await createKey("two");
    await env.DB.prepare(
      "UPDATE api_keys SET created_at = '2020-01-01T00:00:00.000Z' WHERE name = 'one'",
    ).run();
    const response = await asAdmin("GET", "/v1/keys");
    const list = await response.json<{ keys: { name: string }[]; count: number }>();
    expect(list).toMatchObject({ count: 2, limit: 25, offset: 0 });
    expect(list.keys.map(({ name }) => name)).toEqual(["two", "one"]);
    expect(Object.keys(list.keys[0] ?? {}).sort()).toEqual([
      "call_log_parts",
      "created_at",
      "key_id",
      "limits",
      "name",
      "outbox_parts",
      "revoked_at",
      "rotated_at",
    ]);
  });

  it("is for the admin alone, even where signup is open", async () => {
    const key = await createKey();
    for (const headers of [{}, { authorization: `Bearer ${key.key_id}:${key.key_secret}` }]) {
      await expectError(await asAdmin("GET", "/v1/keys", { headers }), 401, "invalid_admin_token");
      await expectError(
        await asAdmin("DELETE", `/v1/keys/${key.key_id}`, { headers }),
        401,
        "invalid_admin_token",
      );
    }
    const request = new Request(`${BASE}/v1/keys`);
    await expectError(await send(request, { OPEN_SIGNUP: "true" }), 401, "invalid_admin_token");
  });
});

describe("DELETE /v1/keys/{key_id}", () => {
  it("revokes a key at once and for good; its numbers are answered on", async () => {
    const imported = await haveImported({ welcome_message: "Welcome" });
    const { key } = imported;
    for (const _ of [1, 2]) {
      const response = await asAdmin("DELETE", `/v1/keys/${key.key_id}`);
      expect([response.status, await response.json()]).toEqual([200, { key_id: key.key_id, revoked: true }]);
    }
    await expectError(await get("/v1/agents", key), 401, "invalid_api_key");
    await expectError(await call("POST", "/v1/keys/rotate", key), 401, "invalid_api_key");
    expect(await (await tell(imported, "voice", { CallSid: "CA1" })).text()).toContain("Welcome");
  });

  it("leaves its owner a way out: the number is not repaired, and a new key takes it over", async () => {
    const { key, body, number } = await prepareImport({ voice_url: "https://old.example.com/voice" });
    const NUMBER = `/v1/phone-numbers/${encodeURIComponent(number.phone_number)}`;
    expect((await call("POST", "/v1/phone-numbers", key, body)).status).toBe(201);
    await asAdmin("DELETE", `/v1/keys/${key.key_id}`);
    number.sms_url = "https://mine.example.com/sms";
    await reconcile();
    expect(number.sms_url).toBe("https://mine.example.com/sms");

    const other = await createKey();
    const theirs = { ...body, agent_id: await createAgent(other) };
    await expectError(
      await call("POST", "/v1/phone-numbers", other, { ...theirs, twilio_token: "0".repeat(32) }),
      401,
      "twilio_auth_failed",
    );
    expect((await call("POST", "/v1/phone-numbers", other, theirs)).status).toBe(201);
    expect(await rows("phone_numbers")).toEqual([expect.objectContaining({ api_key_id: other.key_id })]);
    expect((await call("DELETE", NUMBER, other)).status).toBe(200);
    expect(number).toMatchObject({
      voice_url: "https://old.example.com/voice",
      sms_url: "https://mine.example.com/sms",
      status_callback: "",
    });
  });

  it("leaves a number to a key that is good", async () => {
    const { key, body } = await prepareImport();
    expect((await call("POST", "/v1/phone-numbers", key, body)).status).toBe(201);
    const other = await createKey();
    await asAdmin("DELETE", `/v1/keys/${(await createKey()).key_id}`);
    const theirs = { ...body, agent_id: await createAgent(other) };
    await expectError(await call("POST", "/v1/phone-numbers", other, theirs), 409, "number_already_imported");
  });

  it("knows no other", async () => {
    for (const id of [`nxf_${"0".repeat(32)}`, "x"]) {
      await expectError(await asAdmin("DELETE", `/v1/keys/${id}`), 404, "key_not_found");
    }
  });
});

describe("ten keys an hour and address, if signup is open", () => {
  const create = (address: string) =>
    post("/v1/keys", {}, { headers: { "cf-connecting-ip": address }, env: { OPEN_SIGNUP: "true" } });

  it("are made, and the next is refused until the hour is over", async () => {
    for (let index = 0; index < 10; index += 1) expect((await create("192.0.2.1")).status).toBe(201);
    const response = await create("192.0.2.1");
    const error = await expectError(response, 429, "rate_limit_exceeded");
    expect(error.type).toBe("rate_limit_error");
    expect(error.details.retry_after).toBeGreaterThan(0);
    expect(error.details.retry_after).toBeLessThanOrEqual(3600);
    expect(response.headers.get("retry-after")).toBe(String(error.details.retry_after));
    expect((await create("192.0.2.2")).status).toBe(201);
    expect(JSON.stringify(await rows("key_creations"))).not.toContain("192.0.2");
    await env.DB.prepare("UPDATE key_creations SET hour = '2020-01-01T00:00:00.000Z'").run();
    expect((await create("192.0.2.1")).status).toBe(201);
  });

  it("do not count for the operator", async () => {
    for (let index = 0; index < 11; index += 1) {
      const headers = { ...ADMIN, "cf-connecting-ip": "192.0.2.1" };
      expect((await post("/v1/keys", {}, { headers, env: { OPEN_SIGNUP: "true" } })).status).toBe(201);
    }
    expect(await rows("key_creations")).toEqual([]);
    expect(new Set((await rows<{ limits: string }>("api_keys")).map(({ limits }) => limits))).toEqual(
      new Set(["{}"]),
    );
  });

  it("are those of a whole /64, where the address is of IPv6", () => {
    const blocks = ["2001:db8::1", "2001:db8:0:0:ffff::", "2001:0db8:0000:0000:1:2:3:4", "2001:DB8::"].map(
      blockOf,
    );
    expect(new Set(blocks)).toEqual(new Set(["2001:db8:0:0"]));
    expect(blockOf("2001:db8:0:1::")).toBe("2001:db8:0:1");
    expect(blockOf("::1")).toBe("0:0:0:0");
    expect(blockOf("192.0.2.1")).toBe("192.0.2.1");
  });

  it("are not counted for whoever is refused", async () => {
    const headers = { authorization: "Bearer wrong", "cf-connecting-ip": "192.0.2.1" };
    await expectError(await post("/v1/keys", {}, { headers }), 401, "invalid_admin_token");
    expect(await rows("key_creations")).toEqual([]);
  });
});

requiresApiKey("POST", "/v1/keys/rotate");
