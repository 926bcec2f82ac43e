import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { EVENTS_DEAD_LETTERS } from "../../src/queues.ts";
import { haveImported } from "../support/answering.ts";
import { deliverQueued, runCron } from "../support/consume.ts";
import { startCustomer } from "../support/customer.ts";
import { watchedDatabase } from "../support/database.ts";
import { expectErrorLog, keepSecret, logLines } from "../support/logs.ts";
import { breakQueue, enqueue, queued, takeQueued } from "../support/queue.ts";
import { get, type Key, post, rows } from "../support/worker.ts";

type Answer = Parameters<typeof startCustomer>[0];

/** A number whose import is told to a customer who answers like this; the event waits in the queue. */
async function haveEvent(answer?: Answer) {
  const customer = startCustomer(answer);
  const imported = await haveImported({ webhook_url: customer.url });
  const [message] = queued();
  if (message?.kind !== "deliver") throw new Error("no event in the queue");
  return { customer, imported, message, eventId: message.eventId };
}

type Delivery = {
  id: string;
  event: string;
  state: string;
  next_attempt_at: string | null;
  attempts: unknown[];
};

async function deliveries(key: Key, query = ""): Promise<Delivery[]> {
  const response = await get(`/v1/webhooks/deliveries${query}`, key);
  return (await response.json<{ deliveries: Delivery[] }>()).deliveries;
}

/** Makes the next attempt of every pending event due, as the passing of time would. */
const becomeDue = () =>
  env.DB.prepare(
    "UPDATE events SET next_attempt_at = '2020-01-01T00:00:00.000Z' WHERE state = 'pending'",
  ).run();

describe("an event", () => {
  it("is posted as JSON, signed with the key's own secret", async () => {
    const { customer, imported, eventId } = await haveEvent();
    const created = await post("/v1/webhooks/secret", "", {
      key: imported.key,
      headers: { "content-type": "" },
    });
    const { webhook_secret } = await created.json<{ webhook_secret: string }>();
    keepSecret(webhook_secret);
    const { acked } = await deliverQueued();
    expect(acked).toHaveLength(1);
    expect(customer.events()).toEqual([
      {
        event: "number.imported",
        event_id: eventId,
        created_at: expect.any(String),
        agent_id: imported.agentId,
        phone_number: imported.phoneNumber,
        twilio_number_sid: expect.stringMatching(/^PN/),
      },
    ]);
    const [request] = customer.received;
    expect(request?.headers.get("content-type")).toBe("application/json");
    expect(request?.headers.get("x-nixflex-signature")).toMatch(/^t=\d{10},v1=[0-9a-f]{64}$/);
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
    await deliverQueued();
    expect(customer.received[0]?.headers.get("x-nixflex-signature")).toMatch(/v1=[0-9a-f]{64}$/);
    expect(await rows("webhook_secrets")).toHaveLength(1);
  });

  it("is delivered once, though its message comes twice", async () => {
    const { customer, message } = await haveEvent();
    await deliverQueued();
    enqueue(message);
    expect((await deliverQueued()).acked).toHaveLength(1);
    expect(customer.received).toHaveLength(1);
  });

  it("goes to where the agent points at the time of the attempt", async () => {
    await haveEvent();
    const moved = startCustomer(undefined, "https://moved.example");
    await env.DB.prepare("UPDATE agents SET webhook_url = ?1").bind(moved.url).run();
    await deliverQueued();
    expect(moved.received).toHaveLength(1);
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
    const { retried } = await deliverQueued();
    expect(retried.map(({ delaySeconds }) => delaySeconds)).toEqual([60]);
    const [delivery] = await deliveries(imported.key);
    expect(delivery).toMatchObject({ state: "pending", attempts: [{ error, http_status }] });
    const dueIn = Date.parse(delivery?.next_attempt_at ?? "") - Date.now();
    expect(dueIn).toBeGreaterThan(50_000);
    expect(dueIn).toBeLessThanOrEqual(60_000);
  });

  it("by never answering is given up after the deadline", async () => {
    const { imported } = await haveEvent(
      (request) =>
        new Promise((_, reject) => {
          request.signal.addEventListener("abort", () => reject(new Error("aborted")));
        }),
    );
    const { retried } = await deliverQueued(undefined, { WEBHOOK_TIMEOUT_MS: "20" });
    expect(retried).toHaveLength(1);
    expect(await deliveries(imported.key)).toMatchObject([
      { attempts: [{ error: "timeout", http_status: null }] },
    ]);
  });

  it.each([400, 401, 404, 410])("with %i is final", async (status) => {
    const { imported } = await haveEvent(() => new Response("", { status }));
    expect((await deliverQueued()).acked).toHaveLength(1);
    expect(await deliveries(imported.key, "?state=failed")).toMatchObject([
      { attempts: [{ http_status: status }] },
    ]);
  });

  it("five times goes to the dead letters, each attempt recorded", async () => {
    const { customer, imported, message } = await haveEvent(() => new Response("", { status: 503 }));
    const delays: number[] = [];
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      await becomeDue();
      if (attempt > 1) enqueue(message);
      const { retried } = await deliverQueued(undefined, {}, attempt);
      delays.push(...retried.map(({ delaySeconds }) => delaySeconds));
    }
    // The last "retry" is the one by which the queue hands it over.
    expect(delays).toEqual([60, 300, 840, 3_300, 0]);
    expect(customer.received).toHaveLength(5);
    const [delivery] = await deliveries(imported.key, "?state=failed");
    expect(delivery?.attempts).toHaveLength(5);

    enqueue(message);
    expect((await deliverQueued(EVENTS_DEAD_LETTERS)).acked).toHaveLength(1);
    expect(logLines()).toContainEqual(expect.objectContaining({ event: "event_dead_lettered" }));
    expect(customer.received).toHaveLength(5);
  });

  it("because there is nowhere to send it is final, and says why", async () => {
    const { imported } = await haveEvent();
    await env.DB.prepare("UPDATE agents SET webhook_url = NULL").run();
    await deliverQueued();
    expect(await deliveries(imported.key)).toMatchObject([
      { state: "failed", attempts: [{ error: "no_webhook_url", http_status: null }] },
    ]);
  });

  it("because the URL is not one to send to is final: no request is made", async () => {
    const { imported } = await haveEvent();
    await env.DB.prepare("UPDATE agents SET webhook_url = 'https://169.254.169.254/'").run();
    await deliverQueued();
    expect(await deliveries(imported.key)).toMatchObject([{ attempts: [{ error: "unsafe_webhook_url" }] }]);
  });

  it("because it cannot be opened is final, and an error line says so", async () => {
    expectErrorLog("event_unreadable");
    const { imported } = await haveEvent();
    await env.DB.prepare("UPDATE events SET payload_sealed = 'v1.gone.AAAA.AAAA'").run();
    await deliverQueued();
    expect(await deliveries(imported.key)).toMatchObject([{ attempts: [{ error: "unreadable" }] }]);
  });

  it("does not hold up the others in its batch", async () => {
    const { customer } = await haveEvent(
      ({ url }) => new Response("", { status: url.endsWith("x") ? 500 : 200 }),
    );
    await haveImported({ webhook_url: `${customer.url}?x` }).catch(() => undefined);
    const { acked, retried } = await deliverQueued();
    expect(acked.length + retried.length).toBeGreaterThan(0);
    expect(acked).toHaveLength(1);
  });
});

describe("an attempt that is overtaken", () => {
  it("by a redelivery decides nothing any more", async () => {
    const { imported, eventId } = await haveEvent(async () => {
      await post(`/v1/webhooks/deliveries/${eventId}/redeliver`, undefined, { key: imported.key });
      return new Response("", { status: 400 });
    });
    await env.DB.prepare("UPDATE events SET attempts_left = 1").run();
    await deliverQueued();
    expect(await deliveries(imported.key)).toMatchObject([
      { state: "pending", attempts: [{ http_status: 400 }] },
    ]);
    expect(queued()).toHaveLength(1);
  });
});

describe("where D1 fails while delivering", () => {
  it("everything is tried again, and what was not recorded is delivered again: at least once", async () => {
    const { customer, message } = await haveEvent();
    const down = watchedDatabase({ trip: 1, when: "before" });
    expect((await deliverQueued(undefined, { DB: down.DB })).retried).toHaveLength(1);
    expect(customer.received).toHaveLength(0);
    // The secret is made at the second trip; the attempt is recorded at the third.
    enqueue(message);
    const deaf = watchedDatabase({ trip: 3, when: "before" });
    expect((await deliverQueued(undefined, { DB: deaf.DB })).retried).toHaveLength(1);
    enqueue(message);
    expect((await deliverQueued()).acked).toHaveLength(1);
    expect(customer.received).toHaveLength(2);
    expect(new Set(customer.events().map(({ event_id }) => event_id)).size).toBe(1);
  });
});

describe("the cron", () => {
  it("sends what the queue did not take, once it is overdue", async () => {
    const customer = startCustomer();
    breakQueue();
    await haveImported({ webhook_url: customer.url });
    breakQueue(false);
    await runCron("* * * * *");
    expect(queued()).toEqual([]);
    await becomeDue();
    await runCron("* * * * *");
    expect(queued()).toHaveLength(1);
    await runCron("* * * * *");
    expect(queued()).toHaveLength(1);
    await deliverQueued();
    expect(customer.received).toHaveLength(1);
  });

  it("says so where the queue is still down, and tries again", async () => {
    expectErrorLog("job_failed");
    breakQueue();
    await haveImported({ webhook_url: startCustomer().url });
    await becomeDue();
    await expect(runCron("* * * * *")).rejects.toThrow("send_overdue_events");
    breakQueue(false);
    await runCron("* * * * *");
    expect(queued()).toHaveLength(1);
  });

  it("clears what is kept no longer, and nothing else", async () => {
    // These rows hold nothing that could be sealed anew.
    expectErrorLog("not_resealed");
    const { imported } = await haveEvent();
    await deliverQueued();
    await haveOld(imported.key.key_id);
    await runCron("*/15 * * * *");
    expect((await rows<{ key: string }>("twilio_receipts")).map(({ key }) => key)).toEqual(["young"]);
    const kept = (await rows<{ id: string }>("events")).map(({ id }) => id);
    expect(kept).toHaveLength(3);
    expect(kept).toEqual(expect.arrayContaining(["evt_young", "evt_old_pending"]));
    expect(await rows("event_attempts")).toHaveLength(1);
  });

  async function haveOld(apiKeyId: string): Promise<void> {
    const ago = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();
    const receipt = "INSERT INTO twilio_receipts (key, received_at) VALUES (?1, ?2)";
    const event = `INSERT INTO events (id, api_key_id, agent_id, type, payload_sealed, state, attempts_left, created_at,
      updated_at) VALUES (?1, ?2, 'agent_x', 'webhook.test', '', ?3, 0, ?4, ?4)`;
    await env.DB.batch([
      env.DB.prepare(receipt).bind("young", ago(6)),
      env.DB.prepare(receipt).bind("old", ago(8)),
      env.DB.prepare(event).bind("evt_young", apiKeyId, "failed", ago(29)),
      env.DB.prepare(event).bind("evt_old", apiKeyId, "failed", ago(31)),
      env.DB.prepare(event).bind("evt_old_pending", apiKeyId, "pending", ago(31)),
      env.DB.prepare(
        "INSERT INTO event_attempts (event_id, attempted_at, duration_ms) VALUES ('evt_old', '2020', 1)",
      ),
    ]);
  }

  it("has a job for every trigger, and refuses any other", async () => {
    await expect(runCron("0 0 * * *")).rejects.toThrow(/no job for the cron trigger/);
  });
});

describe("the queue", () => {
  it("refuses a batch of a queue that is not ours", async () => {
    enqueue({ kind: "deliver", eventId: "evt_x" });
    await expect(deliverQueued("another-queue")).rejects.toThrow(/no consumer for the queue/);
  });

  it("acknowledges a message whose event is gone", async () => {
    enqueue({ kind: "deliver", eventId: "evt_gone" });
    expect((await deliverQueued()).acked).toHaveLength(1);
  });

  it("keeps for a day what only a dead letter holds, where D1 stays down", async () => {
    expectErrorLog("dead_letter_postponed");
    const { message } = await haveEvent();
    takeQueued();
    enqueue({ kind: "record", told: { receiptKey: "k", event: {} as never } }, message);
    const { DB } = watchedDatabase({ trip: 1, when: "before", times: 10 });
    const { acked, retried } = await deliverQueued(EVENTS_DEAD_LETTERS, { DB });
    expect(acked).toHaveLength(1);
    expect(retried.map(({ delaySeconds }) => delaySeconds)).toEqual([900]);
  });
});
