import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CallReport, CallStatus } from "../../src/call-log/call.ts";
import { CALL_STATUSES, isLive } from "../../src/call-log/call.ts";
import type { CallLog } from "../../src/index.ts";
import { haveImported, tell } from "../support/answering.ts";
import { meterRows } from "../support/objects.ts";
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
    const read = await runInDurableObject(log, async (object, { storage: { sql } }) => {
      const exec = sql.exec.bind(sql);
      const cursors: SqlStorageCursor<never>[] = [];
      const watched = (...statement: Parameters<typeof exec>) => {
        const cursor = exec(...statement);
        cursors.push(cursor as never);
        return cursor;
      };
      Object.assign(sql, { exec: watched });
      await (object as CallLog).take("key", "dial", limits);
      return cursors.reduce((sum, { rowsRead }) => sum + rowsRead, 0);
    });
    expect(read).toBeLessThan(5);
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

  it("writes one row more for the call of a number with an external_id", async () => {
    const written = async (name: string, externalId: string | null) => {
      const log = logOf(name);
      const rows = await meterRows(log);
      const call = async (callId: string) => {
        await log.report(report(callId, "in-progress", null, externalId), null);
        await log.report(report(callId, "completed", 10, externalId), null);
      };
      await call("CA1");
      const before = await rows();
      await call("CA2");
      return (await rows()) - before;
    };
    expect(await written("with", "branch-17")).toBe((await written("without", null)) + 1);
  });

  it("lists and counts thousands of calls at the cost of a page", async () => {
    const log = logOf("thousands");
    const rowsRead = async (filter: object): Promise<number> => {
      let rows = 0;
      await runInDurableObject(log, async (instance, { storage: { sql } }) => {
        const exec = sql.exec.bind(sql);
        const cursors: SqlStorageCursor<never>[] = [];
        Object.assign(sql, {
          exec: (...statement: Parameters<typeof exec>) => {
            const cursor = exec(...statement);
            cursors.push(cursor as never);
            return cursor;
          },
        });
        await (instance as unknown as CallLog).list(filter, { limit: 25, offset: 0 });
        rows = cursors.reduce((sum, cursor) => sum + cursor.rowsRead, 0);
        Object.assign(sql, { exec });
      });
      return rows;
    };
    const add = async (from: number, to: number) =>
      runInDurableObject(log, async (instance) => {
        for (let index = from; index < to; index += 1) {
          const status = index % 100 === 0 ? "busy" : "completed";
          await (instance as unknown as CallLog).report(
            { ...report(`CA${index}`, status, 10, ownerOf(index)), agentId: `agent_${index % 10}` },
            null,
          );
        }
      });
    const filters = [
      {},
      { agentId: "agent_3" },
      { phoneNumber: "+15005550000" },
      { externalId: "two" },
      { status: "busy" },
      { direction: "outbound" },
    ];
    await add(0, 1_000);
    const few = await Promise.all(filters.map(rowsRead));
    await add(1_000, 4_000);
    const many = await Promise.all(filters.map(rowsRead));
    expect(many).toEqual(few.map((rows, index) => (index === 4 ? expect.any(Number) : rows)));
    expect(Math.max(...many)).toBeLessThan(120);
    await log.erase();
  });
});
