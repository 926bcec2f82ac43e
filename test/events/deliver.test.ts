import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { payloadSlot } from "../../src/events/event.ts";
import { createVault } from "../../src/vault/vault.ts";
import { haveImported, tell } from "../support/answering.ts";
import { runCron } from "../support/consume.ts";
import { startCustomer } from "../support/customer.ts";
import { watchedDatabase } from "../support/database.ts";
import { expectErrorLog, keepSecret, logLines } from "../support/logs.ts";
import {
  becomeDue,
  breakOutboxes,
  deliverHeld,
  holdDeliveries,
  outboxes,
  outboxRows,
  restartOutboxes,
  runAlarms,
  withBindings,
  withStorage,
} from "../support/outbox.ts";
import { get, type Key, post, rows } from "../support/worker.ts";

type Answer = Parameters<typeof startCustomer>[0];

/** A number whose import is told to a customer who answers like this. */
async function haveEvent(answer?: Answer) {
  const customer = startCustomer(answer);
  const imported = await haveImported({ webhook_url: customer.url });
  const [event] = await outboxRows<{ id: string }>();
  return { customer, imported, eventId: event?.id ?? "" };
}

type Delivery = {
  id: string;
  event: string;
  state: string;
  next_attempt_at: string | null;
  attempts: { error: string | null }[];
};

async function deliveries(key: Key, query = ""): Promise<Delivery[]> {
  const response = await get(`/v1/webhooks/deliveries${query}`, key);
  return (await response.json<{ deliveries: Delivery[] }>()).deliveries;
}

const text = (id: string) => ({ MessageSid: id, Body: "Hi" });

describe("an event", () => {
  it("is posted as JSON, signed with the key's own secret", async () => {
    holdDeliveries();
    const { customer, imported, eventId } = await haveEvent();
    const created = await post("/v1/webhooks/secret", undefined, { key: imported.key });
    const { webhook_secret } = await created.json<{ webhook_secret: string }>();
    keepSecret(webhook_secret);
    await deliverHeld();
    expect(customer.events()).toEqual([
      {
        event: "number.imported",
        event_id: eventId,
        created_at: expect.any(String),
        agent_id: imported.agentId,
        phone_number: imported.phoneNumber,
        external_id: null,
        label: null,
        metadata: null,
        twilio_number_sid: expect.stringMatching(/^PN/),
      },
    ]);
    const [request] = customer.received;
    expect(request?.headers.get("content-type")).toBe("application/json");
    expect(request?.headers.get("x-nixflex-signature")).toMatch(/^t=\d{10},v1=[0-9a-f]{64}$/);
    expect(request?.headers.get("webhook-id")).toBe(eventId);
    expect(await customer.signedBy(webhook_secret)).toBe(1);
    expect(await deliveries(imported.key)).toEqual([
      expect.objectContaining({
        id: eventId,
        event: "number.imported",
        state: "delivered",
        next_attempt_at: null,
        attempts: [
          {
            attempted_at: expect.any(String),
            http_status: 200,
            error: null,
            duration_ms: expect.any(Number),
          },
        ],
      }),
    ]);
  });

  it("is signed even where no secret was asked for yet", async () => {
    const { customer } = await haveEvent();
    expect(customer.received[0]?.headers.get("x-nixflex-signature")).toMatch(/v1=[0-9a-f]{64}$/);
    expect(await rows("webhook_secrets")).toHaveLength(1);
  });

  it("goes to where the agent points at the time of the attempt", async () => {
    holdDeliveries();
    await haveEvent();
    const moved = startCustomer(undefined, "https://moved.example");
    await env.DB.prepare("UPDATE agents SET webhook_url = ?1").bind(moved.url).run();
    await deliverHeld();
    expect(moved.received).toHaveLength(1);
  });

  it("waits in D1 if its outbox does not answer, and is told by the cron", async () => {
    breakOutboxes();
    const { customer } = await haveEvent();
    expect(await rows("pending_events")).toMatchObject([{ type: "number.imported" }]);
    breakOutboxes(false);
    await runCron("*/15 * * * *");
    expect(await rows("pending_events")).toEqual([]);
    expect(customer.received).toHaveLength(1);
  });

  it("come in their order, though an outbox fails only at the first hundred of them", async () => {
    const { customer, imported } = await haveEvent();
    const time = (index: number) => new Date(Date.parse("2026-01-31T12:00:00Z") + index).toISOString();
    const events = Array.from({ length: 150 }, (_, index) => index);
    await env.DB.batch(
      await Promise.all(
        events.map(async (index) => {
          const id = `evt_${String(index).padStart(32, "0")}`;
          const payload = await createVault(env.TOKEN_ENCRYPTION_KEYS).seal(
            `{"index":${index}}`,
            payloadSlot(id),
          );
          return env.DB.prepare(
            `INSERT INTO pending_events (id, api_key_id, agent_id, lane, type, payload_sealed, created_at)
             VALUES (?1, ?2, ?3, 'lane', 'webhook.test', ?4, ?5)`,
          ).bind(id, imported.key.key_id, imported.agentId, payload, time(index));
        }),
      ),
    );
    customer.received.length = 0;
    // The call and its repetition.
    breakOutboxes({ methods: ["accept"], times: 2 });
    await runCron("*/15 * * * *");
    expect(customer.events()).toEqual([]);
    await runCron("*/15 * * * *");
    await runAlarms();
    const came = customer.events().map(({ index }) => Number(index));
    expect(came).toEqual(events.slice(0, came.length));
    expect(await rows("pending_events")).toEqual([]);
  });
});

describe("a delivery that fails", () => {
  it.each<[string, Answer, string, number | null]>([
    ["500", () => new Response("", { status: 500 }), "http_error", 500],
    ["429", () => new Response("", { status: 429 }), "http_error", 429],
    ["408", () => new Response("", { status: 408 }), "http_error", 408],
    [
      "a redirect, which is not followed",
      () => new Response("", { status: 302, headers: { location: "https://elsewhere.example/" } }),
      "http_error",
      302,
    ],
    ["no connection", () => Promise.reject(new TypeError("refused")), "network_error", null],
  ])("%s: is tried again after a minute", async (_, answer, error, http_status) => {
    const { imported } = await haveEvent(answer);
    const [delivery] = await deliveries(imported.key);
    expect(delivery).toMatchObject({ state: "pending", attempts: [{ error, http_status }] });
    const dueIn = Date.parse(delivery?.next_attempt_at ?? "") - Date.now();
    expect(dueIn).toBeGreaterThan(50_000);
    expect(dueIn).toBeLessThanOrEqual(60_000);
  });

  it("by never answering is given up after the deadline", async () => {
    let hangs = false;
    const { imported } = await haveEvent((request) => {
      if (!hangs) return new Response("");
      return new Promise((_, reject) => {
        request.signal.addEventListener("abort", () => reject(new Error("aborted")));
      });
    });
    hangs = true;
    await tell(imported, "sms", text("SM1"), { env: { WEBHOOK_TIMEOUT_MS: "20" } });
    expect((await deliveries(imported.key))[0]).toMatchObject({
      attempts: [{ error: "timeout", http_status: null }],
    });
  });

  it.each([400, 401, 404, 410])("with %i is final", async (status) => {
    const { imported } = await haveEvent(() => new Response("", { status }));
    expect(await deliveries(imported.key, "?state=failed")).toMatchObject([
      { attempts: [{ http_status: status }] },
    ]);
  });

  it("five times has failed, each attempt recorded", async () => {
    const { customer, imported } = await haveEvent(() => new Response("", { status: 503 }));
    for (let attempt = 2; attempt <= 6; attempt += 1) await becomeDue();
    expect(customer.received).toHaveLength(5);
    const [delivery] = await deliveries(imported.key, "?state=failed");
    expect(delivery?.attempts).toHaveLength(5);
    expect(delivery?.next_attempt_at).toBeNull();
  });

  it("because there is nowhere to send it is final, and says why", async () => {
    holdDeliveries();
    const { imported } = await haveEvent();
    await env.DB.prepare("UPDATE agents SET webhook_url = NULL").run();
    await deliverHeld();
    expect(await deliveries(imported.key)).toMatchObject([
      { state: "failed", attempts: [{ error: "no_webhook_url", http_status: null }] },
    ]);
  });

  it("because the URL is not one to send to is final: no request is made", async () => {
    holdDeliveries();
    const { imported } = await haveEvent();
    await env.DB.prepare("UPDATE agents SET webhook_url = 'https://169.254.169.254/'").run();
    await deliverHeld();
    expect(await deliveries(imported.key)).toMatchObject([{ attempts: [{ error: "unsafe_webhook_url" }] }]);
  });

  it("because it cannot be opened is final, and an error line says so", async () => {
    expectErrorLog("event_unreadable");
    holdDeliveries();
    const { imported } = await haveEvent();
    await withStorage((sql) => sql.exec("UPDATE events SET payload_sealed = 'v1.gone.AAAA.AAAA'"));
    await deliverHeld();
    expect(await deliveries(imported.key)).toMatchObject([{ attempts: [{ error: "unreadable" }] }]);
  });
});

describe("an attempt that is overtaken", () => {
  it("by a redelivery decides nothing any more, and the event is attempted anew", async () => {
    const redeliver = async (id: string) =>
      post(`/v1/webhooks/deliveries/${id}/redeliver`, undefined, { key: imported.key });
    let isFirst = true;
    const { customer, imported } = await haveEvent(async (request) => {
      const { event, event_id } = await request.json<{ event: string; event_id: string }>();
      if (event !== "sms.received" || !isFirst) return new Response("");
      isFirst = false;
      expect((await redeliver(event_id)).status).toBe(200);
      return new Response("", { status: 400 });
    });
    await tell(imported, "sms", text("SM1"));
    expect(customer.received).toHaveLength(3);
    expect((await deliveries(imported.key))[0]).toMatchObject({
      state: "delivered",
      attempts: [{ http_status: 400 }, { http_status: 200 }],
    });
  });
});

describe("nothing acknowledged is lost", () => {
  it("where whoever brought the event dies before its attempt", async () => {
    const { customer, imported } = await haveEvent();
    holdDeliveries();
    await tell(imported, "sms", text("SM1"));
    expect(customer.received).toHaveLength(1);
    holdDeliveries(false);
    // Its lease is over before the alarm comes.
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 300_000 });
    try {
      expect(await runAlarms()).toBe(1);
    } finally {
      vi.useRealTimers();
    }
    expect(logLines()).toContainEqual(expect.objectContaining({ event: "attempt_lost" }));
    expect(customer.received).toHaveLength(2);
  });

  it("where the outbox dies before the attempt", async () => {
    const { customer, imported } = await haveEvent();
    holdDeliveries();
    await tell(imported, "sms", text("SM1"));
    await deliverHeld();
    expect(customer.received).toHaveLength(2);
  });

  it("where the outbox dies while the attempt is under way: its report counts", async () => {
    let dies = false;
    const { customer, imported } = await haveEvent(async () => {
      if (dies) await restartOutboxes();
      return new Response("");
    });
    dies = true;
    await tell(imported, "sms", text("SM1"));
    expect(logLines().filter(({ level }) => level !== "info")).toEqual([]);
    await runAlarms();
    expect(customer.received).toHaveLength(2);
    expect(await deliveries(imported.key, "?state=delivered")).toHaveLength(2);
  });

  it("where the report of an attempt is lost: it is made again, under the same id", async () => {
    const { customer, imported } = await haveEvent();
    breakOutboxes({ methods: ["report"] });
    await tell(imported, "sms", text("SM1"));
    expect(logLines()).toContainEqual(expect.objectContaining({ event: "attempt_not_reported" }));
    breakOutboxes(false);
    await deliverHeld();
    const ids = customer.events().map(({ event_id }) => event_id);
    expect(ids).toHaveLength(3);
    expect(new Set(ids).size).toBe(2);
  });

  it("where only the answer to a report is lost: it is written down once", async () => {
    const { imported } = await haveEvent();
    breakOutboxes({ methods: ["report"], when: "after", times: 1 });
    await tell(imported, "sms", text("SM1"));
    expect((await deliveries(imported.key))[0]?.attempts).toHaveLength(1);
  });

  it("where the alarm comes twice: the event is delivered once", async () => {
    holdDeliveries();
    const { customer } = await haveEvent();
    holdDeliveries(false);
    await restartOutboxes();
    const [outbox] = outboxes();
    if (!outbox) throw new Error("no outbox");
    await runInDurableObject(outbox, async (instance) => {
      await Promise.all([instance.alarm?.(), instance.alarm?.()]);
    });
    await runAlarms();
    expect(customer.received).toHaveLength(1);
  });

  it("where D1 does not say where events go: they wait for it", async () => {
    holdDeliveries();
    const { customer } = await haveEvent();
    holdDeliveries(false);
    await restartOutboxes();
    await withBindings(watchedDatabase({ trip: 1, when: "before", times: 9 }), async () => {
      await runAlarms();
    });
    expect(customer.received).toHaveLength(0);
    expect(logLines()).toContainEqual(expect.objectContaining({ event: "endpoints_not_read" }));
    expect(await runAlarms()).toBe(1);
    expect(customer.received).toHaveLength(1);
  });

  it("where D1 cannot give the secret: no attempt counts", async () => {
    holdDeliveries();
    const { customer, imported } = await haveEvent();
    holdDeliveries(false);
    await restartOutboxes();
    await withBindings(watchedDatabase({ trip: 2, when: "before", times: 9 }), async () => {
      await runAlarms();
    });
    expect(logLines()).toContainEqual(expect.objectContaining({ event: "event_postponed" }));
    expect(await deliveries(imported.key)).toMatchObject([{ state: "pending", attempts: [] }]);
    // `withBindings` has restarted it.
    expect(await runAlarms()).toBe(1);
    expect(customer.received).toHaveLength(1);
  });
});
