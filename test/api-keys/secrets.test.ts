import { describe, expect, it, vi } from "vitest";
import { createSecret, fillWithSecrets, signedIn } from "../support/secrets.ts";
import {
  asAdmin,
  authorization,
  BASE,
  call,
  createKey,
  expectError,
  get,
  rows,
  send,
} from "../support/worker.ts";

type Row = { id: string; name: string; last_used_on: string | null };

describe("the secrets of a key", () => {
  it("are shown once, and listed with what they may and when they were last used", async () => {
    const key = await createKey();
    const expires_at = "2099-01-01T00:00:00.000Z";
    const portal = await createSecret(key, {
      name: "portal",
      scope: "read",
      external_id: "acme",
      expires_at,
    });
    expect(portal).toMatchObject({ key_id: key.key_id, key_secret: expect.stringMatching(/^nxfs_/) });
    expect((await get("/v1/agents", portal)).status).toBe(200);
    const today = new Date().toISOString().slice(0, 10);
    const { secrets, count } = await (await get("/v1/keys/secrets", key)).json<{
      secrets: unknown[];
      count: number;
    }>();
    expect(count).toBe(2);
    const [listed, first] = secrets;
    expect(listed).toEqual({
      secret_id: portal.secret_id,
      name: "portal",
      scope: "read",
      external_id: "acme",
      created_at: expect.any(String),
      expires_at,
      last_used_on: today,
      is_first: false,
    });
    expect(first).toMatchObject({ name: "first", scope: "full", external_id: null, is_first: true });
    const stored = JSON.stringify([await rows("key_secrets"), await rows("idempotency_keys")]);
    for (const { key_secret } of [key, portal]) expect(stored).not.toContain(key_secret.slice(5));
  });

  it("have each a name, a scope, and an end that is to come", async () => {
    const key = await createKey();
    await createSecret(key, { name: "portal" });
    const ask = (body: unknown) => call("POST", "/v1/keys/secrets", key, body);
    await expectError(await ask({ name: "portal", scope: "read" }), 409, "secret_name_taken");
    await expectError(await ask({ name: "first", scope: "read" }), 409, "secret_name_taken");
    await expectError(await ask({ scope: "read" }), 400, "missing_field");
    await expectError(await ask({ name: "x" }), 400, "missing_field");
    const { details } = await expectError(await ask({ name: "x", scope: "write" }), 400, "invalid_field");
    expect(details.problems).toEqual([{ field: "scope", problem: "not_allowed", allowed: ["full", "read"] }]);
    for (const expires_at of ["2020-01-01T00:00:00Z", "tomorrow"])
      await expectError(await ask({ name: "x", scope: "full", expires_at }), 400, "invalid_field");
    // Nobody lengthens what he was given by making another.
    const end = "2098-01-01T00:00:00.000Z";
    const brief = await createSecret(key, { name: "brief", expires_at: end });
    const byBrief = (more: object) =>
      call("POST", "/v1/keys/secrets", brief, { name: "y", scope: "read", ...more });
    for (const more of [{}, { expires_at: "2098-01-01T00:00:00.001Z" }])
      await expectError(await byBrief(more), 400, "invalid_field");
    expect((await byBrief({ expires_at: end })).status).toBe(201);
    await expectError(
      await ask({ name: "x", scope: "full", external_id: "x".repeat(256) }),
      400,
      "invalid_field",
    );
  });

  it("are 1,000 at most, and finding one among them reads one row", async () => {
    const key = await createKey();
    await fillWithSecrets(key, 998);
    const last = await createSecret(key);
    const refused = await call("POST", "/v1/keys/secrets", key, { name: "one more", scope: "read" });
    const { details } = await expectError(refused, 403, "limit_reached");
    expect(details).toMatchObject({ name: "max_secrets", limit: 1_000, used: 1_000 });
    expect((await get("/v1/agents", last)).status).toBe(200);
  });

  it("end when they are deleted or their time is over, and their sessions with them", async () => {
    const key = await createKey();
    const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
    const [deleted, brief] = [await createSecret(key), await createSecret(key, { expires_at: inAnHour })];
    const sessions = [await signedIn(deleted), await signedIn(brief)];
    const ask = (headers: Record<string, string>) => send(new Request(`${BASE}/v1/agents`, { headers }));
    for (const headers of [...sessions, authorization(deleted), authorization(brief)])
      expect((await ask(headers)).status).toBe(200);
    const path = `/v1/keys/secrets/${deleted.secret_id}`;
    expect(await (await call("DELETE", path, key)).json()).toEqual({
      secret_id: deleted.secret_id,
      deleted: true,
    });
    await expectError(await call("DELETE", path, key), 404, "secret_not_found");
    vi.useFakeTimers({ toFake: ["Date"], now: Date.parse(inAnHour) });
    for (const headers of [...sessions, authorization(deleted), authorization(brief)])
      await expectError(await ask(headers), 401, "invalid_api_key");
    expect((await get("/v1/agents", key)).status).toBe(200);
  });

  it("always leave one that may everything and never ends", async () => {
    const key = await createKey();
    const first = (await rows<Row>("key_secrets"))[0]?.id;
    await createSecret(key, { scope: "read" });
    await createSecret(key, { external_id: "acme" });
    await createSecret(key, { expires_at: "2099-01-01T00:00:00Z" });
    await expectError(await call("DELETE", `/v1/keys/secrets/${first}`, key), 409, "last_secret");
    const other = await createSecret(key);
    expect((await call("DELETE", `/v1/keys/secrets/${first}`, other)).status).toBe(200);
    await expectError(await get("/v1/agents", key), 401, "invalid_api_key");
    await expectError(await call("DELETE", `/v1/keys/secrets/${other.secret_id}`, other), 409, "last_secret");
  });

  it("are another's business only if they are his: only the first is rotated, by itself", async () => {
    const [key, stranger] = [await createKey(), await createKey()];
    const secret = await createSecret(key);
    await expectError(
      await call("DELETE", `/v1/keys/secrets/${secret.secret_id}`, stranger),
      404,
      "secret_not_found",
    );
    await expectError(
      await get("/v1/agents", { ...stranger, key_secret: secret.key_secret }),
      401,
      "invalid_api_key",
    );
    await expectError(await call("POST", "/v1/keys/rotate", secret), 403, "secret_is_limited");
    const rotated = await (await call("POST", "/v1/keys/rotate", key)).json<{ key_secret: string }>();
    await expectError(await get("/v1/agents", key), 401, "invalid_api_key");
    expect((await get("/v1/agents", { ...key, key_secret: rotated.key_secret })).status).toBe(200);
    expect((await get("/v1/agents", secret)).status).toBe(200);
  });

  it("end with their key", async () => {
    const key = await createKey();
    const secret = await createSecret(key);
    const session = await signedIn(secret);
    await asAdmin("DELETE", `/v1/keys/${key.key_id}`);
    await expectError(await get("/v1/agents", secret), 401, "invalid_api_key");
    await expectError(
      await send(new Request(`${BASE}/v1/agents`, { headers: session })),
      401,
      "invalid_api_key",
    );
  });

  it("are refused what they may not, by name", async () => {
    const key = await createKey();
    const [reading, limited] = [
      await createSecret(key, { scope: "read" }),
      await createSecret(key, { external_id: "a" }),
    ];
    await expectError(await call("POST", "/v1/agents", reading, { name: "x" }), 403, "read_only_secret");
    await expectError(await call("POST", "/v1/agents", limited, { name: "x" }), 403, "secret_is_limited");
    await expectError(await get("/v1/keys/secrets", limited), 403, "secret_is_limited");
    expect((await get("/v1/keys/secrets", reading)).status).toBe(200);
  });
});

describe("the day of the last use", () => {
  it("is one row a day, written after the answer", async () => {
    const key = await createKey();
    const day = (at: string) => vi.useFakeTimers({ toFake: ["Date"], now: Date.parse(at) });
    const used = async () => (await rows<Row>("key_secrets"))[0]?.last_used_on;
    day("2031-05-01T10:00:00Z");
    await Promise.all([1, 2, 3].map(() => get("/v1/agents", key)));
    expect(await used()).toBe("2031-05-01");
    day("2031-05-02T00:00:00Z");
    await get("/v1/agents", key);
    expect(await used()).toBe("2031-05-02");
    // A clock that is behind takes nothing back.
    day("2031-05-01T23:59:59Z");
    await get("/v1/agents", key);
    expect(await used()).toBe("2031-05-02");
  });
});
