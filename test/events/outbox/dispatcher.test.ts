import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { readConfig } from "../../../src/config.ts";
import type { Attempt } from "../../../src/events/delivery.ts";
import { createDispatcher } from "../../../src/events/outbox/dispatcher.ts";
import { createSettings, readSettings } from "../../../src/events/outbox/schema.ts";
import type { Work } from "../../../src/events/outbox/work.ts";
import { createServices, type Services } from "../../../src/services.ts";
import { createAgent, createKey } from "../../support/worker.ts";

// What an outbox decides, with a clock and a storage of its own. Nobody posts anything here.

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const ATTEMPT_MS = (10 + 20) * SECOND;

type Bench = Awaited<ReturnType<typeof prepare>>;

async function prepare(sql: SqlStorage) {
  const key = await createKey();
  const apiKeyId = key.key_id;
  const clock = { now: Date.parse("2026-11-29T12:00:00.000Z") };
  const lines: Record<string, unknown>[] = [];
  const points: unknown[] = [];
  const note = (level: string) => (event: string, fields?: object) =>
    void lines.push({ level, event, ...fields });
  const log = { info: note("info"), warn: note("warn"), error: note("error"), conceal: () => undefined };
  const services: Services = {
    ...createServices(env, readConfig(env), log, () => undefined),
    now: () => new Date(clock.now),
    measure: (name, labels, values) => void points.push([name, labels, values]),
  };
  const start = () => createDispatcher(sql, readSettings(sql) ?? createSettings(sql, apiKeyId, 1), services);
  let dispatcher = start();
  let count = 0;
  const bench = {
    clock,
    lines,
    points,
    agent: (name: string) => createAgent(key, { webhook_url: `https://${name}.example/events` }),
    /** It loses what it has in memory. */
    restart: () => {
      dispatcher = start();
    },
    dispatcher: () => dispatcher,
    accept(agentId: string, events = 1, isForced = false) {
      const ids = Array.from({ length: events }, () => {
        count += 1;
        return `evt_${count}`;
      });
      const createdAt = new Date(clock.now).toISOString();
      const about = { apiKeyId, agentId, externalId: null, actor: null };
      const event = { ...about, type: "call.started" as const, createdAt, payloadSealed: "sealed" };
      dispatcher.accept(
        ids.map((id) => ({ ...event, id, lane: id })),
        isForced,
      );
      return ids;
    },
    take: async (limit = 50) => {
      dispatcher.loadDue();
      return dispatcher.take(limit);
    },
    answer(works: readonly Work[], answer: Partial<Attempt> | null = { httpStatus: 200 }) {
      const made = { attemptedAt: new Date(clock.now), durationMs: 7 };
      for (const { seq, id, attemptsLeft, queuedAt, url } of works)
        dispatcher.report({
          seq,
          id,
          attemptsLeft,
          queuedAt,
          url,
          attempt: answer && { ...made, ...answer },
        });
    },
    states: () =>
      sql
        .exec(
          `SELECT id, state, next_attempt_at AS at, attempts_left AS attemptsLeft, json_array_length(attempts) AS attempts
           FROM events ORDER BY seq`,
        )
        .toArray(),
  };
  return bench;
}

const FAILED = { httpStatus: 503, error: "http_error" } as const;
const idsOf = (works: readonly Work[]) => works.map(({ id }) => id);

function decides(name: string, work: (bench: Bench) => Promise<void>): void {
  it(name, () =>
    runInDurableObject(env.EVENT_OUTBOX.getByName("dispatcher.test"), async (_, { storage }) => {
      await storage.deleteAll();
      await work(await prepare(storage.sql));
      await storage.deleteAll();
    }),
  );
}

/** The URL's circuit opens now: five events fail, and one before them waits for its second attempt. */
async function haveOpen({ agent, accept, take, answer, clock }: Bench) {
  const agentId = await agent("broken");
  accept(agentId);
  answer(await take(), FAILED);
  clock.now += 50 * SECOND;
  accept(agentId, 4);
  answer(await take(), FAILED);
  return agentId;
}

describe("a restart", () => {
  decides("loses nothing that was never attempted, not even the second one", async (bench) => {
    const [silent, busy] = [await bench.agent("silent"), await bench.agent("busy")];
    const kept = bench.accept(silent, 30);
    bench.restart();
    // Whoever was to attempt them dies, while a hundred others come and are settled.
    expect(idsOf(await bench.take(30))).toEqual(kept);
    bench.clock.now += SECOND;
    for (let settled = 0; settled < 100; settled += 10) {
      bench.accept(busy, 10);
      bench.answer(await bench.take(10));
    }
    bench.restart();
    expect(idsOf(await bench.take())).toEqual(kept);
  });

  decides("need not read what is settled: the watermark follows, a hundred events later", async (bench) => {
    const agentId = await bench.agent("fine");
    const settle = async (events: number) => {
      bench.accept(agentId, events);
      for (let left = events; left > 0; left -= 33) bench.answer(await bench.take(Math.min(left, 33)));
    };
    await settle(99);
    expect(bench.dispatcher().watermark()).toBe(0);
    await settle(1);
    const watermark = bench.dispatcher().watermark();
    expect(watermark).toBeGreaterThan(0);
    bench.restart();
    expect(bench.dispatcher().watermark()).toBe(watermark);
    expect(await bench.take()).toEqual([]);
  });
});

describe("an open circuit", () => {
  decides("lets no retry through that falls due, and puts it off once", async (bench) => {
    await haveOpen(bench);
    const openUntil = bench.clock.now + MINUTE;
    bench.clock.now += 10 * SECOND;
    for (let look = 0; look < 2; look += 1) {
      expect(await bench.take()).toEqual([]);
      expect(bench.dispatcher().hasBacklog()).toBe(false);
    }
    expect(bench.states()[0]).toMatchObject({ at: openUntil, attemptsLeft: 4 });
    expect(bench.dispatcher().nextDueAt()).toBe(openUntil);
    bench.clock.now = openUntil - 1;
    expect(await bench.take()).toEqual([]);
    // Half-open: one of them goes.
    bench.clock.now = openUntil;
    expect(await bench.take()).toHaveLength(1);
    expect(bench.lines).toContainEqual(
      expect.objectContaining({ level: "warn", event: "circuit_opened", failures: 5 }),
    );
  });

  decides("stays open over a restart, and holds back neither who asks for it nor others", async (bench) => {
    const agentId = await haveOpen(bench);
    bench.restart();
    bench.accept(agentId);
    expect(await bench.take()).toEqual([]);
    bench.accept(agentId);
    const forced = bench.accept(agentId, 2, true);
    const other = bench.accept(await bench.agent("fine"));
    expect(idsOf(await bench.take(1))).toEqual(forced.slice(0, 1));
    expect(idsOf(await bench.take())).toEqual([...forced.slice(1), ...other]);
  });

  decides("says when it is half-open, though nothing else is due by then", async (bench) => {
    const agentId = await bench.agent("broken");
    for (const [events, answer] of [
      [4, FAILED],
      [1, { httpStatus: 200 }],
      [1, FAILED],
    ] as const) {
      bench.accept(agentId, events);
      bench.answer(await bench.take(), answer);
    }
    // Their third attempt is five minutes after the second.
    bench.clock.now += MINUTE;
    bench.answer(await bench.take(), FAILED);
    expect(bench.dispatcher().nextDueAt()).toBe(bench.clock.now + 5 * MINUTE);
    bench.accept(agentId);
    expect(await bench.take()).toEqual([]);
    expect(bench.dispatcher().nextDueAt()).toBe(bench.clock.now + MINUTE);
  });

  decides("brings forward what it put off once an attempt gets through", async (bench) => {
    const agentId = await haveOpen(bench);
    const waiting = bench.accept(agentId, 3);
    expect(await bench.take()).toEqual([]);
    bench.accept(agentId, 1, true);
    bench.answer(await bench.take());
    expect(idsOf(await bench.take())).toEqual(expect.arrayContaining(waiting));
    expect(bench.lines.at(-1)).toMatchObject({ level: "info", event: "circuit_closed" });
  });

  decides("gives up what has waited for longer than five attempts take, and counts it", async (bench) => {
    const agentId = await haveOpen(bench);
    bench.points.length = 0;
    bench.accept(agentId, 2);
    await bench.take();
    expect(bench.points).toEqual([]);
    // It is kept open by attempts that fail whenever it is half-open.
    for (let minutes = 0; minutes < 150; minutes += 1) {
      bench.clock.now += MINUTE;
      bench.answer(await bench.take(1), FAILED);
    }
    expect(bench.states().filter(({ state }) => state === "pending")).toEqual([]);
    expect(bench.points).toContainEqual([
      "event_attempt",
      ["failed", "circuit_open"],
      [expect.any(Number), 0],
    ]);
  });
});

describe("an attempt", () => {
  decides("counts as lost 20 seconds after it must have ended, and not before", async (bench) => {
    const ids = bench.accept(await bench.agent("fine"));
    await bench.take();
    bench.clock.now += ATTEMPT_MS - 1;
    expect(await bench.take()).toEqual([]);
    bench.clock.now += 1;
    expect(idsOf(await bench.take())).toEqual(ids);
    expect(bench.lines).toEqual([{ level: "warn", event: "attempt_lost", key_id: expect.any(String) }]);
  });

  decides("that D1 did not allow is made a minute later, with all others", async (bench) => {
    const agentId = await bench.agent("fine");
    const ids = bench.accept(agentId);
    bench.answer(await bench.take(), null);
    ids.push(...bench.accept(agentId));
    bench.clock.now += MINUTE - 1;
    expect(await bench.take()).toEqual([]);
    bench.clock.now += 1;
    expect(idsOf(await bench.take())).toEqual(ids);
  });

  decides("is one of 40 to a URL and of 50 in all", async (bench) => {
    bench.accept(await bench.agent("one"), 41);
    bench.accept(await bench.agent("other"), 41);
    const works = await bench.take(100);
    expect(works.map(({ url }) => url).filter((url) => url.includes("one"))).toHaveLength(40);
    expect(works).toHaveLength(50);
    bench.answer(works.slice(0, 1));
    expect(await bench.take(100)).toHaveLength(1);
  });

  decides("leaves a line and a point that say what came of it", async (bench) => {
    const agentId = await bench.agent("fine");
    const ids = bench.accept(agentId, 4);
    const [delivered, retried, refused, silent] = await bench.take();
    bench.answer([delivered as Work]);
    bench.answer([retried as Work], FAILED);
    bench.answer([refused as Work], { httpStatus: 404, error: "http_error" });
    bench.answer([silent as Work], { error: "timeout" });
    const line = { level: "info", event: "event_attempt" };
    // A delivered event has none.
    expect(bench.lines).toEqual([
      { ...line, event_id: ids[1], state: "pending", http_status: 503, error: "http_error" },
      { ...line, event_id: ids[2], state: "failed", http_status: 404, error: "http_error" },
      { ...line, event_id: ids[3], state: "pending", http_status: undefined, error: "timeout" },
    ]);
    expect(bench.points).toEqual([
      ["event_attempt", ["delivered", ""], [1, 7]],
      ["event_attempt", ["pending", "http_error"], [1, 7]],
      ["event_attempt", ["failed", "http_error"], [1, 7]],
      ["event_attempt", ["pending", "timeout"], [1, 7]],
    ]);
  });

  decides("is followed by others after 1, 5, 14 and 55 minutes, and then by none", async (bench) => {
    const agentId = await bench.agent("slow");
    bench.accept(agentId);
    const waits: unknown[] = [];
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const works = await bench.take();
      expect(works).toHaveLength(1);
      bench.answer(works, FAILED);
      const at = bench.dispatcher().nextDueAt();
      const [{ state } = {}] = bench.states();
      waits.push(state === "pending" && at !== null ? (at - bench.clock.now) / MINUTE : state);
      bench.clock.now = at ?? bench.clock.now;
    }
    expect(waits).toEqual([1, 5, 14, 55, "failed"]);
  });

  decides("that was overtaken by a new delivery changes nothing, and is written down", async (bench) => {
    const [id = ""] = bench.accept(await bench.agent("fine"));
    const works = await bench.take();
    bench.clock.now += SECOND;
    expect(bench.dispatcher().revive(id)).toBe(works[0]?.seq);
    expect(await bench.take()).toEqual([]);
    bench.answer(works, { httpStatus: 404, error: "http_error" });
    expect(bench.states()).toMatchObject([{ id, state: "pending", attemptsLeft: 5, attempts: 1 }]);
    const again = await bench.take();
    expect(idsOf(again)).toEqual([id]);
    bench.answer(again);
    // Whoever reports twice changes nothing either.
    bench.answer(again, FAILED);
    expect(bench.states()).toMatchObject([{ id, state: "delivered", attemptsLeft: 4, attempts: 2 }]);
    expect(bench.dispatcher().revive("evt_none")).toBeUndefined();
  });

  decides("is not made where there is nowhere to send it", async (bench) => {
    const ids = bench.accept("agent_of_nobody");
    expect(await bench.take()).toEqual([]);
    expect(bench.states()).toMatchObject([{ id: ids[0], state: "failed" }]);
    expect(bench.points).toEqual([["event_attempt", ["failed", "no_webhook_url"], [1, 0]]]);
  });
});
