import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { haveImported, tell } from "../support/answering.ts";
import { runCron } from "../support/consume.ts";
import { startCustomer } from "../support/customer.ts";
import { prepareImport } from "../support/import.ts";
import { breakOutboxes, deliverHeld, holdDeliveries, outboxRows } from "../support/outbox.ts";
import { requiresApiKey } from "../support/security.ts";
import { twilio } from "../support/twilio.ts";
import { call, createAgent, createKey, expectError, get, type Key, post, rows } from "../support/worker.ts";

// The API key's own URL, and where events go that are of no agent.

const own = () => startCustomer(undefined, "https://reseller.example");
const put = (key: Key, url: unknown) => call("PUT", "/v1/webhooks/url", key, { url });
const limit = (key: Key, limits: object) =>
  call(
    "PATCH",
    `/v1/keys/${key.key_id}`,
    key,
    { limits },
    {
      headers: { authorization: `Bearer ${env.ADMIN_TOKEN}` },
    },
  );

type Deliveries = {
  deliveries: {
    id: string;
    event: string;
    agent_id: string | null;
    state: string;
    attempts: { error: string }[];
  }[];
};
const deliveries = async (key: Key) =>
  (await (await get("/v1/webhooks/deliveries", key)).json<Deliveries>()).deliveries;

const called = (imported: Parameters<typeof tell>[0], sid = `CA${"1".repeat(32)}`) =>
  tell(imported, "status", {
    CallSid: sid,
    CallStatus: "completed",
    Direction: "inbound",
    From: "+15005550006",
  });

/** A limit of agents is near. */
async function crossAgents(key: Key): Promise<void> {
  const agents = (await rows<{ api_key_id: string }>("agents")).filter(
    (row) => row.api_key_id === key.key_id,
  );
  await limit(key, { max_agents: Math.floor((agents.length + 1) / 0.8) });
  await createAgent(key);
}

describe("PUT /v1/webhooks/url", () => {
  it("is shown, replaced and taken away", async () => {
    const [key, other] = [await createKey(), await createKey()];
    const read = async (of: Key) => (await get("/v1/webhooks/url", of)).json();
    expect(await read(key)).toEqual({ url: null });
    expect(await (await put(key, own().url)).json()).toEqual({ url: "https://reseller.example/events" });
    expect([await read(key), await read(other)]).toEqual([
      { url: "https://reseller.example/events" },
      { url: null },
    ]);
    expect(await (await put(key, null)).json()).toEqual({ url: null });
    expect(await read(key)).toEqual({ url: null });
  });

  it.each([
    ["http://reseller.example", "invalid_url"],
    ["https://10.0.0.1/", "invalid_url"],
    ["https://numbers.example.com/", "invalid_url"],
    [`https://reseller.example/${"x".repeat(2_048)}`, "invalid_url"],
    [7, "invalid_field"],
  ])("refuses %s", async (url, code) => {
    const key = await createKey();
    const { details } = await expectError(await put(key, url), 400, code);
    expect(details.problems).toMatchObject([{ field: "url" }]);
    expect(await (await get("/v1/webhooks/url", key)).json()).toEqual({ url: null });
  });

  it("needs the field", async () => {
    await expectError(await call("PUT", "/v1/webhooks/url", await createKey(), {}), 400, "missing_field");
  });

  requiresApiKey("GET", "/v1/webhooks/url");
  requiresApiKey("PUT", "/v1/webhooks/url");
});

describe("the key's own URL", () => {
  it("serves agents without a webhook_url, at once", async () => {
    const customer = own();
    const imported = await haveImported();
    await called(imported);
    expect(await deliveries(imported.key)).toEqual([]);
    await put(imported.key, customer.url);
    await called(imported, `CA${"2".repeat(32)}`);
    expect(customer.events()).toMatchObject([{ event: "call.completed", agent_id: imported.agentId }]);
    expect(await deliveries(imported.key)).toMatchObject([
      { agent_id: imported.agentId, state: "delivered" },
    ]);
  });

  it("leaves an agent with a webhook_url its own events, and gets those of the key", async () => {
    const [customer, ofAgent] = [own(), startCustomer()];
    const imported = await haveImported({ webhook_url: ofAgent.url });
    await put(imported.key, customer.url);
    await called(imported, `CA${"3".repeat(32)}`);
    await crossAgents(imported.key);
    await vi.waitFor(() => expect(customer.events()).toHaveLength(1));
    expect(customer.events()).toMatchObject([{ event: "limit.near", agent_id: null, name: "max_agents" }]);
    expect(ofAgent.events().map(({ event }) => event)).toEqual(["number.imported", "call.completed"]);
    expect((await deliveries(imported.key))[0]).toMatchObject({ event: "limit.near", agent_id: null });
  });

  it("gets what is left of an agent that was deleted, and numbers of no agent", async () => {
    const customer = own();
    const imported = await haveImported({ webhook_url: startCustomer().url });
    holdDeliveries();
    await called(imported, `CA${"4".repeat(32)}`);
    await put(imported.key, customer.url);
    expect((await call("DELETE", `/v1/agents/${imported.agentId}?force=true`, imported.key)).status).toBe(
      200,
    );
    await deliverHeld();
    await call("DELETE", `/v1/phone-numbers/${imported.phoneNumber}`, imported.key);
    await vi.waitFor(() =>
      expect(customer.events().map(({ event }) => event)).toEqual(["call.completed", "number.released"]),
    );
    expect(customer.events()).toMatchObject([{ agent_id: imported.agentId }, { agent_id: null }]);
  });

  it("is one endpoint with one circuit, whoever's events it gets", async () => {
    let status = 500;
    const customer = startCustomer(() => new Response("", { status }), "https://reseller.example");
    const key = await createKey();
    await put(key, customer.url);
    const [without, withIt] = [await createAgent(key), await createAgent(key, { webhook_url: customer.url })];
    for (const agent_id of [without, withIt, without, withIt, undefined])
      await post("/v1/webhooks/test", { agent_id }, { key });
    await vi.waitFor(() => expect(customer.received).toHaveLength(5));
    await vi.waitFor(async () => expect(await outboxRows("circuits")).toHaveLength(1));
    await crossAgents(key);
    expect(customer.received).toHaveLength(5);
    status = 200;
    const [waiting] = await deliveries(key);
    expect(waiting).toMatchObject({ event: "limit.near", state: "pending", attempts: [] });
    await call("POST", `/v1/webhooks/deliveries/${waiting?.id}/redeliver`, key);
    await vi.waitFor(async () => expect((await deliveries(key))[0]).toMatchObject({ state: "delivered" }));
  });

  it("is tested without an agent", async () => {
    const customer = own();
    const key = await createKey();
    await expectError(await post("/v1/webhooks/test", {}, { key }), 400, "agent_has_no_webhook");
    await put(key, customer.url);
    const response = await post("/v1/webhooks/test", {}, { key });
    expect(await response.json()).toMatchObject({ delivery: { event: "webhook.test", agent_id: null } });
    expect(customer.events()).toMatchObject([{ event: "webhook.test", agent_id: null }]);
  });

  it("that is taken away leaves what waits failed, until there is one again", async () => {
    const customer = own();
    const key = await createKey();
    await put(key, customer.url);
    holdDeliveries();
    await post("/v1/webhooks/test", {}, { key });
    await put(key, null);
    await deliverHeld();
    const id = (await deliveries(key))[0]?.id;
    await vi.waitFor(async () =>
      expect(await deliveries(key)).toMatchObject([
        { state: "failed", attempts: [{ error: "no_webhook_url" }] },
      ]),
    );
    await put(key, customer.url);
    await call("POST", `/v1/webhooks/deliveries/${id}/redeliver`, key);
    await vi.waitFor(() => expect(customer.events()).toMatchObject([{ event_id: id }]));
  });
});

describe("an event of a key without a URL of its own", () => {
  it("goes to each different webhook_url of its agents, once", async () => {
    const [one, other] = [startCustomer(), startCustomer(undefined, "https://other.example")];
    const key = await createKey();
    for (const webhook_url of [one.url, one.url, other.url]) await createAgent(key, { webhook_url });
    await crossAgents(key);
    await vi.waitFor(() =>
      expect([one.events(), other.events()].map(({ length }) => length)).toEqual([1, 1]),
    );
    const events = [...one.events(), ...other.events()];
    expect(events).toMatchObject([{ event: "limit.near", agent_id: null }, { event: "limit.near" }]);
    const listed = await deliveries(key);
    expect(new Set(listed.map(({ id }) => id))).toEqual(new Set(events.map(({ event_id }) => event_id)));
    await call("POST", `/v1/webhooks/deliveries/${listed[0]?.id}/redeliver`, key);
    await vi.waitFor(() => expect([...one.events(), ...other.events()]).toHaveLength(3));
  });

  it("is one event to each, also if the outbox fails after it has taken it", async () => {
    const customer = startCustomer();
    const key = await createKey();
    await createAgent(key, { webhook_url: customer.url });
    breakOutboxes({ when: "after", methods: ["accept"] });
    await crossAgents(key);
    await vi.waitFor(async () => expect(await rows("pending_events")).toHaveLength(1));
    breakOutboxes(false);
    await runCron("*/15 * * * *");
    expect(await rows("pending_events")).toEqual([]);
    expect(await deliveries(key)).toHaveLength(1);
    await deliverHeld();
    expect(customer.events()).toMatchObject([{ event: "limit.near", agent_id: null }]);
  });

  it("is not kept if there is none at all", async () => {
    const imported = await haveImported();
    await crossAgents(imported.key);
    await called(imported, `CA${"5".repeat(32)}`);
    expect([await rows("pending_events"), await outboxRows()]).toEqual([[], []]);
  });
});

describe("limit.near of what a key has", () => {
  it("is told of agents, once each time that four fifths are reached", async () => {
    const customer = own();
    const key = await createKey();
    await put(key, customer.url);
    await limit(key, { max_agents: 5 });
    const told = () => customer.events().map(({ used }) => used);
    const agents: string[] = [];
    for (let count = 0; count < 5; count += 1) agents.push(await createAgent(key));
    await vi.waitFor(() => expect(told()).toEqual([4]));
    expect(customer.events()[0]).toMatchObject({ name: "max_agents", limit: 5, used: 4, resets_at: null });
    await expectError(await post("/v1/agents", { name: "Sixth" }, { key }), 403, "limit_reached");
    for (const agentId of agents.slice(0, 2)) await call("DELETE", `/v1/agents/${agentId}`, key);
    await createAgent(key);
    await vi.waitFor(() => expect(told()).toEqual([4, 4]));
  });

  it("is told once of agents that are made side by side", async () => {
    const customer = own();
    const key = await createKey();
    await put(key, customer.url);
    await limit(key, { max_agents: 10 });
    await Promise.all(Array.from({ length: 10 }, () => createAgent(key)));
    await vi.waitFor(() => expect(customer.events()).toMatchObject([{ used: 8, limit: 10 }]));
  });

  it("is told of numbers when they are imported", async () => {
    const customer = own();
    const key = await createKey();
    await put(key, customer.url);
    await limit(key, { max_numbers: 2 });
    const near = () => customer.events().filter(({ event }) => event === "limit.near");
    const importOne = async (phone_number: string) => {
      const { body } = await prepareImport({ phone_number }, key);
      return post("/v1/phone-numbers", body, { key });
    };
    expect((await importOne("+447446466847")).status).toBe(201);
    twilio.faults.add({
      effect: { kind: "respond", status: 400, body: '{"code":21402}' },
      operation: "update",
    });
    expect((await importOne("+447446466848")).status).toBe(422);
    expect(near()).toEqual([]);
    expect((await importOne("+447446466849")).status).toBe(201);
    await vi.waitFor(() => expect(near()).toMatchObject([{ name: "max_numbers", limit: 2, used: 2 }]));
  });
});
