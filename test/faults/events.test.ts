import { env } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { haveImported, type Imported, tell } from "../support/answering.ts";
import { runCron } from "../support/consume.ts";
import { startCustomer } from "../support/customer.ts";
import { type D1Fault, watchedDatabase } from "../support/database.ts";
import { allowAllErrors, logLines, restartLogs } from "../support/logs.ts";
import {
  breakOutboxes,
  holdDeliveries,
  type OutboxFault,
  outboxRows,
  restartOutboxes,
  runAlarms,
  startOutboxes,
} from "../support/outbox.ts";
import { rows as rowsOf } from "../support/worker.ts";

// What Twilio tells, through random histories with a failure at every boundary: between Twilio's answer and the outbox, between
// the outbox and the attempt, between the attempt and its report. The customer fails as well.

const HISTORIES = 15;
const CRON = "*/15 * * * *";
const MINUTE = 60_000;

type Step =
  /** Twilio tells of a text, a second time if `sid` was told before. */
  { kind: "text"; sid: number } | { kind: "restart" | "alarm" | "cron" } | { kind: "wait"; minutes: number };

/** What goes wrong meanwhile. */
type Disturbance = {
  outbox: OutboxFault | null;
  database: D1Fault | null;
  /** Whoever brings an event dies before its attempt. */
  isHeld: boolean;
  /** What the customer answers. */
  status: number;
};

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("text" as const), sid: fc.nat(5) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("restart", "alarm", "cron") }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("wait" as const), minutes: fc.integer({ min: 1, max: 70 }) }),
  },
);

const outbox: fc.Arbitrary<OutboxFault> = fc.record({
  when: fc.constantFrom("before", "after"),
  methods: fc.constantFrom<OutboxFault["methods"][]>(["accept"], ["report"], ["accept", "report"]),
  times: fc.constantFrom(1, 2, 99),
});

const database: fc.Arbitrary<D1Fault> = fc.record({
  trip: fc.integer({ min: 1, max: 3 }),
  when: fc.constantFrom("before", "after"),
  times: fc.constantFrom(1, 2, 99),
});

const disturbance: fc.Arbitrary<Disturbance> = fc.record({
  outbox: fc.option(outbox, { freq: 2 }),
  database: fc.option(database, { freq: 2 }),
  isHeld: fc.boolean(),
  status: fc.constantFrom(200, 200, 200, 500, 503),
});

type Moment = { steps: Step[]; disturbance: Disturbance };

const history: fc.Arbitrary<Moment[]> = fc.array(
  fc.record({ steps: fc.array(step, { minLength: 1, maxLength: 2 }), disturbance }),
  { minLength: 1, maxLength: 6 },
);

let clock = 0;
const pass = (minutes: number) => {
  clock += minutes * MINUTE;
  vi.setSystemTime(clock);
};

/** @returns whether Twilio got an answer, if it told something: what it did not get one for it does not believe to be told */
async function take(imported: Imported, step: Step, { database }: Disturbance): Promise<boolean> {
  switch (step.kind) {
    case "text": {
      const overrides = database ? { DB: watchedDatabase(database).DB } : {};
      const text = { MessageSid: `SM${step.sid}`, Body: "x" };
      return (await tell(imported, "sms", text, { env: overrides })).ok;
    }
    case "restart":
      await restartOutboxes();
      return true;
    case "alarm":
      await runAlarms();
      return true;
    case "cron":
      await runCron(CRON).catch(() => undefined);
      return true;
    case "wait":
      pass(step.minutes);
      return true;
  }
}

describe("whatever happens to events", () => {
  it(`each that was taken in is told, under one id (${HISTORIES} histories)`, {
    timeout: 120_000,
  }, async () => {
    await live(async (property) => {
      await fc.assert(property, { numRuns: HISTORIES, endOnFailure: false });
    });
  });

  const soakMinutes = Number(env.SOAK_MINUTES);
  it.runIf(soakMinutes > 0)("and on and on", { timeout: soakMinutes * MINUTE + 60_000 }, async () => {
    const until = performance.now() + soakMinutes * MINUTE;
    await live(async (property) => {
      while (performance.now() < until) {
        const seed = Number.parseInt(crypto.randomUUID().slice(0, 8), 16) | 0;
        await fc.assert(property, { numRuns: 100, seed });
      }
    });
  });
});

async function live(run: (property: fc.IAsyncProperty<[Moment[]]>) => Promise<void>): Promise<void> {
  allowAllErrors();
  let status = 200;
  const customer = startCustomer(() => new Response("", { status }));
  const imported = await haveImported({ webhook_url: customer.url });
  vi.useFakeTimers({ toFake: ["Date"] });
  clock = Date.now();
  const property = fc.asyncProperty(history, async (moments) => {
    await startOutboxes();
    await env.DB.prepare("DELETE FROM pending_events").run();
    customer.received.length = 0;
    const told = new Set<string>();
    for (const { steps, disturbance } of moments) {
      status = disturbance.status;
      for (const step of steps) {
        if (disturbance.outbox) breakOutboxes({ ...disturbance.outbox });
        holdDeliveries(disturbance.isHeld);
        const isAnswered = await take(imported, step, disturbance);
        breakOutboxes(false);
        const lost = logLines().some(({ event }) => event === "inbound_not_recorded");
        if (step.kind === "text" && isAnswered && !lost) told.add(`SM${step.sid}`);
        restartLogs();
      }
    }
    status = 200;
    holdDeliveries(false);
    // Every lease is over, every circuit half-open; nothing but alarms and the cron.
    await runCron(CRON);
    for (let round = 0; round < 4; round += 1) {
      pass(20);
      await runAlarms();
    }
    await expectTold(customer.events(), told);
    restartLogs();
  });
  try {
    await run(property);
  } finally {
    vi.useRealTimers();
  }
}

type Row = { id: string; state: string; attempts: string };

/** At least once, and never silently zero. */
async function expectTold(
  events: readonly Record<string, unknown>[],
  told: ReadonlySet<string>,
): Promise<void> {
  const rows = await outboxRows<Row>();
  const failed = rows.filter(({ state }) => state === "failed");
  expect(rows.length - failed.length, "events are left pending").toBe(
    rows.filter(({ state }) => state === "delivered").length,
  );
  // What nobody could know to be kept may be there as well.
  expect(rows.length, "each is there").toBeGreaterThanOrEqual(told.size);
  expect(await rowsOf("pending_events")).toEqual([]);
  const ids = Map.groupBy(events, ({ message_id }) => message_id);
  for (const sid of told) {
    const own = new Set((ids.get(sid) ?? []).map(({ event_id }) => event_id));
    expect(own.size, `${sid} has one id`).toBeLessThanOrEqual(1);
  }
  // What nobody got has failed, after as many attempts as are made or as long as they take.
  expect(ids.size + failed.length).toBeGreaterThanOrEqual(told.size);
  for (const { attempts } of failed) expect(JSON.parse(attempts)).not.toEqual([]);
}
