import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import page from "../../docs/costs.md?raw";
import { forgetRoutes } from "../../src/answering/route-cache.ts";
import { createLogger } from "../../src/http/log.ts";
import { parseDefaultLimits } from "../../src/limits.ts";
import { RECONCILIATION } from "../../src/queues.ts";
import { ACCOUNTS_PER_MESSAGE } from "../../src/reconciliation/check-due.ts";
import { clearOldRecords } from "../../src/retention.ts";
import { CHECK_INTERVAL_MS, QUIET_CHECK_INTERVAL_MS } from "../../src/twilio-accounts/due-store.ts";
import { sha256 } from "../../src/vault/hash.ts";
import { createIds } from "../../src/vault/ids.ts";
import { createVault } from "../../src/vault/vault.ts";
import { haveImported, type Imported, tell } from "../support/answering.ts";
import { deliverQueued, runCron } from "../support/consume.ts";
import { startCustomer } from "../support/customer.ts";
import { prepareImport } from "../support/import.ts";
import { logLines } from "../support/logs.ts";
import { metered, newMeter } from "../support/metered-database.ts";
import { countedObjects, meterRows } from "../support/objects.ts";
import { outboxCalls, outboxes, outboxRows, rowsWritten, runAlarms } from "../support/outbox.ts";
import { createKey, post } from "../support/worker.ts";

// What Cloudflare charges for is counted here. docs/costs.md has these numbers, their prices and the sums.

// A message is written, read and deleted. https://developers.cloudflare.com/queues/platform/pricing/
const OPERATIONS_PER_MESSAGE = 3;
const DAY_MS = 24 * 60 * 60 * 1000;

type Counted = {
  requests: number;
  rowsRead: number;
  rowsWritten: number;
  objectRequests: number;
  objectRowsWritten: number;
  logLines: number;
  dataPoints: number;
};

/** What a call log writes: for what is done here, and when the time of that is over. */
async function logRows(apiKeyId: string, work: () => Promise<unknown>): Promise<number> {
  const log = env.CALL_LOG.getByName(await sha256(`call-log/${apiKeyId}`));
  const rows = await meterRows(log);
  // Its alarm is set once a day, however many calls there are.
  await log.countText("SM0", "received");
  const before = await rows();
  await work();
  const written = (await rows()) - before;
  const kept = await rows();
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 31 * DAY_MS });
  try {
    await runDurableObjectAlarm(log);
  } finally {
    vi.useRealTimers();
  }
  // The alarm deletes that text as well, and sets itself again.
  return written + (await rows()) - kept - 2;
}

/** What some requests use, and what is written again when the time of what they wrote is over. */
async function count(
  requests: number,
  work: (overrides: Partial<Env>) => Promise<void>,
  apiKeyId?: string,
): Promise<Counted> {
  const meter = newMeter();
  const writeDataPoint = vi.fn();
  const before = { lines: logLines().length, calls: outboxCalls(), events: (await outboxRows()).length };
  const logCalls: string[] = [];
  let alarms = 0;
  let logged = 0;
  const all = async () => {
    const overrides = {
      DB: metered(env.DB, meter),
      METRICS: { writeDataPoint },
      ...countedObjects(logCalls),
    };
    if (apiKeyId === undefined) await work(overrides);
    else logged = await logRows(apiKeyId, () => work(overrides));
    alarms = await runAlarms();
  };
  const written = outboxes().length > 0 ? await rowsWritten(all) : await all();
  // An event is one row when it is deleted; test/events/outbox/outbox.test.ts counts it.
  const events = (await outboxRows()).length - before.events;
  const used = {
    requests,
    rowsRead: meter.rowsRead,
    objectRequests: outboxCalls() - before.calls + alarms + logCalls.length,
    objectRowsWritten: (written ?? 0) + events + logged,
    logLines: logLines().length - before.lines,
    dataPoints: writeDataPoint.mock.calls.length,
  };
  await clearOldRecords(
    {
      db: metered(env.DB, meter),
      vault: createVault(env.TOKEN_ENCRYPTION_KEYS),
      ids: createIds(env.ID_SECRET),
      defaultLimits: parseDefaultLimits("{}"),
      log: createLogger({}),
      now: () => new Date(Date.now() + 2 * DAY_MS),
    },
    Infinity,
  );
  return { ...used, rowsWritten: meter.rowsWritten };
}

/** Calls a number that has been quiet, so that its route is read and the time of the call is written. */
const ring = (imported: Imported) =>
  count(
    2,
    async (overrides) => {
      forgetRoutes(imported.key.key_id);
      const call = { CallSid: "CA1", From: "+15005550006" };
      await tell(imported, "voice", { ...call, CallStatus: "ringing" }, { env: overrides });
      await tell(
        imported,
        "status",
        { ...call, CallStatus: "completed", CallDuration: "42" },
        { env: overrides },
      );
    },
    imported.key.key_id,
  );

async function importOne(headers: Record<string, string> = {}): Promise<Counted> {
  const { key, body } = await prepareImport();
  return count(1, async (overrides) => {
    const response = await post("/v1/phone-numbers", body, { key, headers, env: overrides });
    expect(response.status).toBe(201);
  });
}

/** Checks of 20 accounts in order, all by one message: what is used for one of them. */
async function checkOne(): Promise<Counted> {
  const accounts = 20;
  const key = await createKey();
  for (let index = 0; index < accounts; index += 1) {
    const { body } = await prepareImport({ phone_number: `+1500555${String(index).padStart(4, "0")}` }, key);
    expect((await post("/v1/phone-numbers", body, { key })).status).toBe(201);
  }
  const check = async (overrides: Partial<Env> = {}) => {
    await env.DB.prepare("UPDATE twilio_accounts SET next_check_at = '2020'").run();
    await runCron("*/15 * * * *");
    await deliverQueued(RECONCILIATION, overrides);
  };
  // The first check of an account may read a routing record as well.
  await check();
  const counted = await count(0, check);
  return Object.fromEntries(
    Object.entries(counted).map(([name, value]) => [name, value / accounts]),
  ) as Counted;
}

const withCustomer = async () => haveImported({ webhook_url: startCustomer().url });

const scenarios: Record<string, () => Promise<Counted>> = {
  "a call": async () => ring(await haveImported()),
  "a call with two events": async () => ring(await withCustomer()),
  "a text with its event": async () => {
    const imported = await withCustomer();
    return count(
      1,
      async (overrides) => {
        forgetRoutes(imported.key.key_id);
        await tell(imported, "sms", { MessageSid: "SM1", Body: "Hi" }, { env: overrides });
      },
      imported.key.key_id,
    );
  },
  "an import": () => importOne(),
  "an import with an Idempotency-Key": () => importOne({ "idempotency-key": "once" }),
  "a check of an account in order": checkOne,
};

/** The rows of a table of the page, by their first cell. */
function table(heading: string): Map<string, string[]> {
  const [, section = ""] = page.split(`## ${heading}\n`);
  const rows = (section.split("\n## ")[0] ?? "").match(/^\|.*\|$/gm) ?? [];
  return new Map(
    rows.map((line) => {
      const [name = "", ...cells] = line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim());
      return [name, cells];
    }),
  );
}

const columns = table("What is used").get("one") ?? [];
const used = (name: string) =>
  new Map((table("What is used").get(name) ?? []).map((cell, index) => [columns[index] ?? "", Number(cell)]));

describe("docs/costs.md", () => {
  it.each(Object.entries(scenarios))(
    "counts what %s uses",
    async (name, measure) => {
      const counted = await measure();
      const written = used(name);
      expect({
        requests: written.get("requests"),
        rowsRead: written.get("D1 rows read"),
        rowsWritten: written.get("D1 rows written"),
        objectRequests: written.get("object requests"),
        objectRowsWritten: written.get("object rows written"),
        logLines: written.get("log lines"),
        dataPoints: written.get("data points"),
      }).toEqual(counted);
    },
    30_000,
  );

  it("knows what a message costs that checks many accounts", () => {
    const operations = [...Object.keys(scenarios)].map((name) => used(name).get("queue operations"));
    expect(operations).toEqual([0, 0, 0, 0, 0, OPERATIONS_PER_MESSAGE / ACCOUNTS_PER_MESSAGE]);
  });

  it("knows what the checks of a month cost", () => {
    const price = Number(table("What a million cost").get("a check of an account in order")?.[0]?.slice(1));
    const cost = (accounts: number, hours: number) =>
      `$${((accounts * 720 * price) / hours / 1e6).toFixed(2)}`;
    const bullet = page.split("- **Checks.**")[1]?.split("\n- ")[0] ?? "";
    expect(bullet.match(/\$\d+\.\d\d/g)).toEqual([cost(1_000, 1), cost(200_000, 6)]);
    // The cron comes every quarter of an hour.
    expect([CHECK_INTERVAL_MS, QUIET_CHECK_INTERVAL_MS].map((ms) => Math.ceil(ms / 900_000) / 4)).toEqual([
      1, 6,
    ]);
  });

  it.each(Object.keys(scenarios))("adds up what a million of them cost: %s", (name) => {
    const sum = [...used(name)].reduce((total, [column, quantity]) => {
      const price = Number(/^\$([\d.]+)$/.exec(table("Prices").get(column)?.[0] ?? "")?.[1]);
      return total + price * quantity;
    }, 0);
    expect(table("What a million cost").get(name)?.[0]).toBe(`$${sum.toFixed(2)}`);
  });
});
