import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { readConfig } from "../../../src/config.ts";
import { sealEvent } from "../../../src/events/event.ts";
import { createOutbox } from "../../../src/events/outbox/client.ts";
import { forgetOld } from "../../../src/events/outbox/retention.ts";
import type { EventOutbox } from "../../../src/index.ts";
import { createObjects } from "../../../src/objects.ts";
import { createVault } from "../../../src/vault/vault.ts";
import { haveImported, type Imported, tell } from "../../support/answering.ts";
import { startCustomer } from "../../support/customer.ts";
import { expectLine, logLines } from "../../support/logs.ts";
import { rowsRead } from "../../support/objects.ts";
import {
  deliverHeld,
  holdDeliveries,
  outboxes,
  outboxRows,
  restartOutboxes,
  rowsWritten,
  runAlarms,
  watchedOutboxes,
  withStorage,
} from "../../support/outbox.ts";
import { createAgent, createKey, expectError, get, type Key, post } from "../../support/worker.ts";

type Page = {
  deliveries: { id: string; state: string; attempts: { error: string | null }[] }[];
  count: number;
};
const list = async (key: Key, query = "") => (await get(`/v1/webhooks/deliveries${query}`, key)).json<Page>();

const outbox = createOutbox(createObjects({ ...env, EVENT_OUTBOX: watchedOutboxes }, readConfig(env)));

function sealed(key: Key, agentId: string) {
  const draft = { type: "call.started", apiKeyId: key.key_id, agentId, number: null, data: {} } as const;
  return sealEvent(draft, createVault(env.TOKEN_ENCRYPTION_KEYS), new Date());
}

/** News of the agent, brought by somebody who makes no attempt. @returns what there is to attempt */
async function accept(key: Key, agentId: string, lane?: string) {
  const event = await sealed(key, agentId);
  const handed = await outbox.accept(key.key_id, [{ ...event, lane: lane ?? event.id }]);
  return handed.flatMap(({ works }) => works);
}

let sid = 0;
const text = (imported: Imported) => {
  sid += 1;
  return tell(imported, "sms", { MessageSid: `SM${sid}`, Body: String(sid) });
};
const words = (events: Record<string, unknown>[]) => events.map(({ text: body }) => body);

async function at(ms: number, work: () => Promise<unknown>): Promise<void> {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
  try {
    await work();
  } finally {
    vi.useRealTimers();
  }
}
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

describe("the events of one number", () => {
  it("are delivered one after the other, in the order in which they came", async () => {
    const customer = startCustomer();
    const imported = await haveImported({ webhook_url: customer.url });
    holdDeliveries();
    customer.received.length = 0;
    for (let event = 0; event < 20; event += 1) await text(imported);
    await deliverHeld();
    const got = words(customer.events()).map(Number);
    expect(got).toHaveLength(20);
    expect(got).toEqual([...got].sort((a, b) => a - b));
  });

  it("do not wait for one that has to be tried again", async () => {
    const customer = startCustomer(
      async (request) =>
        new Response("", { status: (await request.text()).includes("call.started") ? 500 : 200 }),
    );
    const imported = await haveImported({ webhook_url: customer.url });
    await tell(imported, "voice", { CallSid: "CA1", CallStatus: "ringing" });
    await tell(imported, "status", { CallSid: "CA1", CallStatus: "completed" });
    expect((await list(imported.key)).deliveries.map(({ state }) => state)).toEqual([
      "delivered",
      "pending",
      "delivered",
    ]);
  });
});

describe("a webhook URL that keeps failing", () => {
  /** An agent with a URL that fails until it is mended, and one event that made it open its circuit. */
  async function haveBroken() {
    let status = 503;
    const customer = startCustomer(() => new Response("", { status }));
    const key = await createKey();
    const agentId = await createAgent(key, { webhook_url: customer.url });
    const send = (agent_id = agentId) => post("/v1/webhooks/test", { agent_id }, { key });
    for (let event = 0; event < 5; event += 1) await send();
    expect(logLines()).toContainEqual(expect.objectContaining({ event: "circuit_opened", failures: 5 }));
    customer.received.length = 0;
    return { customer, key, agentId, send, mend: () => (status = 200) };
  }

  it("gets no further attempt while its circuit is open; others of the key go on", async () => {
    const { customer, key, agentId } = await haveBroken();
    expect(await accept(key, agentId)).toEqual([]);
    expect(customer.received).toEqual([]);
    const fine = startCustomer(undefined, "https://fine.example");
    await post("/v1/webhooks/test", { agent_id: await createAgent(key, { webhook_url: fine.url }) }, { key });
    expect(fine.received).toHaveLength(1);
    expect(await list(key, "?state=pending")).toMatchObject({ count: 6 });
  });

  it("keeps its circuit over a restart", async () => {
    const { customer, key, agentId } = await haveBroken();
    await restartOutboxes();
    expect(await accept(key, agentId)).toEqual([]);
    expect(customer.received).toEqual([]);
  });

  it("gets one attempt when its circuit is half-open, and all that waits once that succeeds", async () => {
    const { customer, mend } = await haveBroken();
    await at(MINUTE + 1, runAlarms);
    expect(customer.received).toHaveLength(1);
    mend();
    await at(7 * MINUTE, runAlarms);
    expect(customer.received).toHaveLength(6);
    expect(await outboxRows("circuits")).toEqual([]);
  });

  it("is tried at once for an owner who asks for it, and what was put off follows if that succeeds", async () => {
    const { customer, mend, send, key, agentId } = await haveBroken();
    await accept(key, agentId);
    await send();
    expect(customer.received).toHaveLength(1);
    mend();
    await send();
    expect(customer.events().map(({ event }) => event)).toContain("call.started");
    expect(await outboxRows("circuits")).toEqual([]);
  });

  it("loses what waited for longer than five attempts take, and says why", async () => {
    const { key, agentId } = await haveBroken();
    await accept(key, agentId);
    for (const minutes of [2, 8, 23, 38, 53, 68, 83, 98, 113, 170, 230])
      await at(minutes * MINUTE, runAlarms);
    expect(await list(key, "?state=pending")).toMatchObject({ count: 0 });
    const failed = (await list(key, "?state=failed")).deliveries;
    expect(failed).toHaveLength(6);
    expect(failed.map(({ attempts }) => attempts.at(-1)?.error)).toContain("circuit_open");
  });
});

describe("customers", () => {
  it("do not wait for each other: one that hangs holds up nobody", async () => {
    const hanging = startCustomer(() => new Promise(() => undefined), "https://hanging.example");
    const [one, other] = [await createKey(), await createKey()];
    const black = await createAgent(one, { webhook_url: hanging.url });
    const works = await Promise.all(Array.from({ length: 60 }, () => accept(one, black)));
    expect(works.flat()).toHaveLength(40);
    const customer = startCustomer();
    const fine = await createAgent(other, { webhook_url: customer.url });
    await post("/v1/webhooks/test", { agent_id: fine }, { key: other });
    expect(customer.received).toHaveLength(1);
    // Not even its own customer's other agents do.
    const nearby = await createAgent(one, { webhook_url: customer.url });
    await post("/v1/webhooks/test", { agent_id: nearby }, { key: one });
    expect(customer.received).toHaveLength(2);
  });

  it("have outboxes whose names say nothing of them", async () => {
    const key = await createKey();
    await post(
      "/v1/webhooks/test",
      { agent_id: await createAgent(key, { webhook_url: startCustomer().url }) },
      { key },
    );
    expect(outboxes()[0]?.name).toMatch(/^[0-9a-f]{64}$/);
    expect(outboxes()[0]?.name).not.toContain(key.key_id.slice(4));
  });

  it("leave nothing behind where there never was an event", async () => {
    const key = await createKey();
    expect(await list(key)).toMatchObject({ deliveries: [], count: 0 });
    await runInDurableObject(outboxes()[0] as never, (_, { storage }) => {
      expect(
        storage.sql.exec("SELECT COUNT(*) AS tables FROM sqlite_master WHERE name = 'events'").one(),
      ).toEqual({
        tables: 0,
      });
    });
  });
});

describe("what an event costs", () => {
  it.each([null, "branch-17"])(
    "is three rows, its end included, and a share of the alarms: %s",
    async (external_id) => {
      const imported = await haveImported({ webhook_url: startCustomer().url }, {}, { external_id });
      await at(MINUTE, runAlarms);
      const call2 = async () => {
        await tell(imported, "voice", { CallSid: "CA1", CallStatus: "ringing" });
        await tell(imported, "status", { CallSid: "CA1", CallStatus: "completed" });
      };
      // Two events: a row each to take in and one to settle; one alarm watches over both, and one is set in the end.
      expect(
        await rowsWritten(async () => {
          await call2();
          await runAlarms();
        }),
      ).toBe(6);
      // One row each when they are forgotten, the number's import with them, and one for the outbox itself.
      expect(await rowsWritten(() => at(31 * DAY, runAlarms))).toBe(4);
    },
  );
});

describe("an outbox", () => {
  it("forgets what is old and settled, by itself, and then itself", async () => {
    const imported = await haveImported({ webhook_url: startCustomer().url });
    await runAlarms();
    await at(29 * DAY, runAlarms);
    expect(await outboxRows()).toHaveLength(1);
    await at(30 * DAY + MINUTE, runAlarms);
    expect(await outboxRows()).toEqual([]);
    expect(await outboxRows("settings")).toEqual([]);
    expect(await runAlarms()).toBe(0);
    await text(imported);
    expect(await list(imported.key)).toMatchObject({ count: 1 });
  });

  it("keeps a delivered event for 30 days, and its body for a week", async () => {
    let status = 200;
    const customer = startCustomer(() => new Response(null, { status }));
    const imported = await haveImported({ webhook_url: customer.url });
    for (const _ of [1, 2]) await text(imported);
    status = 410;
    await text(imported);
    const before = await list(imported.key);
    expect(before.deliveries.map(({ state }) => state)).toEqual([
      "failed",
      "delivered",
      "delivered",
      "delivered",
    ]);
    const redeliver = (index: number) =>
      post(`/v1/webhooks/deliveries/${before.deliveries[index]?.id}/redeliver`, {}, { key: imported.key });
    await at(9 * DAY, runAlarms);
    // Two delivered texts are one row, without what they said; what failed, and the number's own, can go out again.
    expect(await outboxRows()).toHaveLength(2);
    expect((await outboxRows("delivered")).map(({ count }) => count)).toEqual([2]);
    expect(await list(imported.key)).toEqual(before);
    expect(await list(imported.key, "?state=delivered&limit=1&offset=1")).toMatchObject({
      count: 3,
      deliveries: [before.deliveries[2]],
    });
    await expectError(await redeliver(1), 404, "delivery_not_found");
    status = 200;
    expect((await redeliver(0)).status).toBe(200);
    await at(32 * DAY, runAlarms);
    expect(await outboxRows("delivered")).toEqual([]);
  });

  it("takes in what comes twice once: at once, after a restart, and an hour later from D1", async () => {
    const key = await createKey();
    const agentId = await createAgent(key, { webhook_url: startCustomer().url });
    const event = await sealed(key, agentId);
    holdDeliveries();
    const take = async () => {
      await outbox.accept(key.key_id, [event]);
      return (await outboxRows()).length;
    };
    expect([await take(), await take()]).toEqual([1, 1]);
    await restartOutboxes();
    expect(await take()).toBe(1);
    await at(60 * MINUTE, async () => expect(await take()).toBe(1));
    await restartOutboxes();
    await at(60 * MINUTE, async () => expect(await take()).toBe(1));
  });

  it("makes room while it takes in, and says so", async () => {
    const imported = await haveImported({ webhook_url: startCustomer().url });
    await text(imported);
    for (const stub of outboxes())
      await runInDurableObject(stub as never, (_, { storage: { sql } }) => {
        Object.defineProperty(sql, "databaseSize", { value: 8_000_000_001 });
      });
    await at(MINUTE, () => text(imported));
    expect(await list(imported.key)).toMatchObject({ count: 1 });
    expectLine("log_shortened", { key_id: imported.key.key_id });
    await restartOutboxes();
  });

  it("reads neither every event to find a failed one, nor any twice to count them", async () => {
    let status = 400;
    const customer = startCustomer(() => new Response("", { status }));
    const imported = await haveImported({ webhook_url: customer.url });
    const { key } = imported;
    status = 200;
    await text(imported);
    const [delivered, failed] = (await list(key)).deliveries;
    expect([delivered?.state, failed?.state]).toEqual(["delivered", "failed"]);
    await withStorage((sql) => {
      const names = sql.exec("SELECT * FROM events LIMIT 0").columnNames;
      const values = names.map((name) =>
        name === "seq" ? "? + n" : name === "id" ? "printf('evt_%032d', n)" : name,
      );
      const [{ seq } = { seq: 0 }] = sql
        .exec<{ seq: number }>("SELECT MAX(seq) AS seq FROM events")
        .toArray();
      sql.exec(
        `WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 3000)
         INSERT INTO events SELECT ${values} FROM events JOIN n WHERE id = ?`,
        seq,
        delivered?.id,
      );
      sql.exec("UPDATE settings SET watermark = ?", seq + 3_000);
    });
    await restartOutboxes();
    const [stub] = outboxes();
    if (!stub) throw new Error("no outbox was used");
    const page = (filter = {}) =>
      rowsRead(stub, (object: EventOutbox) => object.list(filter, { limit: 25, offset: 0 }));
    expect(await list(key)).toMatchObject({ count: 3_002 });
    expect(await page()).toBeLessThan(200);
    expect(await page({ state: "delivered" })).toBeLessThan(200);
    const id = delivered?.id ?? "";
    expect(await list(key, "?state=delivered")).toMatchObject({ count: 3_001 });
    // Only what was delivered is looked for among all, and once.
    expect(await page({ id })).toBeLessThan(2 * 3_002);
    expect(await rowsRead(stub, (object: EventOutbox) => object.redeliver(failed?.id ?? ""))).toBeLessThan(
      50,
    );
    expect(await rowsRead(stub, (object: EventOutbox) => object.redeliver(id))).toBeLessThan(2 * 3_002);
    await at(9 * DAY, async () => {
      for (let rounds = 0; rounds < 10; rounds += 1) await runAlarms();
    });
    expect(await outboxRows("delivered")).not.toEqual([]);
    expect(await list(key)).toMatchObject({ count: 3_002 });
  });

  it("forgets nothing that is still to be delivered", async () => {
    holdDeliveries();
    await haveImported({ webhook_url: startCustomer().url });
    await withStorage((sql, storage) => {
      forgetOld(storage, Date.now() + 40 * DAY);
      expect(sql.exec("SELECT COUNT(*) AS count FROM events").one()).toEqual({ count: 1 });
    });
  });

  it("forgets the oldest before their time when it is nearly full", async () => {
    await haveImported({ webhook_url: startCustomer().url });
    await withStorage((_, storage) => {
      expect(forgetOld(storage, Date.now())).not.toBeNull();
      expect(forgetOld(storage, Date.now() + 1, 1)).toBeNull();
    });
  });

  it("finds what was never attempted after a restart, and after many events only behind its watermark", async () => {
    const customer = startCustomer();
    const key = await createKey();
    const agentId = await createAgent(key, { webhook_url: customer.url });
    const works = await Promise.all(Array.from({ length: 40 }, () => accept(key, agentId)));
    for (let settled = 0; settled < 100; settled += 1) {
      const work = works.flat()[settled] ?? (await accept(key, agentId))[0];
      if (!work) throw new Error("nothing to attempt");
      const attempt = { attemptedAt: new Date(), durationMs: 1, httpStatus: 200 };
      await outbox.report(key.key_id, 0, { ...work, attempt }, 0);
    }
    const [{ watermark = 0 } = {}] = await outboxRows<{ watermark: number }>("settings");
    const rows = await outboxRows<{ seq: number }>();
    expect(watermark).toBe(Math.max(...rows.map(({ seq }) => seq)));
    await accept(key, agentId);
    await deliverHeld();
    expect(customer.received).toHaveLength(1);
  });

  it("attempts at once what waits when whoever reports has no room for more", async () => {
    const customer = startCustomer();
    const key = await createKey();
    const agentId = await createAgent(key, { webhook_url: customer.url });
    const [work] = await accept(key, agentId, "lane");
    expect(await accept(key, agentId, "lane")).toEqual([]);
    if (!work) throw new Error("nothing to attempt");
    const attempt = { attemptedAt: new Date(), durationMs: 1, httpStatus: 200 };
    expect(await outbox.report(key.key_id, 0, { ...work, attempt }, 0)).toEqual([]);
    // The runtime's own clock rings its alarm; the one that watches over attempts is minutes away.
    await vi.waitFor(() => expect(customer.received).toHaveLength(1), { timeout: 10_000 });
  });

  it("lists and counts by state what is fresh, what waits, what failed and what is done", async () => {
    const answers = [200, 200, 400, 500];
    startCustomer(() => new Response("", { status: answers.shift() ?? 200 }));
    const key = await createKey();
    const agentId = await createAgent(key, { webhook_url: "https://customer.example/events" });
    for (let event = 0; event < 4; event += 1)
      await post("/v1/webhooks/test", { agent_id: agentId }, { key });
    await accept(key, agentId);
    const counts = await Promise.all(
      ["", "?state=delivered", "?state=failed", "?state=pending"].map(async (query) => {
        const { count, deliveries } = await list(key, query);
        expect(deliveries).toHaveLength(count);
        return count;
      }),
    );
    expect(counts).toEqual([5, 2, 1, 2]);
  });
});
