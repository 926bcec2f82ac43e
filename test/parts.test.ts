import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { readConfig } from "../src/config.ts";
import type { EventOutbox } from "../src/index.ts";
import { createLoad } from "../src/load.ts";
import { type List, mergePage } from "../src/merge-page.ts";
import { createObjects } from "../src/objects.ts";
import { allParts, forgetSplits, PART_COUNTS, partOf } from "../src/parts.ts";
import { haveImported, type Imported, tell } from "./support/answering.ts";
import { runCron } from "./support/consume.ts";
import { startCustomer } from "./support/customer.ts";
import { logLines } from "./support/logs.ts";
import { countedObjects, rowsRead } from "./support/objects.ts";
import {
  breakOutboxes,
  deliverHeld,
  holdDeliveries,
  outboxCalls,
  outboxRows,
  restartOutboxes,
} from "./support/outbox.ts";
import { twilio } from "./support/twilio.ts";
import { BASE, call, expectError, get, type Key, rows, send } from "./support/worker.ts";

const objects = createObjects(env, readConfig(env));
const CALLER = "+15005550006";
const ADMIN = { authorization: `Bearer ${env.ADMIN_TOKEN}`, "content-type": "application/json" };

const sid = (kind: "CA" | "SM", index: number) => `${kind}${index.toString(16).padStart(32, "0")}`;

function grow({ key }: Pick<Imported, "key">, fields: object): Promise<Response> {
  const body = JSON.stringify(fields);
  return send(new Request(`${BASE}/v1/keys/${key.key_id}`, { method: "PATCH", headers: ADMIN, body }));
}

/** Twilio tells of a call. */
async function told(imported: Imported, index: number, status: string): Promise<void> {
  const about = { CallSid: sid("CA", index), From: CALLER, To: imported.phoneNumber, Direction: "inbound" };
  const path = status === "ringing" ? "voice" : "status";
  const length = status === "completed" ? { CallDuration: "60" } : {};
  const response = await tell(imported, path, { ...about, CallStatus: status, ...length });
  expect(response.status).toBeLessThan(300);
}

async function texted(imported: Imported, index: number): Promise<void> {
  const about = {
    MessageSid: sid("SM", index),
    From: CALLER,
    To: imported.phoneNumber,
    Body: `text ${index}`,
  };
  expect((await tell(imported, "sms", about)).status).toBe(200);
}

type Page = { calls: { call_id: string }[]; deliveries: { id: string }[]; count: number };
const page = async (key: Key, path: string) => (await get(path, key)).json() as Promise<Page>;

/** How many calls each part has, the key's first object before them. */
const callsByPart = ({ key }: Imported, parts: number) =>
  Promise.all(
    allParts("call_log", parts).map(async (part) =>
      runInDurableObject(
        await objects.callLog(key.key_id, part),
        (_, { storage: { sql } }) => sql.exec("SELECT * FROM calls").toArray().length,
      ),
    ),
  );

const eventsIn = async ({ key }: Imported, part: number) =>
  runInDurableObject(
    await objects.outbox(key.key_id, part),
    (_, { storage: { sql } }) => sql.exec("SELECT * FROM events").toArray().length,
  );

/** Copies the oldest row of a table. */
const copyOf = (sql: SqlStorage, table: string, key: string) => {
  const names = sql.exec(`SELECT name FROM pragma_table_info('${table}')`).toArray();
  const values = names.map(({ name }) =>
    name === "seq" ? "seq + nth" : name === key ? `substr(${key}, 1, 24) || printf('%010d', nth)` : `${name}`,
  );
  return `INSERT INTO ${table} SELECT ${values} FROM (SELECT * FROM ${table} WHERE seq = (SELECT MIN(seq) FROM ${table})), (SELECT value AS nth FROM json_each(?))`;
};

// What an isolate knows of a split is nothing that any other knows.
beforeEach(forgetSplits);

describe("which part has what", () => {
  it("is one until there are more, and then each has its share", () => {
    const ids = Array.from({ length: 4_000 }, (_, index) => sid("CA", index * 7));
    expect(new Set(ids.map((id) => partOf("call_log", id, 1)))).toEqual(new Set([0]));
    for (const kind of ["call_log", "outbox"] as const)
      for (const parts of PART_COUNTS.slice(1)) {
        const shares = Map.groupBy(ids, (id) => partOf(kind, id, parts));
        expect(allParts(kind, parts)).toEqual(expect.arrayContaining([...shares.keys()]));
        expect(shares.size).toBe(parts);
        if (parts <= 16)
          for (const share of shares.values()) expect(share.length).toBeGreaterThan(2_800 / parts);
      }
  });

  it("is named by the key and the part", async () => {
    const names = [await objects.callLog("nxf_1"), await objects.callLog("nxf_1", 1)];
    expect(names[0]?.id.equals(names[1]?.id as DurableObjectId)).toBe(false);
  });
});

describe("a page of several lists", () => {
  type Row = { seq: number };
  let asked = 0;
  let sent = 0;
  let counted = 0;
  let isFiltered = false;
  const start = (of = false) => {
    [asked, sent, counted, isFiltered] = [0, 0, 0, of];
  };
  const listOf = (seqs: number[]): List<Row> => {
    const sorted = seqs.toSorted((one, other) => other - one).map((seq) => ({ seq }));
    return {
      list: async ({ limit, offset }, upTo = 10_001) => {
        asked += 1;
        const found = sorted.slice(offset, offset + limit);
        sent += found.length;
        counted += Math.min(upTo, sorted.length);
        return { rows: found, count: isFiltered ? Math.min(upTo, sorted.length) : sorted.length };
      },
      placesAt: async (offsets) => {
        asked += 1;
        return offsets.map((offset) => sorted[offset]?.seq ?? null);
      },
      countBefore: async (seq) => {
        asked += 1;
        return sorted.filter((row) => row.seq > seq).length;
      },
    };
  };
  const random = (length: number, from: number) =>
    Array.from({ length }, (_, index) => from + ((index * 48_271) % 65_537));
  const even = Array.from({ length: 8 }, (_, list) => random(2_000, list));
  // Those of the first object are older than all others, and some parts have hardly any.
  const grown = [random(9_000, -70_000), ...Array.from({ length: 4 }, (_, list) => random(list * 300, list))];

  it.each([
    ["even shares", even],
    ["an old part before new ones", grown],
    ["nothing", [[], []]],
    ["equal places", [random(300, 0), random(300, 0)]],
  ])("is that of one list: %s", async (_, lists) => {
    const all = lists.flat().toSorted((one, other) => other - one);
    for (const offset of [0, 1, 99, 101, 1_000, 1_801, 5_000, 10_799, 12_000, 40_000, 1_000_000]) {
      start();
      const merged = await mergePage(lists.map(listOf), { limit: 25, offset });
      expect(merged.rows.map(({ seq }) => seq)).toEqual(all.slice(offset, offset + 25));
      expect(merged.count).toBe(all.length);
      // However deep it is, neither many requests nor many rows.
      expect(asked).toBeLessThanOrEqual(lists.length * 20);
      expect(sent).toBeLessThanOrEqual(lists.length * 126);
    }
  });

  it("is whole also while calls come in", async () => {
    const all = Array.from({ length: 8 }, (_, list) => random(1_000, list));
    let newest = 1e9;
    for (let offset = 101; offset < 7_900; offset += 13) {
      const lists = all.map((seqs): List<Row> => {
        const come = [...seqs];
        return {
          ...listOf([]),
          list: (asked) => listOf(come).list(asked),
          placesAt: (offsets) => listOf(come).placesAt(offsets),
          countBefore: (seq) => {
            come.push(newest++, newest++);
            return listOf(come).countBefore(seq);
          },
        };
      });
      const { rows } = await mergePage(lists, { limit: 25, offset });
      expect([offset, new Set(rows.map(({ seq }) => seq)).size]).toEqual([offset, 25]);
    }
  });

  it.each(PART_COUNTS.slice(1))("takes little more than its share of each of %i parts", async (parts) => {
    // In the parts where their calls would be.
    const calls = Array.from({ length: 2_000 }, (_, index) => index);
    for (let from = 0; from < 10; from += 1) {
      const shares = Map.groupBy(calls, (index) =>
        partOf("call_log", sid("CA", from * 2_000 + index), parts),
      );
      const lists = [[], ...shares.values()].map(listOf);
      for (const limit of [25, 100]) {
        start();
        const { rows } = await mergePage(lists, { limit, offset: 0 });
        expect(rows.map(({ seq }) => seq)).toEqual(calls.toReversed().slice(0, limit));
        // The first object, which is empty, and now and then one that is asked for more.
        expect(asked).toBeLessThanOrEqual(parts * 1.25 + 2);
        expect(sent).toBeLessThanOrEqual(3 * (limit + parts));
      }
    }
  });

  it.each([
    ["many", 5_000, 10_001],
    ["just so many", 1_250, 10_000],
    ["one more", 1_251, 10_001],
    ["few", 300, 2_400],
  ])("counts what matches a filter as far as anybody is told: %s", async (_, each, count) => {
    const lists = Array.from({ length: 8 }, (_, list) => listOf(random(each, list)));
    start(true);
    const merged = await mergePage(lists, { limit: 25, offset: 0 });
    expect(Math.min(merged.count, 10_001)).toBe(count);
    expect(counted).toBeLessThan(1.2 * 10_001);
    start(true);
    // All of them are in one part.
    expect((await mergePage([listOf(random(each * 8, 0)), listOf([])], { limit: 25, offset: 0 })).count).toBe(
      Math.min(each * 8, 10_001),
    );
  });
});

describe("a key with four parts", () => {
  it("has its calls in them, which are listed, counted, found, reported and deleted as if they were in one", async () => {
    const imported = await haveImported({ connect: { type: "stream", url: "wss://agent.example/call" } });
    const { key } = imported;
    expect((await grow(imported, { call_log_parts: 4 })).status).toBe(200);
    for (let index = 0; index < 12; index += 1) {
      await told(imported, index, "ringing");
      await texted(imported, index);
      if (index < 9) await told(imported, index, "completed");
    }
    const shares = await callsByPart(imported, 4);
    expect(shares[0]).toBe(0);
    expect(shares.filter((share) => share > 0).length).toBeGreaterThan(2);
    const whole = await page(key, "/v1/calls?limit=100");
    expect(whole.calls.map(({ call_id }) => call_id)).toEqual(
      Array.from({ length: 12 }, (_, index) => sid("CA", 11 - index)),
    );
    const [first, second] = [
      await page(key, "/v1/calls?limit=5"),
      await page(key, "/v1/calls?limit=7&offset=5"),
    ];
    expect([...first.calls, ...second.calls]).toEqual(whole.calls);
    expect([whole.count, first.count, second.count]).toEqual([12, 12, 12]);
    expect(await page(key, "/v1/calls?status=in-progress")).toMatchObject({ count: 3 });
    const usage = await (await get("/v1/usage", key)).json();
    expect(usage).toMatchObject({
      calls: { inbound: 12, outbound: 0, minutes: 9 },
      sms: { received: 12, sent: 0 },
    });
    const path = `/v1/calls/${sid("CA", 3)}`;
    const outcome = { summary: "Booked.", transcript: [{ role: "caller", text: "Hello?" }] };
    expect((await call("POST", `${path}/outcome`, key, outcome)).status).toBe(200);
    expect(await (await get(path, key)).json()).toMatchObject({ status: "completed", summary: "Booked." });
    await expectError(await get(`/v1/calls/${sid("CA", 99)}`, key), 404, "call_not_found");
    expect((await call("DELETE", path, key)).status).toBe(200);
    await told(imported, 3, "completed");
    await expectError(await get(path, key), 404, "call_not_found");
    expect(await page(key, "/v1/calls")).toMatchObject({ count: 11 });
    await send(new Request(`${BASE}/v1/keys/${key.key_id}/calls`, { method: "DELETE", headers: ADMIN }));
    expect(await page(key, "/v1/calls")).toMatchObject({ count: 0 });
  });

  it("places calls through its first object, which counts how many run", async () => {
    const imported = await haveImported({ welcome_message: "Hello." });
    const { key, agentId } = imported;
    const limits = { concurrent_call_limit: 1, calls_per_second: 100, allowed_countries: ["*"] };
    await grow(imported, { call_log_parts: 4, limits });
    // Two days after, nobody asks the first object for calls.
    vi.useFakeTimers({ now: Date.now() + 2 * 86_400_000, toFake: ["Date"] });
    const place = () => call("POST", "/v1/calls", key, { agent_id: agentId, to_number: "+15005550009" });
    const placed = (await (await place()).json()) as { call_id: string };
    await expectError(await place(), 429, "concurrent_call_limit");
    await twilio.dial();
    expect(await (await get(`/v1/calls/${placed.call_id}`, key)).json()).toMatchObject({
      status: "completed",
      direction: "outbound",
    });
    expect((await place()).status).toBe(201);
    expect((await callsByPart(imported, 4))[0]).toBe(0);
    const usage = (await (await get("/v1/usage", key)).json()) as { limits: object };
    expect(usage.limits).toMatchObject({ calls_per_day: { used: 2 } });
  });
});

describe("sealing anew", () => {
  it("walks all parts of a key", async () => {
    const imported = await haveImported();
    await grow(imported, { call_log_parts: 4, outbox_parts: 2 });
    forgetSplits();
    const asked = new Set<string>();
    const watch = (namespace: object) =>
      new Proxy(namespace, {
        get:
          (target, name) =>
          (object: string, ...more: unknown[]) => {
            asked.add(object);
            return Reflect.apply(Reflect.get(target, name) as never, target, [object, ...more] as never);
          },
      });
    await runCron("*/15 * * * *", {
      EVENT_OUTBOX: watch(env.EVENT_OUTBOX),
      CALL_LOG: watch(env.CALL_LOG),
    } as never);
    expect(asked.size).toBe(2 + 1 + 4);
  });
});

describe("a part that fills", () => {
  it("is told once a day, and shown in usage before it is full", async () => {
    const imported = await haveImported();
    const customer = startCustomer();
    await call("PUT", "/v1/webhooks/url", imported.key, { url: customer.url });
    const warnings = () => logLines().filter(({ event }) => event === "part_filling");
    await told(imported, 1, "ringing");
    expect(warnings()).toEqual([]);
    const fill = (stub: DurableObjectStub) =>
      runInDurableObject(stub, (_, { storage: { sql } }) => {
        Object.defineProperty(sql, "databaseSize", { value: 3_400_000_000 });
      });
    await fill(await objects.callLog(imported.key.key_id));
    await fill(await objects.outbox(imported.key.key_id));
    for (const index of [1, 2, 3]) await told(imported, index, "completed");
    const about = { key_id: imported.key.key_id, part: 0, parts: 1, filled: 0.34 };
    expect(warnings()).toMatchObject([
      { object: "call_log", ...about },
      { object: "outbox", ...about },
    ]);
    expect(await (await get("/v1/usage", imported.key)).json()).toMatchObject({ log_filled: 0.34 });
  });

  it("is busy with twenty thousand requests in a minute", () => {
    vi.useFakeTimers({ now: 1_800_000_000_000 });
    const load = createLoad("outbox");
    const place = { apiKeyId: "nxf_1", part: 3, parts: 4 };
    const warnings = () => logLines().filter(({ event }) => event === "part_filling").length;
    for (let minute = 0; minute < 3; minute += 1) {
      load.note(place, 1_000, 15_000);
      vi.advanceTimersByTime(60_000);
    }
    expect(warnings()).toBe(0);
    load.note(place, 1_000, 15_000);
    for (let again = 0; again < 3; again += 1) load.note(place, 1_000, 6_000);
    expect(warnings()).toBe(1);
    vi.advanceTimersByTime(25 * 60 * 60_000);
    load.note(place, 1_000, 21_000);
    expect(warnings()).toBe(2);
  });
});

describe("ten million calls a day of one key, at four times the mean", () => {
  const CALLS = 10_000_000;
  const PEAK = 4 / 86_400;
  const KEPT_DAYS = 30;

  /** Bytes of a row with its indexes: what an object grows by for so many more like those that it has. */
  const bytesEach = (stub: DurableObjectStub, copy: string) =>
    runInDurableObject(stub, (_, { storage: { sql } }) => {
      const times = (from: number) =>
        JSON.stringify(Array.from({ length: 4_000 }, (_, index) => from + index));
      sql.exec(copy, times(1));
      const before = sql.databaseSize;
      sql.exec(copy, times(4_001));
      return (sql.databaseSize - before) / 4_000;
    });

  it("leaves each of 256 parts under 200 requests a second and 8 GB", async () => {
    const customer = startCustomer();
    const imported = await haveImported({ webhook_url: customer.url });
    const trips: string[] = [];
    const counted = countedObjects(trips);
    const eventsBefore = outboxCalls();
    const about = {
      CallSid: `CA${"f".repeat(32)}`,
      From: CALLER,
      To: imported.phoneNumber,
      Direction: "inbound",
    };
    await tell(imported, "voice", { ...about, CallStatus: "ringing" }, { env: counted });
    const end = { ...about, CallStatus: "completed", CallDuration: "42" };
    await tell(imported, "status", end, { env: counted });
    const [log, outbox] = [
      await objects.callLog(imported.key.key_id),
      await objects.outbox(imported.key.key_id),
    ];
    const perCall = { call_log: trips.length, outbox: outboxCalls() - eventsBefore };
    // One to write, and for an event one to report.
    expect(perCall).toEqual({ call_log: 2, outbox: 4 });
    const talk = "x".repeat(3_700);
    await runInDurableObject(log, (_, { storage: { sql } }) =>
      sql.exec("INSERT INTO talks (seq, transcript_sealed) SELECT seq, ? FROM calls", talk),
    );
    const copy = async (stub: DurableObjectStub, table: string, key: string) =>
      bytesEach(stub, await runInDurableObject(stub, (_, { storage: { sql } }) => copyOf(sql, table, key)));
    const callBytes = (await copy(log, "calls", "call_id")) + (await copy(log, "talks", ""));
    const eventBytes = await copy(outbox, "events", "id");
    // A hundredth of the day: 100,000 calls of 20,000 numbers.
    const share = (
      kind: "call_log" | "outbox",
      ids: number,
      id: (index: number) => string,
      parts: number,
    ) => {
      const counts = new Map<number, number>();
      for (let index = 0; index < ids; index += 1) {
        const part = partOf(kind, id(index), parts);
        counts.set(part, (counts.get(part) ?? 0) + 1);
      }
      return Math.max(...counts.values()) / ids;
    };
    const largest = {
      call_log: share("call_log", 100_000, (index) => sid("CA", index * 977), 256),
      outbox: share("outbox", 20_000, (index) => `num_${(index * 977).toString(16).padStart(48, "0")}`, 256),
    };
    const load = {
      call_log: {
        perSecond: CALLS * PEAK * perCall.call_log * largest.call_log,
        gigabytes: (CALLS * KEPT_DAYS * callBytes * largest.call_log) / 1e9,
      },
      outbox: {
        perSecond: CALLS * PEAK * perCall.outbox * largest.outbox,
        gigabytes: (CALLS * 2 * KEPT_DAYS * eventBytes * largest.outbox) / 1e9,
      },
    };
    for (const { perSecond, gigabytes } of Object.values(load)) {
      expect(perSecond).toBeLessThan(200);
      expect(gigabytes).toBeLessThan(8);
    }
  });
});

describe("growth while calls run and events wait", () => {
  const events = (customer: ReturnType<typeof startCustomer>) =>
    customer.events().map(({ text, event }) => text ?? event);

  it("ends each call where it began, whoever has heard of it", async () => {
    const imported = await haveImported();
    for (let index = 0; index < 6; index += 1) await told(imported, index, "ringing");
    await texted(imported, 90);
    for (const parts of [2, 8]) await grow(imported, { call_log_parts: parts });
    for (let index = 0; index < 6; index += 1) {
      // Another isolate, or one that has not read the key's row since.
      if (index % 2) forgetSplits();
      await told(imported, index, "completed");
      await told(imported, index + 10, "ringing");
      await texted(imported, index);
      await texted(imported, index);
    }
    await texted(imported, 90);
    const [before, ...shares] = await callsByPart(imported, 8);
    expect(before).toBe(6);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBe(6);
    expect(await page(imported.key, "/v1/calls?status=completed")).toMatchObject({ count: 6 });
    expect(await page(imported.key, "/v1/calls")).toMatchObject({ count: 12 });
    expect((await get(`/v1/calls/${sid("CA", 2)}`, imported.key)).status).toBe(200);
    const usage = await (await get("/v1/usage", imported.key)).json();
    expect(usage).toMatchObject({ calls: { inbound: 12 }, sms: { received: 7 } });
  });

  it("keeps the order of a number's events, through restarts and for whoever has not heard of it", async () => {
    const customer = startCustomer();
    const imported = await haveImported({ webhook_url: customer.url });
    holdDeliveries();
    for (let index = 0; index < 3; index += 1) await texted(imported, index);
    await grow(imported, { outbox_parts: 4 });
    for (let index = 3; index < 9; index += 1) {
      if (index % 2) forgetSplits();
      if (index % 3 === 0) await restartOutboxes();
      await texted(imported, index);
      // Twilio repeats itself.
      await texted(imported, 1);
    }
    // What waits keeps its number.
    expect(await eventsIn(imported, 0)).toBe(10);
    await deliverHeld();
    const texts = Array.from({ length: 9 }, (_, index) => `text ${index}`);
    expect(events(customer)).toEqual(["number.imported", ...texts]);
    // Nothing waits any more, so the number leaves for its own part.
    await restartOutboxes();
    for (let index = 9; index < 12; index += 1) await texted(imported, index);
    await texted(imported, 2);
    expect(events(customer).slice(10)).toEqual(["text 9", "text 10", "text 11"]);
    const list = await page(imported.key, "/v1/webhooks/deliveries?limit=5");
    expect(list).toMatchObject({ count: 13, deliveries: [{}, {}, {}, {}, {}] });
    const [settings] = [await outboxRows<{ parts: number }>("settings")];
    expect(new Set(settings.map(({ parts }) => parts))).toEqual(new Set([4]));
  });

  it("sends an event on without reading what is there", async () => {
    const imported = await haveImported({ webhook_url: startCustomer().url });
    const { key } = imported;
    await texted(imported, 1);
    const part = await objects.outbox(key.key_id);
    await runInDurableObject(part, (_, { storage: { sql } }) => {
      const many = JSON.stringify(Array.from({ length: 2_000 }, (_, index) => -1 - index));
      sql.exec(copyOf(sql, "events", "id"), many);
    });
    await restartOutboxes();
    const lane = ["num_1", "num_2", "num_3", "num_4"].find((id) => partOf("outbox", id, 2) !== 0) ?? "";
    const about = {
      apiKeyId: key.key_id,
      agentId: "",
      lane,
      externalId: null,
      type: "sms.received",
    } as const;
    const createdAt = new Date().toISOString();
    const event = { ...about, id: `evt_${"e".repeat(32)}`, actor: null, createdAt, payloadSealed: "" };
    const place = { apiKeyId: key.key_id, part: 0, parts: 2 };
    const bring = async (object: EventOutbox) => {
      const { moved } = await object.accept(key.key_id, [event], false, place);
      expect(moved).toEqual({ parts: 2, ids: [event.id] });
    };
    // The first one finds out what waits.
    await rowsRead(part, bring);
    expect(await rowsRead(part, bring)).toBeLessThan(10);
  });

  it("may be interrupted, and done again", async () => {
    const customer = startCustomer();
    const imported = await haveImported({ webhook_url: customer.url });
    breakOutboxes({ methods: ["accept"] });
    await expectError(await grow(imported, { outbox_parts: 4 }), 503, "storage_unavailable");
    breakOutboxes(false);
    await texted(imported, 1);
    const again = await grow(imported, { outbox_parts: 4 });
    expect(await again.json()).toMatchObject({ outbox_parts: 4, call_log_parts: 1 });
    await texted(imported, 2);
    expect(events(customer)).toEqual(["number.imported", "text 1", "text 2"]);
  });

  it("delivers again from the part that has an event, and shows what happened to a number before", async () => {
    let status = 500;
    const customer = startCustomer(() => new Response("", { status }));
    const imported = await haveImported({ webhook_url: customer.url });
    await grow(imported, { outbox_parts: 16 });
    status = 200;
    const history = await page(imported.key, `/v1/phone-numbers/${imported.phoneNumber}/events`);
    const [event] = (await page(imported.key, "/v1/webhooks/deliveries")).deliveries;
    const path = `/v1/webhooks/deliveries/${event?.id}/redeliver`;
    expect((await call("POST", path, imported.key)).status).toBe(200);
    expect(customer.received).toHaveLength(2);
    expect(history).toMatchObject({ count: 1, deliveries: [event] });
    // Nothing waits behind what is delivered anew.
    status = 500;
    expect((await call("POST", path, imported.key)).status).toBe(200);
    status = 200;
    await texted(imported, 1);
    expect(await eventsIn(imported, 0)).toBe(partOf("outbox", imported.id, 16) === 0 ? 2 : 1);
    const [row] = await rows<{ outbox_parts: string }>("api_keys");
    expect(JSON.parse(row?.outbox_parts ?? "")).toEqual([
      [1, 0],
      [16, expect.any(Number)],
    ]);
  });

  it("is never undone", async () => {
    const imported = await haveImported();
    await grow(imported, { call_log_parts: 8 });
    const error = await expectError(await grow(imported, { call_log_parts: 4 }), 400, "invalid_field");
    expect(error.details.problems).toMatchObject([
      { field: "call_log_parts", allowed: [8, 16, 32, 64, 128, 256] },
    ]);
    await expectError(await grow(imported, { outbox_parts: 3 }), 400, "invalid_field");
    await expectError(await grow(imported, {}), 400, "missing_field");
  });
});
