import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { CallReport, CallStatus } from "../../src/call-log/call.ts";
import { CALL_STATUSES, isLive } from "../../src/call-log/call.ts";
import type { CallLog } from "../../src/index.ts";
import { sha256 } from "../../src/vault/hash.ts";
import { haveImported, tell } from "../support/answering.ts";
import { logLines } from "../support/logs.ts";
import { meterRows, rowsRead } from "../support/objects.ts";
import { createKey, expectError, get, post } from "../support/worker.ts";

const TODAY = new Date().toISOString().slice(0, 10);

type Usage = {
  calls: { inbound: number; outbound: number; minutes: number };
  sms: { received: number; sent: number };
  numbers: number;
  days: { date: string; calls: number; minutes: number; sms: number }[];
};

const logOf = (name: string) => env.CALL_LOG.getByName(name);

/** The numbers of the calls have three different ones, or none. */
const OWNERS = [null, "one", "two", "*"];
const ownerOf = (call: number) => OWNERS[call % OWNERS.length] ?? null;

const report = (
  callId: string,
  status: CallStatus,
  durationSeconds: number | null,
  externalId: string | null = null,
): CallReport => ({
  callId,
  agentId: "agent_0123456789abcdef",
  phoneNumberId: "num_1",
  phoneNumber: "+15005550000",
  externalId,
  account: { accountSid: "AC1", region: "us1" },
  direction: "inbound",
  status,
  durationSeconds,
  endedReason: isLive(status) ? null : status,
  partiesSealed: "sealed",
  transcriptSealed: null,
});

describe("GET /v1/usage", () => {
  it("counts calls, minutes and texts, each once however often Twilio tells", async () => {
    const imported = await haveImported({ sms_reply: false });
    const { key, agentId, phoneNumber } = imported;
    for (const _ of [1, 2]) {
      const about = { CallSid: `CA${"1".repeat(32)}`, From: "+15005550006", To: phoneNumber };
      await tell(imported, "voice", { ...about, CallStatus: "ringing" });
      await tell(imported, "status", { ...about, CallStatus: "completed", CallDuration: "90" });
      await tell(imported, "sms", {
        MessageSid: `SM${"1".repeat(32)}`,
        From: "+15005550006",
        To: phoneNumber,
        Body: "Hi",
      });
    }
    expect((await post("/v1/calls", { agent_id: agentId, to_number: "+15005550009" }, { key })).status).toBe(
      201,
    );
    expect(
      (await post("/v1/sms", { agent_id: agentId, to: "+15005550009", message: "Hi" }, { key })).status,
    ).toBe(201);
    const usage = (await (await get("/v1/usage", key)).json()) as Usage;
    expect(usage).toMatchObject({
      until: TODAY,
      calls: { inbound: 1, outbound: 1, minutes: 1.5 },
      sms: { received: 1, sent: 1 },
      numbers: 1,
    });
    expect(usage.days).toHaveLength(30);
    expect(usage.days.at(-1)).toEqual({ date: TODAY, calls: 2, minutes: 1.5, sms: 2 });
    expect(usage.days[0]).toMatchObject({ calls: 0, minutes: 0, sms: 0 });
  });

  it.each([
    ["?since=2026-01-01&until=2026-12-31", 365],
    ["?since=2026-01-31&until=2026-01-31", 1],
    ["?since=2026-01-30T23:59:59Z&until=2026-02-01T00:00:00Z", 3],
    ["?until=2026-01-31", 30],
  ])("takes %s", async (query, days) => {
    const usage = (await (await get(`/v1/usage${query}`, await createKey())).json()) as Usage;
    expect(usage.days).toHaveLength(days);
  });

  it.each([
    "?since=yesterday",
    "?since=2026-02-30",
    "?since=2026-02-01&until=2026-01-01",
    "?since=2024-01-01&until=2026-01-01",
    "?until=2026-13-01",
  ])("refuses %s", async (query) => {
    await expectError(await get(`/v1/usage${query}`, await createKey()), 400, "invalid_parameter");
  });
});

describe("the log of an API key", () => {
  it("reads one row to take of a day, however many external ids the day has", async () => {
    const log = logOf("many");
    for (let call = 0; call < 20; call += 1)
      await log.report(report(`CA${call}`, "in-progress", null, `owner-${call}`), null);
    const limits = { calls_per_day: 100, texts_per_day: null, model_turns_per_day: null };
    expect(await rowsRead(log, (object: CallLog) => object.take("key", "dial", limits))).toBeLessThan(5);
  });

  it("counts exactly, whatever comes twice and in any order", async () => {
    const happening = fc.record({
      call: fc.integer({ min: 0, max: 5 }),
      status: fc.constantFrom(...CALL_STATUSES),
      seconds: fc.option(fc.integer({ min: 0, max: 500 })),
      deletes: fc.boolean(),
    });
    let history = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { maxLength: 30 }), async (happenings) => {
        history += 1;
        const log = logOf(`property-${history}`);
        const begun = new Set<string>();
        const ended = new Map<string, { status: CallStatus; seconds: number | null }[]>();
        const gone = new Set<string>();
        for (const { call, status, seconds, deletes } of happenings) {
          const id = `CA${call}`;
          await log.report(report(id, status, seconds, ownerOf(call)), null);
          begun.add(id);
          if (!isLive(status) && !gone.has(id))
            ended.set(id, [...(ended.get(id) ?? []), { status, seconds }]);
          if (deletes && ended.has(id)) {
            await log.remove(id);
            gone.add(id);
          }
        }
        const days = await log.usage("2000-01-01", "2999-12-31");
        expect(days.reduce((sum, { inbound }) => sum + inbound, 0)).toBe(begun.size);
        // The first end that somebody measured stands; the same end may be measured longer later.
        const longest = (ends: { status: CallStatus; seconds: number | null }[]): number => {
          const standing = ends.find(({ seconds }) => seconds !== null) ?? ends[0];
          const same = ends.filter(({ status }) => status === standing?.status);
          return Math.max(...same.map(({ seconds }) => seconds ?? 0));
        };
        const seconds = [...ended.values()].reduce((sum, ends) => sum + longest(ends), 0);
        expect(days.reduce((sum, day) => sum + day.seconds, 0)).toBe(seconds);
        for (const status of [undefined, ...CALL_STATUSES])
          for (const externalId of [undefined, "one"]) {
            const { calls, count } = await log.list({ status, externalId }, { limit: 100, offset: 0 });
            expect(count).toBe(calls.length);
          }
        for (const externalId of ["one", "two", "*"]) {
          const of = (ids: Iterable<string>) =>
            [...ids].filter((id) => ownerOf(Number(id.slice(2))) === externalId);
          const own = await log.usage("2000-01-01", "2999-12-31", externalId);
          expect(own.reduce((sum, { inbound }) => sum + inbound, 0)).toBe(of(begun).length);
          expect(own.reduce((sum, day) => sum + day.seconds, 0)).toBe(
            of(ended.keys()).reduce((sum, id) => sum + longest(ended.get(id) ?? []), 0),
          );
          const { calls, count } = await log.list({ externalId }, { limit: 100, offset: 0 });
          expect(count).toBe(calls.length);
          expect(calls.map(({ call_id }) => call_id).toSorted()).toEqual(
            of(begun.difference(gone)).toSorted(),
          );
        }
        expect((await log.list({}, { limit: 1, offset: 0 })).count).toBe(begun.size - gone.size);
        await log.erase();
      }),
      { numRuns: 30 },
    );
  });

  it("writes a call of any length in five rows, its deletion included, whatever external_id its number has", async () => {
    for (const externalId of [null, "branch-17"]) {
      const log = logOf(`rows-${externalId}`);
      // The alarm is set once a day, however many calls there are.
      await log.countText("SM0", "received");
      const rows = await meterRows(log);
      for (const status of ["in-progress", "in-progress", "completed", "completed"] as const)
        await log.report(report("CA1", status, status === "completed" ? 42 : null, externalId), null);
      expect(await rows()).toBe(4);
      await log.remove("CA1");
      // A call that its owner deletes leaves its SID.
      expect(await rows()).toBe(4 + 2);
    }
  });

  it("counts its calls once, and then only what has come since", async () => {
    const log = logOf("counted");
    const read = () => rowsRead(log, (object: CallLog) => object.list({}, { limit: 25, offset: 0 }));
    const listed = async () => (await log.list({}, { limit: 1, offset: 0 })).count;
    const there = (work: (sql: SqlStorage) => unknown = () => undefined) =>
      runInDurableObject(log, (_, { storage: { sql } }) => {
        work(sql);
        return sql.exec<{ seq: number }>("SELECT seq FROM calls ORDER BY seq").toArray();
      });
    let calls = 0;
    const come = async (count: number) => {
      for (let call = 0; call < count; call += 1)
        await log.report(report(`CA${calls++}`, "completed", 1), null);
    };
    await come(1);
    await there((sql) =>
      sql.exec(`WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 3000)
        INSERT INTO calls (seq, call_id, phone_number_id, phone_number, account_sid, region, direction, status,
          created_at, ended_at, parties_sealed)
        SELECT seq - n, 'CB' || n, '', '', '', '', direction, status, created_at, ended_at, '' FROM calls, n`),
    );
    expect(await listed()).toBe(3_001);
    expect(await read()).toBeLessThan(200);
    await come(40);
    expect(await listed()).toBe(3_041);
    expect(await read()).toBeLessThan(300);
    for (const id of ["CB7", "CA3", "CA40"]) await log.remove(id);
    expect(await listed()).toBe(3_038);
    // The last one that was counted, and all after it, are deleted; the clock may be behind them.
    for (let call = 0; call < 40; call += 1) await log.remove(`CA${call}`);
    vi.useFakeTimers({ now: Date.now() - 60_000, toFake: ["Date"] });
    await come(2);
    vi.useRealTimers();
    expect(await listed()).toBe((await there()).length);
    // A month later most of them are forgotten.
    vi.useFakeTimers({ now: Date.now() + 31 * 86_400_000, toFake: ["Date"] });
    await come(3);
    await runDurableObjectAlarm(log);
    expect((await there()).length).toBeLessThan(2_100);
    expect(await listed()).toBe((await there()).length);
    await log.erase();
    await come(1);
    expect(await listed()).toBe(1);
    vi.useRealTimers();
    await log.erase();
  });

  it("counts what matches a filter to 10,000, and all calls to the last", async () => {
    const imported = await haveImported();
    const log = logOf(await sha256(`call-log/${imported.key.key_id}`));
    await log.report(report("CA0", "completed", 1), null);
    const add = (count: number) =>
      runInDurableObject(log, (_, { storage: { sql } }) => {
        const [{ seq } = { seq: 0 }] = sql
          .exec<{ seq: number }>("SELECT MAX(seq) AS seq FROM calls")
          .toArray();
        const names = sql.exec("SELECT * FROM calls LIMIT 0").columnNames;
        const values = names.map((name) =>
          name === "seq" ? "? + n" : name === "call_id" ? "printf('CA%032d', ? + n)" : name,
        );
        sql.exec(
          `WITH RECURSIVE more (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM more WHERE n < ?)
           INSERT INTO calls SELECT ${values} FROM calls JOIN more WHERE call_id = 'CA0'`,
          count,
          seq,
          seq,
        );
      });
    const listed = async (query: string) => {
      const { calls, ...counts } = (await (await get(`/v1/calls${query}`, imported.key)).json()) as {
        calls: unknown[];
      };
      return { ...counts, listed: calls.length };
    };
    const about = { limit: 25, offset: 0, listed: 25 };
    await add(9_999);
    expect(await listed("?direction=inbound")).toEqual({ ...about, count: 10_000 });
    await add(100);
    expect(await listed("?direction=inbound")).toEqual({ ...about, count: 10_000, count_is_minimum: true });
    expect(await listed("")).toEqual({ ...about, count: 10_100 });
    expect(await listed("?status=busy")).toEqual({ ...about, count: 0, listed: 0 });
  });

  it("makes room in a full log while it writes, and tells that it is shortened", async () => {
    const imported = await haveImported();
    const log = logOf(await sha256(`call-log/${imported.key.key_id}`));
    const ids = Array.from({ length: 150 }, (_, index) => `CA${index}`);
    for (const id of ids)
      await log.report({ ...report(id, "completed", 1), transcriptSealed: "sealed" }, null);
    const shortened = async () =>
      ((await (await get("/v1/usage", imported.key)).json()) as { log_shortened: string | null })
        .log_shortened;
    expect(await shortened()).toBeNull();
    await runInDurableObject(log, (_, { storage: { sql } }) => {
      Object.defineProperty(sql, "databaseSize", { value: 8_000_000_000 });
    });
    await log.report(report("CA-new", "in-progress", null), null);
    const attempt = { id: "call_1", kind: "call", holder: "a", externalId: null, briefSealed: "x" } as const;
    expect(await log.begin(attempt, 1)).toEqual({ kind: "begun" });
    // What runs is never deleted.
    expect(await log.list({}, { limit: 10, offset: 0 })).toMatchObject({
      count: 1,
      calls: [{ call_id: "CA-new", status: "in-progress" }],
    });
    expect(Date.parse((await shortened()) ?? "")).toBeLessThanOrEqual(Date.now());
    expect(logLines().filter(({ event }) => event === "log_shortened")).toHaveLength(1);
    // What was counted for usage stays.
    expect((await log.usage(TODAY, TODAY))[0]).toMatchObject({ inbound: 151 });
    await log.erase();
  });
});
