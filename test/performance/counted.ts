import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, vi } from "vitest";
import { forgetRoutes } from "../../src/answering/route-cache.ts";
import { createLogger } from "../../src/http/log.ts";
import { parseDefaultLimits } from "../../src/limits.ts";
import { RECONCILIATION } from "../../src/queues.ts";
import { clearOldRecords } from "../../src/retention.ts";
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
import { BASE, createKey, post, send } from "../support/worker.ts";
import { answeredText, placedCall } from "./talked.ts";

// What Cloudflare charges for is counted here.

const DAY_MS = 24 * 60 * 60 * 1000;

/** What is charged for. */
export type Counted = {
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

/**
 * What some requests use, and what is written again when the time of what they wrote is over.
 *
 * @param rings whether the outbox's alarm is theirs. It is set for five minutes, and serves all events of that time.
 */
async function count(
  requests: number,
  work: (overrides: Partial<Env>) => Promise<void>,
  apiKeyId?: string,
  rings = true,
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
    if (rings) alarms = await runAlarms();
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
const ring = (imported: Imported, rings = true) =>
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
    rings,
  );

async function importOne(): Promise<Counted> {
  const { key, body } = await prepareImport();
  return count(1, async (overrides) => {
    const response = await post("/v1/phone-numbers", body, { key, env: overrides });
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

export const scenarios: Record<string, () => Promise<Counted>> = {
  "a call": async () => ring(await haveImported()),
  "a call with two events": async () => ring(await withCustomer(), false),
  "the same, alone in its five minutes": async () => {
    const imported = await withCustomer();
    await runAlarms();
    return ring(imported);
  },
  "a placed call that ends at once": () => placedCall(0),
  "a placed call with ten turns": () => placedCall(10),
  "a text that an agent answers": answeredText,
  "a page view": () =>
    count(1, async (overrides) => {
      expect((await send(new Request(`${BASE}/docs`), overrides)).status).toBe(200);
    }),
  "an import": () => importOne(),
  "a check of an account in order": checkOne,
};
