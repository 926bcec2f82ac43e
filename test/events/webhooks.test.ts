import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { haveImported, tell } from "../support/answering.ts";
import { startCustomer } from "../support/customer.ts";
import { expectErrorLog, keepSecret } from "../support/logs.ts";
import { holdDeliveries, outboxRows, runAlarms, withStorage } from "../support/outbox.ts";
import { requiresApiKey } from "../support/security.ts";
import { twilio } from "../support/twilio.ts";
import { call, createAgent, createKey, expectError, get, type Key, post, rows } from "../support/worker.ts";

async function rotate(key: Key): Promise<{ webhook_secret: string; previous_valid_until: string }> {
  const response = await post("/v1/webhooks/secret", undefined, { key });
  expect(response.status).toBe(201);
  const answer = await response.json<{ webhook_secret: string; previous_valid_until: string }>();
  keepSecret(answer.webhook_secret);
  return answer;
}

const sendTest = (key: Key, agent_id: string) => post("/v1/webhooks/test", { agent_id }, { key });

type List = { deliveries: { id: string; state: string }[]; count: number; limit: number; offset: number };
const list = async (key: Key, query = "") => (await get(`/v1/webhooks/deliveries${query}`, key)).json<List>();

describe("POST /v1/webhooks/secret", () => {
  it("gives a secret that is stored sealed", async () => {
    const { webhook_secret } = await rotate(await createKey());
    expect(webhook_secret).toMatch(/^nxws_[0-9a-f]{64}$/);
    const [row] = await rows<{ secret_sealed: string }>("webhook_secrets");
    expect(row?.secret_sealed).toMatch(/^v1\./);
    expect(JSON.stringify(row)).not.toContain(webhook_secret);
  });

  it("replaces the one before, which signs beside it for a day", async () => {
    const customer = startCustomer();
    const key = await createKey();
    const agentId = await createAgent(key, { webhook_url: customer.url });
    const before = await rotate(key);
    const { webhook_secret, previous_valid_until } = await rotate(key);
    expect(Date.parse(previous_valid_until) - Date.now()).toBeGreaterThan(86_000_000);
    await sendTest(key, agentId);
    expect([await customer.signedBy(before.webhook_secret), await customer.signedBy(webhook_secret)]).toEqual(
      [1, 1],
    );

    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 86_400_000 });
    try {
      await sendTest(key, agentId);
      expect([
        await customer.signedBy(before.webhook_secret),
        await customer.signedBy(webhook_secret),
      ]).toEqual([0, 1]);
    } finally {
      vi.useRealTimers();
    }
  });

  it("heals what signs events where its sealing key is lost", async () => {
    const customer = startCustomer();
    const key = await createKey();
    const agentId = await createAgent(key, { webhook_url: customer.url });
    await rotate(key);
    await env.DB.prepare("UPDATE webhook_secrets SET secret_sealed = 'v1.gone.AAAA.AAAA'").run();
    expectErrorLog("stored_secret_unreadable");
    const { webhook_secret } = await rotate(key);
    await sendTest(key, agentId);
    expect(await customer.signedBy(webhook_secret)).toBe(1);
  });

  it("keeps signing with every secret of the last day, for the answer of a rotation may have been lost", async () => {
    const customer = startCustomer();
    const key = await createKey();
    const agentId = await createAgent(key, { webhook_url: customer.url });
    const secrets = [await rotate(key), await rotate(key), await rotate(key)];
    await Promise.all([rotate(key), rotate(key)]);
    await sendTest(key, agentId);
    for (const { webhook_secret } of secrets.slice(1))
      expect(await customer.signedBy(webhook_secret)).toBe(1);
    expect(customer.received[0]?.headers.get("x-nixflex-signature")).toMatch(
      /^t=\d+(?:,v1=[0-9a-f]{64}){5}$/,
    );
  });

  it("is each key's own", async () => {
    const customer = startCustomer();
    const [one, other] = [await createKey(), await createKey()];
    const { webhook_secret } = await rotate(other);
    await sendTest(one, await createAgent(one, { webhook_url: customer.url }));
    expect(await customer.signedBy(webhook_secret)).toBe(0);
  });
});

describe("POST /v1/webhooks/test", () => {
  it("sends webhook.test to the agent's webhook_url", async () => {
    const customer = startCustomer();
    const key = await createKey();
    const agentId = await createAgent(key, { webhook_url: customer.url });
    const response = await sendTest(key, agentId);
    expect(response.status).toBe(201);
    const { delivery } = await response.json<{ delivery: Record<string, unknown> }>();
    expect(delivery).toMatchObject({
      event: "webhook.test",
      state: "pending",
      attempts: [],
      agent_id: agentId,
    });
    expect(customer.events()).toEqual([
      { event: "webhook.test", event_id: delivery.id, agent_id: agentId, created_at: expect.any(String) },
    ]);
  });

  it("refuses an agent without webhook_url, and one that is not the key's", async () => {
    const [key, other] = [await createKey(), await createKey()];
    await expectError(await sendTest(key, await createAgent(key)), 400, "agent_has_no_webhook");
    const foreign = await createAgent(other, { webhook_url: "https://customer.example" });
    await expectError(await sendTest(key, foreign), 404, "agent_not_found");
    await expectError(await sendTest(key, "agent_x"), 404, "agent_not_found");
    await expectError(await post("/v1/webhooks/test", { agent_id: 7 }, { key }), 400, "invalid_field");
    expect(await outboxRows()).toEqual([]);
  });
});

describe("GET /v1/webhooks/deliveries", () => {
  async function haveDeliveries(count: number) {
    startCustomer(({ url }) => new Response("", { status: url.endsWith("bad") ? 400 : 200 }));
    const key = await createKey();
    const good = await createAgent(key, { webhook_url: "https://customer.example/good" });
    const bad = await createAgent(key, { webhook_url: "https://customer.example/bad" });
    for (let index = 0; index < count; index += 1) await sendTest(key, index % 2 ? bad : good);
    return key;
  }

  it("lists newest first, by pages", async () => {
    const key = await haveDeliveries(5);
    const all = await list(key);
    expect(all).toMatchObject({ count: 5, limit: 25, offset: 0 });
    const pages = [
      await list(key, "?limit=2"),
      await list(key, "?limit=2&offset=2"),
      await list(key, "?limit=2&offset=4"),
    ];
    expect(pages.flatMap(({ deliveries }) => deliveries)).toEqual(all.deliveries);
    expect(pages[2]).toMatchObject({ count: 5, limit: 2, offset: 4 });
    const times = all.deliveries.map(
      (delivery) => (delivery as unknown as { created_at: string }).created_at,
    );
    expect(times).toEqual([...times].sort().reverse());
    expect(await list(key, "?limit=1000")).toMatchObject({ limit: 100 });
  });

  it("filters by state", async () => {
    const key = await haveDeliveries(3);
    expect((await list(key, "?state=failed")).count).toBe(1);
    expect((await list(key, "?state=delivered")).deliveries.map(({ state }) => state)).toEqual([
      "delivered",
      "delivered",
    ]);
    expect(await list(key, "?state=pending")).toMatchObject({ deliveries: [], count: 0 });
  });

  it.each([
    "limit=0",
    "limit=-1",
    "limit=x",
    "limit=1.5",
    "offset=-1",
    "offset=1e3",
    "state=lost",
    "state=__proto__",
  ])("refuses ?%s", async (query) => {
    const key = await createKey();
    const error = await expectError(
      await get(`/v1/webhooks/deliveries?${query}`, key),
      400,
      "invalid_parameter",
    );
    expect(error.details).toMatchObject({ fields: [query.split("=")[0]] });
  });

  it("shows nothing of another key, and nothing of an event's content", async () => {
    await haveDeliveries(1);
    expect(await list(await createKey())).toMatchObject({ deliveries: [], count: 0 });
    const imported = await haveImported({ webhook_url: "https://customer.example/good" });
    await tell(imported, "sms", { MessageSid: "SM1", Body: "a private matter" });
    expect(JSON.stringify(await list(imported.key))).not.toContain("private");
  });
});

describe("GET /v1/webhooks/deliveries/{id}", () => {
  type Shown = { delivery: object; payload: object | null };
  const show = async (key: Key, id = "") => (await get(`/v1/webhooks/deliveries/${id}`, key)).json<Shown>();

  it("shows what was sent and what came of it; the body is gone a week later, and another kind is filtered out", async () => {
    const customer = startCustomer();
    const { key, ...imported } = await haveImported({ webhook_url: customer.url });
    await tell(imported, "sms", { MessageSid: "SM1", Body: "Hello" });
    const { deliveries, count } = await list(key, "?event=sms.received");
    expect([deliveries.length, count]).toEqual([1, 1]);
    expect(await list(key, "?event=sms.received&state=failed")).toMatchObject({ deliveries: [], count: 0 });
    const id = deliveries[0]?.id;
    const shown = await show(key, id);
    const sent = customer.received
      .map(({ body }) => JSON.parse(body))
      .find(({ event_id }) => event_id === id);
    expect(shown).toMatchObject({
      delivery: { id, attempts: [{ http_status: 200 }] },
      payload: { text: "Hello" },
    });
    expect(shown.payload).toEqual(sent);
    await expectError(
      await get(`/v1/webhooks/deliveries/${id}`, await createKey()),
      404,
      "delivery_not_found",
    );

    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 8 * 86_400_000 });
    try {
      await runAlarms();
      expect(await show(key, id)).toMatchObject({ delivery: { id, state: "delivered" }, payload: null });
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("POST /v1/webhooks/deliveries/{id}/redeliver", () => {
  it("delivers again, with all attempts anew", async () => {
    let status = 400;
    const customer = startCustomer(() => new Response("", { status }));
    const key = await createKey();
    await sendTest(key, await createAgent(key, { webhook_url: customer.url }));
    const [failed] = (await list(key, "?state=failed")).deliveries;
    status = 204;
    const response = await post(`/v1/webhooks/deliveries/${failed?.id}/redeliver`, undefined, { key });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ delivery: { id: failed?.id, state: "pending" } });
    expect(customer.received).toHaveLength(2);
    const { deliveries } = await list(key);
    expect(deliveries).toMatchObject([
      { state: "delivered", attempts: [{ http_status: 400 }, { http_status: 204 }] },
    ]);
  });

  it("knows no delivery of another key, and no nonsense", async () => {
    const [key, other] = [await createKey(), await createKey()];
    holdDeliveries();
    await sendTest(key, await createAgent(key, { webhook_url: startCustomer().url }));
    const [delivery] = (await list(key)).deliveries;
    for (const id of [delivery?.id, `evt_${"0".repeat(32)}`, "x", "%00", "'"]) {
      const response = await post(`/v1/webhooks/deliveries/${id}/redeliver`, undefined, { key: other });
      await expectError(response, 404, "delivery_not_found");
    }
    expect(await outboxRows()).toMatchObject([{ state: "pending" }]);
  });
});

requiresApiKey("POST", "/v1/webhooks/secret");
requiresApiKey("POST", "/v1/webhooks/test", { agent_id: "x" });
requiresApiKey("GET", "/v1/webhooks/deliveries");
requiresApiKey("POST", "/v1/webhooks/deliveries/evt_1/redeliver");

describe("GET /v1/phone-numbers/{number}/events", () => {
  it("lists what happened to the number itself, newest first", async () => {
    const customer = startCustomer();
    const imported = await haveImported({ webhook_url: customer.url });
    const { key, account, phoneNumber } = imported;
    const [number] = twilio.state.numbers.of(account.sid);
    await tell(imported, "voice", { CallSid: `CA${"1".repeat(32)}`, CallStatus: "ringing" });
    if (number) number.voice_url = "https://elsewhere.example/voice";
    await call("POST", `/v1/phone-numbers/${phoneNumber}/check`, key);
    const events = async (query = "") =>
      (await get(`/v1/phone-numbers/${phoneNumber}/events${query}`, key)).json<{
        deliveries: { event: string }[];
        count: number;
      }>();
    const { deliveries, count } = await events();
    expect(deliveries.map(({ event }) => event)).toEqual(["number.repaired", "number.imported"]);
    expect(count).toBe(2);
    expect(await events("?limit=1&offset=1")).toMatchObject({
      deliveries: [{ event: "number.imported", state: "delivered" }],
      count: 2,
    });
    expect((await list(key)).count).toBeGreaterThan(2);
  });

  it("is empty if nobody receives events, and a number is its key's own", async () => {
    const { key, phoneNumber } = await haveImported();
    const path = `/v1/phone-numbers/${phoneNumber}/events`;
    expect(await (await get(path, key)).json()).toMatchObject({ deliveries: [], count: 0 });
    await expectError(await get(path, await createKey()), 404, "number_not_found");
  });

  it("finds them by an index", async () => {
    await haveImported({ webhook_url: startCustomer().url });
    await withStorage((sql) => {
      const plan = sql.exec<{ detail: string }>(
        "EXPLAIN QUERY PLAN SELECT id FROM events WHERE lane = ?1 AND type >= 'number.' AND type < 'number/' ORDER BY seq DESC",
        "num",
      );
      expect(plan.toArray().map(({ detail }) => detail)).toEqual([
        expect.stringContaining("USING INDEX events_of_number"),
      ]);
    });
  });
});
