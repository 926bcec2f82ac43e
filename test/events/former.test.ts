import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { createApiKey } from "../../src/api-keys/api-key.ts";
import { INSERT_API_KEY } from "../../src/api-keys/store.ts";
import { payloadSlot } from "../../src/events/event.ts";
import { FORMER_DEAD_LETTERS, FORMER_EVENTS, type QueueMessage } from "../../src/queues.ts";
import { createVault } from "../../src/vault/vault.ts";
import { deliverQueued, runCron } from "../support/consume.ts";
import { startCustomer } from "../support/customer.ts";
import { expectErrorLog, keepSecret } from "../support/logs.ts";
import { breakOutboxes, outboxRows } from "../support/outbox.ts";
import { enqueueIn } from "../support/queue.ts";
import { authorization, BASE, type Key, rows, send } from "../support/worker.ts";

// A deployment that comes from the version before event outboxes: a D1 of its migrations, with events in every state, and a
// queue that still holds messages.

const OUTBOXES = "0007_event_outboxes.sql";
const CRON = "*/15 * * * *";
const vault = createVault(env.TOKEN_ENCRYPTION_KEYS);

let key: Key;

/** Every table goes, and those of the version before are made anew, as they were then. */
beforeEach(async () => {
  const tables = await env.DB.prepare(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '_cf%'",
  ).all<{ name: string }>();
  await env.DB.batch([
    env.DB.prepare("PRAGMA defer_foreign_keys = on"),
    ...tables.results.map(({ name }) => env.DB.prepare(`DROP TABLE ${name}`)),
  ]);
  await applyD1Migrations(
    env.DB,
    env.MIGRATIONS.filter(({ name }) => name < OUTBOXES),
  );
});

/** Migrates, as `npm run deploy` does before the new version answers. */
async function upgrade(): Promise<void> {
  await applyD1Migrations(env.DB, env.MIGRATIONS);
}

/** As that version did it: its table of keys has fewer columns. */
async function createFormerKey(): Promise<Key> {
  const { keyId, keySecret, row } = await createApiKey("former", new Date());
  keepSecret(keySecret);
  await env.DB.prepare(INSERT_API_KEY).bind(row.id, row.secret_hash, row.name, row.created_at).run();
  return { key_id: keyId, key_secret: keySecret };
}

async function haveFormer(url: string, events: Record<string, { state: string; attempts?: number }>) {
  key = await createFormerKey();
  const agent = "agent_0123456789abcdef";
  const time = (day: number) => new Date(Date.now() - day * 86_400_000).toISOString();
  const statements = [
    env.DB.prepare(
      `INSERT INTO agents (id, api_key_id, name, language, is_active, webhook_url, created_at, updated_at)
       VALUES (?1, ?2, 'x', 'en', 1, ?3, ?4, ?4)`,
    ).bind(agent, key.key_id, url, time(9)),
    env.DB.prepare(
      "INSERT INTO twilio_receipts (key, received_at) VALUES ('num_1/call/CA1/started', ?1)",
    ).bind(time(1)),
  ];
  for (const [index, [id, { state, attempts = 0 }]] of Object.entries(events).entries()) {
    const payload = await vault.seal(
      JSON.stringify({ event: "webhook.test", event_id: id }),
      payloadSlot(id),
    );
    const next = state === "pending" ? time(-1) : null;
    statements.push(
      env.DB.prepare(
        `INSERT INTO events (id, api_key_id, agent_id, type, payload_sealed, state, attempts_left, next_attempt_at,
           created_at, updated_at) VALUES (?1, ?2, ?3, 'webhook.test', ?4, ?5, ?6, ?7, ?8, ?8)`,
      ).bind(id, key.key_id, agent, payload, state, 5 - attempts, next, time(5 - index)),
      ...Array.from({ length: attempts }, (_, number) =>
        env.DB.prepare(
          `INSERT INTO event_attempts (event_id, attempted_at, http_status, error, duration_ms)
           VALUES (?1, ?2, 500, 'http_error', 7)`,
        ).bind(id, time(5 - index - number / 100)),
      ),
    );
  }
  await env.DB.batch(statements);
  return agent;
}

const EVENTS = {
  evt_00000000000000000000000000000001: { state: "delivered", attempts: 1 },
  evt_00000000000000000000000000000002: { state: "failed", attempts: 5 },
  evt_00000000000000000000000000000003: { state: "pending", attempts: 2 },
  evt_00000000000000000000000000000004: { state: "pending" },
};
const [DELIVERED, FAILED, RETRIED, FRESH] = Object.keys(EVENTS) as [string, string, string, string];

type Delivery = { id: string; state: string; attempts: { http_status: number; duration_ms: number }[] };
async function list(): Promise<Delivery[]> {
  const request = new Request(`${BASE}/v1/webhooks/deliveries`, { headers: authorization(key) });
  return (await (await send(request)).json<{ deliveries: Delivery[] }>()).deliveries;
}

describe("events of the version before", () => {
  it("are moved into the outbox with all that became of them, and what was pending is delivered", async () => {
    const customer = startCustomer();
    await haveFormer(customer.url, EVENTS);
    await upgrade();
    await runCron(CRON);
    expect(customer.events().map(({ event_id }) => event_id)).toEqual([RETRIED, FRESH]);
    const deliveries = await list();
    expect(deliveries.map(({ id, state }) => [id, state])).toEqual([
      [FRESH, "delivered"],
      [RETRIED, "delivered"],
      [FAILED, "failed"],
      [DELIVERED, "delivered"],
    ]);
    expect(deliveries.map(({ attempts }) => attempts.length)).toEqual([1, 3, 5, 1]);
    expect(deliveries[2]?.attempts[0]).toMatchObject({ http_status: 500, duration_ms: 7 });
    expect([await rows("events"), await rows("event_attempts")]).toEqual([[], []]);
    await runCron(CRON);
    expect(await rows("twilio_receipts")).toEqual([]);
    expect(customer.received).toHaveLength(2);
  });

  it("stay in D1 until their outbox has them, and are there once, however often a run breaks off", async () => {
    expectErrorLog("job_failed");
    const customer = startCustomer();
    await haveFormer(customer.url, EVENTS);
    await upgrade();
    breakOutboxes({ methods: ["adopt"] });
    await expect(runCron(CRON)).rejects.toThrow("move_former_events");
    expect(await rows("events")).toHaveLength(4);
    breakOutboxes({ methods: ["adopt"], when: "after", times: 2 });
    await expect(runCron(CRON)).rejects.toThrow("move_former_events");
    breakOutboxes(false);
    await runCron(CRON);
    expect(await outboxRows()).toHaveLength(4);
    expect(await rows("events")).toEqual([]);
  });
});

describe("messages of the version before", () => {
  it("bring their event to its outbox at once", async () => {
    const customer = startCustomer();
    await haveFormer(customer.url, EVENTS);
    await upgrade();
    enqueueIn(FORMER_EVENTS, { kind: "deliver", eventId: FRESH }, { kind: "deliver", eventId: "evt_gone" });
    expect((await deliverQueued(FORMER_EVENTS)).acked).toHaveLength(2);
    expect(customer.events().map(({ event_id }) => event_id)).toEqual([FRESH]);
    expect(await rows("events")).toHaveLength(3);
  });

  it.each([FORMER_EVENTS, FORMER_DEAD_LETTERS])(
    "that hold what nothing else does are told, from %s, and wait while their outbox does not answer",
    async (queue) => {
      const customer = startCustomer();
      const agentId = await haveFormer(customer.url, {});
      await upgrade();
      const id = `evt_${"5".repeat(32)}`;
      const payloadSealed = await vault.seal(JSON.stringify({ event_id: id }), payloadSlot(id));
      const rest = { apiKeyId: key.key_id, agentId, type: "sms.received", payloadSealed } as const;
      const event = { id, ...rest, createdAt: new Date().toISOString() };
      const message: QueueMessage = { kind: "record", told: { receiptKey: "num_1/message/SM1", event } };
      breakOutboxes();
      enqueueIn(queue, message);
      expect((await deliverQueued(queue)).retried).toMatchObject([{ delaySeconds: 60 }]);
      breakOutboxes(false);
      enqueueIn(queue, message, message);
      expect((await deliverQueued(queue)).acked).toHaveLength(2);
      expect(customer.events()).toEqual([{ event_id: id }]);
      expect(await outboxRows()).toMatchObject([{ lane: "num_1" }]);
    },
  );
});
