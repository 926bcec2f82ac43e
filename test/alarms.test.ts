import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { haveImported, type Imported, tell } from "./support/answering.ts";
import { startCustomer } from "./support/customer.ts";
import { expectErrorLog } from "./support/logs.ts";
import { holdDeliveries, outboxes } from "./support/outbox.ts";

const MINUTE = 60_000;

type Alarmed = DurableObject & { alarm: (info: Partial<AlarmInvocationInfo>) => Promise<void>; env: Env };
const inOutbox = <T>(work: (instance: Alarmed, storage: DurableObjectStorage) => T | Promise<T>) =>
  runInDurableObject(outboxes()[0] as DurableObjectStub, (instance, { storage }) =>
    work(instance as unknown as Alarmed, storage),
  );
const alarmAt = () => inOutbox((_, storage) => storage.getAlarm());

// The runtime's own clock rings no alarm that was set by a pretended one.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60 * MINUTE });
});
afterEach(() => {
  vi.useRealTimers();
});

let sid = 0;
async function text(imported: Imported): Promise<void> {
  sid += 1;
  await tell(imported, "sms", { MessageSid: `SM${sid}`, Body: "Hello" });
}

/** An outbox with an event that nobody delivers but its alarm. */
async function haveWaiting() {
  const customer = startCustomer();
  const imported = await haveImported({ webhook_url: customer.url });
  customer.received.length = 0;
  holdDeliveries();
  await text(imported);
  return { customer, imported };
}

describe("an object whose alarm has failed six times", () => {
  it("sets it anew at the next request, though the runtime still shows its time", async () => {
    const { customer, imported } = await haveWaiting();
    const before = (await alarmAt()) ?? 0;
    vi.setSystemTime(before + 2 * MINUTE);
    await evictDurableObject(outboxes()[0] as DurableObjectStub);
    expect(await alarmAt()).toBe(before);
    await text(imported);
    const next = (await alarmAt()) ?? 0;
    expect(next).toBeGreaterThan(Date.now());
    // By then whoever had the event has died.
    vi.setSystemTime(next);
    holdDeliveries(false);
    await runDurableObjectAlarm(outboxes()[0] as DurableObjectStub);
    expect(customer.received.length).toBeGreaterThan(0);
  });

  it("has set it anew by itself at its last failure, and not before", async () => {
    await haveWaiting();
    const fail = (retryCount: number) =>
      inOutbox(async (instance, storage) => {
        vi.spyOn(storage.sql, "exec").mockImplementation(() => {
          throw new Error("it fails");
        });
        await instance.alarm({ retryCount }).finally(() => vi.mocked(storage.sql.exec).mockRestore());
      });
    await expect(fail(5)).rejects.toThrow("it fails");
    await fail(6);
    expectErrorLog("alarm_postponed");
    expect(await alarmAt()).toBe(Date.now() + 10 * MINUTE);
  });
});

it("a faulty configuration is no reason to give up: the alarm comes again in ten minutes", async () => {
  const { customer } = await haveWaiting();
  await evictDurableObject(outboxes()[0] as DurableObjectStub);
  await inOutbox(async (instance) => {
    instance.env = { ...env, ADMIN_TOKEN: "" };
    await instance.alarm({ retryCount: 0 });
    instance.env = env;
  });
  expectErrorLog("alarm_postponed");
  expect(await alarmAt()).toBe(Date.now() + 10 * MINUTE);
  expect(customer.received).toEqual([]);
  holdDeliveries(false);
  await runDurableObjectAlarm(outboxes()[0] as DurableObjectStub);
  expect(customer.received).toHaveLength(1);
});
