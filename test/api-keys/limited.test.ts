import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { haveImported, tell } from "../support/answering.ts";
import { begin, finish, haveAccounts, holdTime } from "../support/bulk.ts";
import { startCustomer } from "../support/customer.ts";
import { expectLine, keepSecret } from "../support/logs.ts";
import { metered, newMeter } from "../support/metered-database.ts";
import { outboxRows } from "../support/outbox.ts";
import { reconcile } from "../support/reconciliation.ts";
import { createSecret, fillWithSecrets, signedIn } from "../support/secrets.ts";
import { twilio } from "../support/twilio.ts";
import {
  ADMIN,
  asAdmin,
  authorization,
  BASE,
  call,
  createAgent,
  expectError,
  get,
  rows,
  send,
} from "../support/worker.ts";

type Told = {
  event: string;
  external_id: string | null;
  actor: { kind: string; name: string | null } | null;
};

const own = { external_id: "acme" };

describe("a secret that is limited to an external_id", () => {
  it("changes what is its number's own, but not whose it is, who answers it, and by what it is reached", async () => {
    const { key, phoneNumber, account } = await haveImported({}, {}, own);
    const portal = await createSecret(key, own);
    const path = `/v1/phone-numbers/${phoneNumber}`;
    const change = (body: object) => call("PATCH", path, portal, body);
    const set = { label: "Acme", custom_prompt: "Be kind.", inbound_enabled: false, metadata: { a: "b" } };
    expect(await (await change(set)).json()).toMatchObject({ phone_number: { ...own, ...set } });
    const other = await createAgent(key);
    for (const body of [
      { agent_id: other },
      { external_id: "else" },
      { externalId: null },
      { twilio_token: account.authToken },
    ]) {
      const refused = await change({ label: "Mine", ...body });
      const { details } = await expectError(refused, 403, "secret_is_limited");
      expect(details.fields).toHaveLength(1);
    }
    expect(await (await get(path, portal)).json()).toMatchObject({ phone_number: { label: "Acme", ...own } });
    await expectError(await call("DELETE", path, portal), 403, "secret_is_limited");
  });

  it("sees the agents of its numbers by name, and its key's usage not at all", async () => {
    const { key, agentId } = await haveImported({ name: "Ann" }, {}, own);
    await createAgent(key, { name: "Of another customer" });
    const portal = await createSecret(key, { ...own, scope: "read" });
    expect(await (await get("/v1/agents", portal)).json()).toMatchObject({
      agents: [{ agent_id: agentId, name: "Ann" }],
      count: 1,
    });
    expect(await (await get(`/v1/agents/${agentId}`, portal)).json()).toEqual({
      agent_id: agentId,
      name: "Ann",
    });
    expect(await (await get("/v1/usage", portal)).json()).toMatchObject({
      numbers: 1,
      limits: null,
      model: null,
    });
    const stranger = await createSecret(key, { external_id: "else" });
    expect(await (await get("/v1/usage", stranger)).json()).toMatchObject({ numbers: 0, limits: null });
    await expectError(await get(`/v1/agents/${agentId}`, stranger), 404, "agent_not_found");
    const session = { ...(await signedIn(portal)) };
    const who = await send(new Request(`${BASE}/v1/session`, { headers: session }));
    expect(await who.json()).toMatchObject({ secret_id: portal.secret_id, scope: "read", ...own });
  });

  it("calls from its own numbers only, even where the agent has others", async () => {
    const { key, agentId, phoneNumber } = await haveImported({}, {}, own);
    const place = (external_id: string) => async () => {
      const secret = await createSecret(key, { external_id });
      return call(
        "POST",
        "/v1/calls",
        secret,
        { agent_id: agentId, to_number: "+15005550009" },
        {
          env: { DEFAULT_LIMITS: '{"allowed_countries":["*"]}' },
        },
      );
    };
    expect(await (await place("acme")()).json()).toMatchObject({ from: phoneNumber });
    await expectError(await place("else")(), 404, "agent_not_found");
  });

  it("sees of a number's past what it had of it", async () => {
    const { key, phoneNumber } = await haveImported(
      { webhook_url: startCustomer().url },
      {},
      { external_id: "before" },
    );
    expect((await call("PATCH", `/v1/phone-numbers/${phoneNumber}`, key, own)).status).toBe(200);
    const events = async (as: typeof key) =>
      (await (await get(`/v1/phone-numbers/${phoneNumber}/events`, as)).json<{ count: number }>()).count;
    // What made it its own is the first that it sees.
    expect([await events(key), await events(await createSecret(key, own))]).toEqual([2, 1]);
  });
});

describe("who acted", () => {
  it("stands in a number's history and in the log", async () => {
    const { key, phoneNumber, account } = await haveImported({ webhook_url: startCustomer().url }, {}, own);
    const path = `/v1/phone-numbers/${phoneNumber}`;
    const [number] = twilio.state.numbers.of(account.sid);
    if (!number) throw new Error("no number");
    const portal = await createSecret(key, { ...own, name: "portal" });
    const session = await signedIn(portal);
    const drift = () => Object.assign(number, { voice_url: "https://elsewhere.example/voice" });
    drift();
    await send(new Request(`${BASE}${path}/check`, { method: "POST", headers: session }));
    expectLine("request", {
      route: "/v1/phone-numbers/:number/check",
      actor: "session",
      actor_name: "portal",
    });
    drift();
    await env.DB.prepare("UPDATE phone_numbers SET repaired_at = NULL, repairs = 0").run();
    await reconcile();
    const { deliveries } = await (await get(`${path}/events`, portal)).json<{ deliveries: Told[] }>();
    expect(deliveries.map(({ event, actor }) => [event, actor?.kind, actor?.name])).toEqual([
      ["number.repaired", "check", null],
      ["number.repaired", "session", "portal"],
      ["number.imported", "secret", "first"],
    ]);
    await asAdmin("DELETE", `/v1/admin/phone-numbers/${phoneNumber}`, { headers: ADMIN });
    const [released] = (await outboxRows<{ type: string; actor: string }>()).filter(
      ({ type }) => type === "number.released",
    );
    expect(JSON.parse(released?.actor ?? "")).toEqual({ kind: "operator", name: null });
  });

  it("stands beside each change of a number, with the fields and not what is in them", async () => {
    const customer = startCustomer();
    const { key, phoneNumber, agentId, account } = await haveImported({ webhook_url: customer.url }, {}, own);
    const path = `/v1/phone-numbers/${phoneNumber}`;
    const portal = await createSecret(key, { ...own, name: "portal" });
    const night = await createAgent(key, { name: "Night desk" });
    const change = (as: typeof key, body: object) => call("PATCH", path, as, body);
    expect(
      (await change(portal, { label: "Acme", inbound_enabled: false, welcome_message: "Hi" })).status,
    ).toBe(200);
    expect((await change(key, { agent_id: night, channels: ["voice"] })).status).toBe(200);
    account.secondaryAuthToken = "e".repeat(32);
    keepSecret(account.secondaryAuthToken);
    expect((await change(key, { twilio_token: account.secondaryAuthToken })).status).toBe(200);
    // What is as it was is no change.
    expect((await change(key, { agent_id: night, label: "Acme" })).status).toBe(200);
    await vi.waitFor(() =>
      expect(customer.events().at(-1)).toMatchObject({ event: "number.changed", agent_id: agentId }),
    );
    const changed = customer.events().filter(({ event }) => event === "number.changed");
    expect(changed).toMatchObject([
      { ...own, label: "Acme", fields: ["inbound_enabled", "label", "welcome_message"] },
      { fields: ["agent_id", "channels"] },
    ]);
    expect(JSON.stringify(changed)).not.toMatch(/"Hi"/);
    const { deliveries } = await (await get(`${path}/events`, key)).json<{ deliveries: Told[] }>();
    expect(deliveries.map(({ event, actor }) => [event, actor?.name])).toEqual([
      ["number.changed", "first"],
      ["number.changed", "portal"],
      ["number.imported", "first"],
    ]);
  });

  it("is recovery where nobody was left, and whoever began a bulk import", async () => {
    const { key, account } = await haveImported({ webhook_url: startCustomer().url });
    await env.DB.prepare("UPDATE phone_numbers SET state = 'releasing', lease_expires_at = '2020'").run();
    await reconcile();
    const { parent, numbers } = haveAccounts(0, 1);
    const loader = await createSecret(key, { name: "loader" });
    const agent_id = await createAgent(key, { webhook_url: startCustomer().url });
    holdTime();
    const id = await begin(loader, {
      twilio_sid: parent.sid,
      twilio_token: parent.authToken,
      agent_id,
      items: [{ phone_number: numbers[0]?.phone_number }],
    });
    await finish(key, id);
    const told = (await outboxRows<{ type: string; actor: string | null }>()).map(({ type, actor }) => [
      type,
      actor,
    ]);
    expect(account.sid).not.toBe(parent.sid);
    expect(told).toContainEqual(["number.released", '{"kind":"recovery","name":null}']);
    expect(told).toContainEqual(["number.imported", '{"kind":"secret","name":"loader"}']);
  });
});

describe("a leaked secret", () => {
  it("is replaced by two commands, and no call is lost in between", async () => {
    const imported = await haveImported({ welcome_message: "Welcome" });
    const { key } = imported;
    const leaked = await createSecret(key, { name: "dashboard" });
    const rings = async (call: string) =>
      expect(await (await tell(imported, "voice", { CallSid: call })).text()).toContain("Welcome");
    await rings("CA1");
    const fresh = await createSecret(key, { name: "dashboard, new" });
    await rings("CA2");
    for (const secret of [leaked, fresh]) expect((await get("/v1/agents", secret)).status).toBe(200);
    expect((await call("DELETE", `/v1/keys/secrets/${leaked.secret_id}`, key)).status).toBe(200);
    await rings("CA3");
    await expectError(await get("/v1/agents", leaked), 401, "invalid_api_key");
    expect((await get("/v1/agents", fresh)).status).toBe(200);
  });
});

describe("authentication", () => {
  it("is one trip and as many rows with 1,000 secrets as with one", async () => {
    const { key } = await haveImported();
    const secret = await createSecret(key);
    const used = async () => {
      const meter = newMeter();
      await send(new Request(`${BASE}/v1/session`, { headers: authorization(secret) }), {
        DB: metered(env.DB, meter),
      });
      return meter;
    };
    await used();
    const few = await used();
    expect(few).toEqual({ trips: 1, rowsRead: 2, rowsWritten: 0 });
    await fillWithSecrets(key, 998);
    expect(await used()).toEqual(few);
    const plan = await env.DB.prepare(
      "EXPLAIN QUERY PLAN SELECT id FROM key_secrets WHERE api_key_id = ?1 AND secret_hash = ?2",
    )
      .bind("a", "b")
      .first<{ detail: string }>();
    expect(plan?.detail).toMatch(/SEARCH key_secrets USING .*INDEX .*\(api_key_id=\? AND secret_hash=\?\)/);
    expect(await rows("key_secrets")).toHaveLength(1_000);
  });
});
