import { describe, expect, it, vi } from "vitest";
import { keepSecret } from "../support/logs.ts";
import { requiresApiKey } from "../support/security.ts";
import {
  asAdmin,
  BASE,
  call,
  createAgent,
  createKey,
  expectError,
  type Key,
  rows,
  send,
} from "../support/worker.ts";

const CONSOLE = { "x-nixflex-console": "1" };

/** A request as the console sends it: with the browser's cookie and without the key. */
function browse(cookie: string, method = "GET", path = "/v1/agents", headers: HeadersInit = CONSOLE) {
  return send(new Request(`${BASE}${path}`, { method, headers: { cookie, ...(headers as object) } }));
}

async function signIn(key: Key, base = BASE): Promise<{ cookie: string; setCookie: string }> {
  const response = await send(
    new Request(`${base}/v1/session`, {
      method: "POST",
      headers: { ...CONSOLE, authorization: `Bearer ${key.key_id}:${key.key_secret}` },
    }),
  );
  expect(response.status).toBe(201);
  const setCookie = response.headers.get("set-cookie") ?? "";
  return { cookie: setCookie.split(";")[0] ?? "", setCookie };
}

requiresApiKey("POST", "/v1/session");
requiresApiKey("DELETE", "/v1/session");

describe("a session", () => {
  it("is a cookie that no script can read and no other site can send, and holds no secret", async () => {
    const key = await createKey();
    const { setCookie } = await signIn(key);
    expect(setCookie).toMatch(
      /^__Host-nixflex_session=sec_[^;]+; Max-Age=43200; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
    );
    expect(setCookie).not.toContain(key.key_secret.slice(5));
    for (const { secret_hash } of await rows<{ secret_hash: string }>("key_secrets"))
      expect(setCookie).not.toContain(secret_hash);
  });

  it("on this machine the cookie needs no https; anywhere else it does", async () => {
    const key = await createKey();
    expect((await signIn(key, "http://127.0.0.1:8787")).setCookie).toMatch(
      /^nixflex_session=[^;]+; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/,
    );
    expect((await signIn(key)).setCookie).toContain("; Secure;");
  });

  it("sees what the key sees, and nothing else", async () => {
    const [key, other] = [await createKey(), await createKey()];
    const agent = await createAgent(key);
    await createAgent(other);
    const { cookie } = await signIn(key);
    const list = await (await browse(cookie)).json<{ agents: { agent_id: string }[] }>();
    expect(list.agents.map(({ agent_id }) => agent_id)).toEqual([agent]);
    const session = await (await browse(cookie, "GET", "/v1/session")).json();
    expect(session).toMatchObject({ key_id: key.key_id, expires_at: expect.any(String) });
  });

  it("counts only with the console's header: another site cannot send it", async () => {
    const { cookie } = await signIn(await createKey());
    for (const method of ["GET", "POST"])
      await expectError(await browse(cookie, method, "/v1/agents", {}), 401, "invalid_api_key");
  });

  it("ends when the secret is rotated, and does not outlive the key", async () => {
    const key = await createKey();
    const { cookie } = await signIn(key);
    await expectError(await browse(cookie, "POST", "/v1/keys/rotate"), 401, "key_secret_required");
    expect((await browse(cookie)).status).toBe(200);
    const rotation = await call("POST", "/v1/keys/rotate", key);
    const rotated = await rotation.json<Key>();
    keepSecret(rotated.key_secret);
    await expectError(await browse(cookie), 401, "invalid_api_key");

    const next = await signIn(rotated);
    expect((await browse(next.cookie)).status).toBe(200);
    await asAdmin("DELETE", `/v1/keys/${key.key_id}`);
    await expectError(await browse(next.cookie), 401, "invalid_api_key");
  });

  it("ends after twelve hours", async () => {
    const { cookie } = await signIn(await createKey());
    const now = Date.now();
    vi.useFakeTimers({ now: now + 11.9 * 3_600_000, toFake: ["Date"] });
    expect((await browse(cookie)).status).toBe(200);
    vi.setSystemTime(now + 12.1 * 3_600_000);
    await expectError(await browse(cookie), 401, "invalid_api_key");
    vi.useRealTimers();
  });

  it("cannot be made longer, or another key's, or up", async () => {
    const [key, other] = [await createKey(), await createKey()];
    const { cookie } = await signIn(key);
    const [name, value = ""] = cookie.split("=");
    const [id = "", end = "", ...rest] = value.split(".");
    for (const forged of [
      [id, Number(end) + 1, ...rest].join("."),
      [other.key_id, end, ...rest].join("."),
      [id, end, "test", "0".repeat(64)].join("."),
      [id, end, "unknown", rest[1]].join("."),
      [id, "999999999999", ...rest].join("."),
      "",
      "null",
      value.slice(0, -1),
    ])
      await expectError(await browse(`${name}=${forged}`), 401, "invalid_api_key");
  });

  it("does not start the next one", async () => {
    const { cookie } = await signIn(await createKey());
    await expectError(await browse(cookie, "POST", "/v1/session"), 401, "invalid_api_key");
  });

  it("a wrong key in the request is refused although the browser is signed in", async () => {
    const { cookie } = await signIn(await createKey());
    const headers = { ...CONSOLE, authorization: "Bearer nonsense" };
    await expectError(await browse(cookie, "GET", "/v1/agents", headers), 401, "key_secret_required");
  });

  it("is deleted by signing out", async () => {
    const { cookie } = await signIn(await createKey());
    const response = await browse(cookie, "DELETE", "/v1/session");
    expect(await response.json()).toMatchObject({ ended: true });
    expect(response.headers.get("set-cookie")).toMatch(/^__Host-nixflex_session=; Max-Age=0; Path=\/;/);
  });
});

describe("GET /v1/session with the key itself", () => {
  it("has no end", async () => {
    const key = await createKey();
    const session = await (await call("GET", "/v1/session", key)).json();
    expect(session).toEqual({
      key_id: key.key_id,
      secret_id: expect.stringMatching(/^sec_/),
      name: "first",
      scope: "full",
      external_id: null,
      expires_at: null,
    });
    const { cookie } = await signIn(await createKey());
    const both = { authorization: `Bearer ${key.key_id}:${key.key_secret}`, cookie };
    const own = await send(new Request(`${BASE}/v1/session`, { headers: both }));
    expect(await own.json()).toEqual(session);
  });
});
