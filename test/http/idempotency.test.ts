import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { watchedDatabase } from "../support/database.ts";
import { prepareImport } from "../support/import.ts";
import { expectLine } from "../support/logs.ts";
import { operations, twilio } from "../support/twilio.ts";
import { call, createAgent, createKey, expectError, type Key, rows } from "../support/worker.ts";
import { effects } from "../twilio-simulator/faults.ts";

const HOUR = 3_600_000;

const create = (
  key: Key,
  idempotencyKey: string,
  body: unknown = { name: "Receptionist" },
  env?: Partial<Env>,
) =>
  call("POST", "/v1/agents", key, body, {
    headers: { "idempotency-key": idempotencyKey },
    ...(env && { env }),
  });

describe("what is kept of one API key", () => {
  const KEPT = 32_000_000;
  const today = () => new Date().toISOString().slice(0, 10);
  const keep = (bytes: number, day = today()) =>
    env.DB.prepare("UPDATE api_keys SET kept_on = ?1, kept_bytes = ?2").bind(day, bytes).run();

  it("is counted, and 32 MB a day; beyond, a header says that the answer is not kept", async () => {
    const key = await createKey();
    expect((await create(key, "a")).headers.get("idempotent-kept")).toBeNull();
    const [row] = await rows<{ kept_on: string; kept_bytes: number }>("api_keys");
    expect(row?.kept_on).toBe(today());
    expect(row?.kept_bytes).toBeGreaterThan(500);
    await keep(KEPT - 100);
    const response = await create(key, "b");
    expect([response.status, response.headers.get("idempotent-kept")]).toEqual([201, "false"]);
    expect((await create(key, "b")).headers.get("idempotent-replayed")).toBeNull();
    expect((await create(key, "a")).headers.get("idempotent-replayed")).toBe("true");
    expect(await rows("idempotency_keys")).toHaveLength(1);
    expect((await rows<{ kept_bytes: number }>("api_keys"))[0]?.kept_bytes).toBe(KEPT - 100);
  });

  it("begins anew each day", async () => {
    const key = await createKey();
    await keep(KEPT, "2026-01-31");
    expect((await create(key, "a")).headers.get("idempotent-kept")).toBeNull();
    expect((await rows<{ kept_bytes: number }>("api_keys"))[0]?.kept_bytes).toBeLessThan(10_000);
  });
});

describe("Idempotency-Key", () => {
  it("gives the stored response, byte by byte, and does the work once", async () => {
    const key = await createKey();
    const first = await create(key, "abc");
    const again = await create(key, "abc");
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(await again.text()).toBe(await first.text());
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(first.headers.get("idempotent-replayed")).toBeNull();
    expect(again.headers.get("content-type")).toBe(first.headers.get("content-type"));
    expect(again.headers.get("x-request-id")).not.toBe(first.headers.get("x-request-id"));
    expect(await rows("agents")).toHaveLength(1);
  });

  it("gives a refusal again as well", async () => {
    const { key, body } = await prepareImport();
    const options = { headers: { "idempotency-key": "k" } };
    const send = () => call("POST", "/v1/phone-numbers", key, body, options);
    await call("POST", "/v1/phone-numbers", key, body);
    await expectError(await send(), 409, "number_already_imported");
    const replayed = await send();
    expect(replayed.headers.get("idempotent-replayed")).toBe("true");
    await expectError(replayed, 409, "number_already_imported");
  });

  it("gives a refusal for Twilio's credentials again with its challenge", async () => {
    const { key, body } = await prepareImport();
    const send = () =>
      call(
        "POST",
        "/v1/phone-numbers",
        key,
        { ...body, twilio_token: "0".repeat(32) },
        {
          headers: { "idempotency-key": "k" },
        },
      );
    const first = await send();
    const challenge = first.headers.get("www-authenticate");
    await expectError(first, 401, "twilio_auth_failed");
    const replayed = await send();
    expect(replayed.headers.get("idempotent-replayed")).toBe("true");
    expect([challenge, replayed.headers.get("www-authenticate")]).toEqual([expect.any(String), challenge]);
  });

  it("imports once, though the request is sent ten times at once", async () => {
    const { key, body } = await prepareImport();
    const send = () =>
      call("POST", "/v1/phone-numbers", key, body, { headers: { "idempotency-key": "import-1" } });
    const responses = await Promise.all(Array.from({ length: 10 }, send));
    expect(responses.filter(({ status }) => status === 201)).toHaveLength(1);
    for (const response of responses.filter(({ status }) => status !== 201)) {
      const error = await expectError(response, 409, "idempotency_in_progress");
      expect(response.headers.get("retry-after")).toBe(String(error.details.retry_after));
    }
    expect(operations()).toEqual(["list", "update"]);
    const replayed = await send();
    expect([replayed.status, replayed.headers.get("idempotent-replayed")]).toEqual([201, "true"]);
  });

  it.each<[string, (key: Key) => Promise<Response>]>([
    ["another body", (key) => create(key, "abc", { name: "Other" })],
    ["another path", (key) => call("POST", "/v1/webhooks/test", key, { name: "Receptionist" }, same)],
    ["another method", (key) => call("DELETE", "/v1/agents", key, undefined, same)],
  ])("with %s is idempotency_key_reused", async (name, other) => {
    const key = await createKey();
    await create(key, "abc");
    const response = await other(key);
    if (name === "another method") return expect(response.status).toBe(405);
    const error = await expectError(response, 422, "idempotency_key_reused");
    expect(error.type).toBe("invalid_request");
    expect(await rows("agents")).toHaveLength(1);
    return undefined;
  });
  const same = { headers: { "idempotency-key": "abc" } };

  it("with another query is idempotency_key_reused", async () => {
    const key = await createKey();
    const path = "/v1/agents/agent_0000000000000000";
    await expectError(await call("DELETE", path, key, undefined, same), 404, "agent_not_found");
    const forced = await call("DELETE", `${path}?force=true`, key, undefined, same);
    await expectError(forced, 422, "idempotency_key_reused");
  });

  it("belongs to an API key", async () => {
    const [one, other] = [await createKey(), await createKey()];
    const [first, second] = [await create(one, "abc"), await create(other, "abc", { name: "Other" })];
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.headers.get("idempotent-replayed")).toBeNull();
  });

  it("is not looked at where a request only reads", async () => {
    const key = await createKey();
    const read = () => call("GET", "/v1/agents", key, undefined, same);
    expect((await read()).status).toBe(200);
    await createAgent(key);
    expect(await (await read()).json()).toMatchObject({ count: 1 });
    expect(await rows("idempotency_keys")).toEqual([]);
  });

  it("works for PUT and DELETE", async () => {
    const key = await createKey();
    const id = await createAgent(key);
    const headers = { "idempotency-key": "d" };
    const remove = () => call("DELETE", `/v1/agents/${id}`, key, undefined, { headers });
    const [first, again] = [await remove(), await remove()];
    expect([first.status, again.status]).toEqual([200, 200]);
    expect(await again.text()).toBe(await first.text());
  });

  it.each(["", "x".repeat(256), "tab\tbed"])("must be 1 to 255 printable characters: %j", async (value) => {
    await expectError(await create(await createKey(), value), 400, "invalid_idempotency_key");
  });

  it("may be 255 characters", async () => {
    expect((await create(await createKey(), "~".repeat(255))).status).toBe(201);
  });

  it("stores neither the request nor a secret, and the response sealed", async () => {
    const { key, account, body } = await prepareImport();
    await call("POST", "/v1/phone-numbers", key, body, same);
    const stored = JSON.stringify(await rows("idempotency_keys"));
    expect(stored).toContain("v1.");
    for (const text of [account.authToken, body.agent_id, body.phone_number, key.key_secret]) {
      expect(stored).not.toContain(text);
    }
  });

  it("is ignored where the answer holds a secret: that is never kept", async () => {
    const key = await createKey();
    for (const _ of [1, 2]) {
      const response = await call("POST", "/v1/webhooks/secret", key, undefined, same);
      expect([response.status, response.headers.get("idempotent-replayed")]).toEqual([201, null]);
    }
    expect(await rows("idempotency_keys")).toEqual([]);
  });
});

describe("an Idempotency-Key stays usable", () => {
  it("after a 5xx: the retry does the work", async () => {
    const { key, body } = await prepareImport();
    const send = () => call("POST", "/v1/phone-numbers", key, body, same);
    twilio.faults.add({ operation: "list", effect: effects.serverErrorHtml, times: 3 });
    await expectError(await send(), 502, "twilio_unavailable");
    const retried = await send();
    expect([retried.status, retried.headers.get("idempotent-replayed")]).toEqual([201, null]);
  });
  const same = { headers: { "idempotency-key": "abc" } };

  it("after an answer that says when to come again: whoever does is not told the same for a day", async () => {
    const { key, body } = await prepareImport();
    const send = () => call("POST", "/v1/phone-numbers", key, body, same);
    await call("POST", "/v1/phone-numbers", key, body);
    const leaseEnd = (time: string) =>
      env.DB.prepare("UPDATE phone_numbers SET state = 'importing', lease_expires_at = ?1").bind(time).run();
    await leaseEnd(new Date(Date.now() + 30_000).toISOString());
    const busy = await send();
    expect(busy.headers.get("retry-after")).toMatch(/^\d+$/);
    await expectError(busy, 409, "number_already_imported");
    await leaseEnd("2020-01-01T00:00:00.000Z");
    expect((await send()).status).toBe(201);
  });

  it("after a crash between the work and the record, once the lease is over", async () => {
    const key = await createKey();
    await create(key, "abc");
    await env.DB.prepare(
      "UPDATE idempotency_keys SET status = NULL, response_sealed = NULL, lease_expires_at = ?1",
    )
      .bind(new Date(Date.now() + 60_000).toISOString())
      .run();
    await expectError(await create(key, "abc"), 409, "idempotency_in_progress");
    await expectError(await create(key, "abc", { name: "Other" }), 422, "idempotency_key_reused");
    await env.DB.prepare("UPDATE idempotency_keys SET lease_expires_at = '2020-01-01T00:00:00.000Z'").run();
    expect((await create(key, "abc")).status).toBe(201);
    expect((await create(key, "abc")).headers.get("idempotent-replayed")).toBe("true");
  });

  it("after a crash, though the sealing key was changed meanwhile", async () => {
    const key = await createKey();
    await create(key, "abc");
    await env.DB.prepare(
      "UPDATE idempotency_keys SET status = NULL, response_sealed = NULL, lease_expires_at = '2020-01-01T00:00:00.000Z'",
    ).run();
    const TOKEN_ENCRYPTION_KEYS = `next:HhwaGBYUEhAODAoIBgQCAB8dGxkXFRMRDw0LCQcFAwE,${env.TOKEN_ENCRYPTION_KEYS}`;
    const rotated = { TOKEN_ENCRYPTION_KEYS };
    await expectError(await create(key, "abc", { name: "Other" }, rotated), 422, "idempotency_key_reused");
    expect((await create(key, "abc", undefined, rotated)).status).toBe(201);
  });

  it("where its response could not be kept: the answer goes out all the same", async () => {
    const key = await createKey();
    // Authentication, claim, room, insertion of the agent; the fifth trip keeps the response.
    const { DB } = watchedDatabase({ trip: 5, when: "before" });
    expect((await create(key, "abc", { name: "x" }, { DB })).status).toBe(201);
    await expectError(await create(key, "abc", { name: "x" }), 409, "idempotency_in_progress");
  });

  it("if another request has taken it over, and then gives that one's response", async () => {
    const { key, body } = await prepareImport();
    const { fetch } = twilio;
    twilio.fetch = async (request) => {
      await env.DB.prepare("UPDATE idempotency_keys SET lease_holder = 'another'").run();
      return fetch(request);
    };
    const headers = { "idempotency-key": "abc" };
    expect((await call("POST", "/v1/phone-numbers", key, body, { headers })).status).toBe(201);
    expect(await rows("idempotency_keys")).toEqual([
      expect.objectContaining({ lease_holder: "another", status: null, response_sealed: null }),
    ]);
  });

  it("a day later, for anything, and not before", async () => {
    const key = await createKey();
    const start = Date.now();
    const at = (ms: number, body?: unknown) => {
      vi.useFakeTimers({ toFake: ["Date"], now: start + ms });
      return create(key, "abc", body);
    };
    await at(0);
    for (const ms of [23 * HOUR, 24 * HOUR - 1]) {
      expect((await at(ms)).headers.get("idempotent-replayed")).toBe("true");
      await expectError(await at(ms, { name: "Other" }), 422, "idempotency_key_reused");
    }
    const response = await at(24 * HOUR, { name: "Other" });
    expect([response.status, response.headers.get("idempotent-replayed")]).toEqual([201, null]);
  });

  it("two minutes after a request that died, for the same again", async () => {
    const key = await createKey();
    const start = Date.now();
    const at = (ms: number, env?: Partial<Env>) => {
      vi.useFakeTimers({ toFake: ["Date"], now: start + ms });
      return create(key, "abc", undefined, env);
    };
    // Authentication, claim, room, insertion of the agent; the fifth trip keeps the response.
    const { DB } = watchedDatabase({ trip: 5, when: "before" });
    expect((await at(0, { DB })).status).toBe(201);
    expectLine("response_not_kept", { level: "warn", error_message: expect.any(String) });
    await expectError(await at(119_999), 409, "idempotency_in_progress");
    expect((await at(120_000)).status).toBe(201);
  });
});
