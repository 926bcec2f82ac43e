import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { forgetRoutes } from "../../src/answering/route-cache.ts";
import { haveImported, type Imported, tell } from "../support/answering.ts";
import { runCron } from "../support/consume.ts";
import { startCustomer } from "../support/customer.ts";
import { watchedDatabase } from "../support/database.ts";
import { expectErrorLog, expectLine, logLines } from "../support/logs.ts";
import { breakOutboxes, deliverHeld, outboxRows, restartOutboxes, runAlarms } from "../support/outbox.ts";
import { rows } from "../support/worker.ts";

// What Twilio tells becomes one event each, whatever goes wrong in between.

const CALL = { CallSid: "CA1", From: "+15005550006", To: "+447446466847", Direction: "inbound" };
const RINGING = { ...CALL, CallStatus: "ringing" };
const ENDED = { ...CALL, CallStatus: "completed", CallDuration: "61" };
const TEXT = { MessageSid: "SM1", SmsSid: "SM1", From: "+15005550006", To: "+447446466847", Body: "Hi 👋\n" };
const MEDIA = {
  ...TEXT,
  NumMedia: "1",
  MediaUrl0: "https://api.twilio.com/x",
  MediaContentType0: "image/png",
};
const RECORDING = {
  CallSid: "CA1",
  RecordingSid: "RE1",
  RecordingUrl: "https://api.twilio.com/RE1",
  RecordingStatus: "completed",
  RecordingDuration: "60",
  RecordingChannels: "2",
};

async function haveCustomer() {
  const customer = startCustomer();
  const imported = await haveImported({ webhook_url: customer.url });
  expect(customer.events().map(({ event }) => event)).toEqual(["number.imported"]);
  customer.received.length = 0;
  return { customer, imported };
}

const told: [
  path: string,
  parameters: Record<string, string>,
  event: string,
  data: Record<string, unknown>,
][] = [
  ["voice", RINGING, "call.started", { call_id: "CA1", from: "+15005550006", routed: true }],
  ["status", ENDED, "call.completed", { call_id: "CA1", duration_seconds: 61, call_status: "completed" }],
  ["status", { ...ENDED, CallStatus: "no-answer" }, "call.failed", { call_status: "no-answer" }],
  ["status", { ...ENDED, CallStatus: "busy" }, "call.failed", { call_status: "busy" }],
  ["sms", TEXT, "sms.received", { message_id: "SM1", text: "Hi 👋\n", media: [] }],
  ["sms-fallback", TEXT, "sms.received", { message_id: "SM1" }],
  ["sms", MEDIA, "sms.received", { media: [{ url: "https://api.twilio.com/x", content_type: "image/png" }] }],
  ["recording", RECORDING, "recording.completed", { recording_id: "RE1", duration_seconds: 60, channels: 2 }],
];

describe("what Twilio tells", () => {
  it.each(told)("/%s (%o) becomes %s", async (path, parameters, event, data) => {
    const { customer, imported } = await haveCustomer();
    const response = await tell(imported, path, parameters);
    expect(response.ok).toBe(true);
    expect(customer.events()).toEqual([
      expect.objectContaining({
        event,
        event_id: expect.stringMatching(/^evt_[0-9a-f]{32}$/),
        created_at: expect.stringMatching(/Z$/),
        agent_id: imported.agentId,
        phone_number: imported.phoneNumber,
        ...data,
      }),
    ]);
  });

  it("texts and callbacks are answered without a word", async () => {
    const { imported } = await haveCustomer();
    expect(await (await tell(imported, "sms", TEXT)).text()).toMatch(/<Response\/>$/);
    for (const [path, parameters] of [["status", ENDED] as const, ["recording", RECORDING] as const]) {
      const response = await tell(imported, path, parameters);
      expect([response.status, await response.text()]).toEqual([204, ""]);
    }
  });

  it.each(told)("/%s is told once, however often Twilio repeats itself", async (path, parameters) => {
    const { customer, imported } = await haveCustomer();
    for (let time = 0; time < 3; time += 1) await tell(imported, path, parameters);
    await Promise.all([tell(imported, path, parameters), tell(imported, path, parameters)]);
    expect(customer.received).toHaveLength(1);
    expect(await outboxRows()).toHaveLength(2);
  });

  it("through the main and the fallback URL is the same text", async () => {
    const { customer, imported } = await haveCustomer();
    await tell(imported, "sms", TEXT);
    await tell(imported, "sms-fallback", TEXT);
    expect(customer.received).toHaveLength(1);
  });

  it.each<[string, string, Record<string, string>]>([
    ["a call that goes on", "status", { ...CALL, CallStatus: "in-progress" }],
    ["a recording that came to nothing", "recording", { ...RECORDING, RecordingStatus: "absent" }],
    ["something without a SID", "sms", { Body: "x" }],
    ["a status nobody knows", "status", { ...CALL, CallStatus: "constructor" }],
  ])("is no event: %s", async (_, path, parameters) => {
    const { customer, imported } = await haveCustomer();
    expect((await tell(imported, path, parameters)).ok).toBe(true);
    expect(customer.received).toEqual([]);
    expect(await outboxRows()).toHaveLength(1);
  });

  it("is told of a number that takes no calls as well, and says so", async () => {
    const { customer, imported } = await haveCustomer();
    await env.DB.prepare("UPDATE phone_numbers SET inbound_enabled = 0").run();
    await tell(imported, "sms", TEXT);
    expect(customer.events()).toEqual([expect.objectContaining({ event: "sms.received", routed: false })]);
  });

  it("leaves no trace where the agent has no webhook_url, but a sign of life", async () => {
    const imported = await haveImported();
    await tell(imported, "voice", RINGING);
    expect(await outboxRows()).toEqual([]);
    expect(await rows("pending_events")).toEqual([]);
    expect(await rows("phone_numbers")).toEqual([
      expect.objectContaining({ last_inbound_at: expect.stringMatching(/Z$/) }),
    ]);
  });

  it("is stored sealed: neither numbers nor words stand in the outbox", async () => {
    const { imported } = await haveCustomer();
    await tell(imported, "sms", { ...TEXT, Body: "a very private matter" });
    const stored = JSON.stringify(await outboxRows());
    expect(stored).toContain("sms.received");
    expect(stored).not.toContain("private matter");
    expect(stored).not.toContain("15005550006");
  });
});

describe("a sign of life", () => {
  const seen = async () =>
    (await rows<{ first_inbound_at: string; last_inbound_at: string }>("phone_numbers"))[0];
  /** Makes it older, for D1 and for this isolate. */
  const age = async ({ key }: Imported, seconds: number) => {
    const time = new Date(Date.now() - seconds * 1000).toISOString();
    await env.DB.prepare("UPDATE phone_numbers SET last_inbound_at = ?1").bind(time).run();
    forgetRoutes(key.key_id);
  };

  it("is written at most once an hour", async () => {
    const imported = await haveImported();
    await tell(imported, "voice", RINGING);
    const first = await seen();
    expect(first?.first_inbound_at).toBe(first?.last_inbound_at);
    await age(imported, 3_599);
    const before = await seen();
    await tell(imported, "sms", TEXT);
    expect(await seen()).toEqual(before);
    await age(imported, 3_600);
    await tell(imported, "voice", { ...RINGING, CallSid: "CA2" });
    const last = await seen();
    expect(last?.first_inbound_at).toBe(first?.first_inbound_at);
    expect(Date.parse(last?.last_inbound_at ?? "")).toBeGreaterThan(Date.now() - 10_000);
  });

  it("costs a busy number nothing more within the hour", async () => {
    const imported = await haveImported();
    await tell(imported, "voice", RINGING);
    const { DB, trips } = watchedDatabase();
    for (let call = 0; call < 3; call += 1) await tell(imported, "voice", RINGING, { env: { DB } });
    expect(trips()).toBe(0);
  });

  it("is no status and no recording", async () => {
    const imported = await haveImported();
    await tell(imported, "status", ENDED);
    await tell(imported, "recording", RECORDING);
    expect((await seen())?.first_inbound_at).toBeNull();
  });
});

describe("nothing is lost", () => {
  it.each(["before", "after"] as const)("where the outbox fails once %s writing", async (when) => {
    const { customer, imported } = await haveCustomer();
    breakOutboxes({ when, times: 1 });
    await tell(imported, "sms", TEXT);
    await tell(imported, "sms", TEXT);
    await deliverHeld();
    expect(customer.events()).toHaveLength(1);
  });

  it("where the outbox is down: D1 keeps it, sealed, and the cron tells it", async () => {
    const { customer, imported } = await haveCustomer();
    breakOutboxes();
    await tell(imported, "sms", TEXT);
    const kept = await rows("pending_events");
    expect(kept).toMatchObject([{ type: "sms.received", lane: imported.id }]);
    expect(JSON.stringify(kept)).not.toContain("15005550006");
    expectLine("event_kept_in_d1", { level: "warn", event_id: kept[0]?.id });
    await runCron("*/15 * * * *");
    expect(await rows("pending_events")).toHaveLength(1);
    expectLine("events_not_relayed", { level: "warn", key_id: imported.key.key_id, count: 1 });
    breakOutboxes(false);
    await runCron("*/15 * * * *");
    await runCron("*/15 * * * *");
    expect(await rows("pending_events")).toEqual([]);
    expect(customer.events()).toEqual([expect.objectContaining({ event: "sms.received" })]);
  });

  it("where the outbox was down for many: they come in order, and no key waits behind another", async () => {
    const customer = startCustomer();
    const imported = await haveImported({ webhook_url: customer.url });
    breakOutboxes();
    for (let event = 0; event < 8; event += 1)
      await tell(imported, "sms", { MessageSid: `SM1${event}`, Body: String(event) });
    breakOutboxes(false);
    customer.received.length = 0;
    await runCron("*/15 * * * *");
    expect(customer.events().map(({ text }) => text)).toEqual([..."01234567"]);
    expect(await rows("pending_events")).toEqual([]);
  });

  it("where the outbox was down a moment ago: what comes next does not come before it", async () => {
    const { customer, imported } = await haveCustomer();
    const text = (index: number, options = {}) =>
      tell(imported, "sms", { MessageSid: `SM1${index}`, Body: String(index) }, options);
    breakOutboxes();
    await text(0);
    breakOutboxes(false);
    await text(1);
    await text(2);
    await deliverHeld();
    expect(customer.events().map(({ text }) => text)).toEqual([..."012"]);
    expect(await rows("pending_events")).toEqual([]);
    // Once nothing waits, D1 is not asked any more.
    const { DB, trips } = watchedDatabase();
    await text(3, { env: { DB } });
    expect(trips()).toBe(0);
  });

  it("where D1 fails while events wait in it: the outbox has it, before them", async () => {
    const { customer, imported } = await haveCustomer();
    breakOutboxes();
    await tell(imported, "sms", TEXT);
    breakOutboxes(false);
    const { DB } = watchedDatabase({ trip: 1, when: "before", times: 10 });
    await tell(imported, "status", ENDED, { env: { DB } });
    expectLine("event_overtakes", { level: "warn" });
    await deliverHeld();
    expect(customer.events()).toHaveLength(1);
  });

  it("where the outbox took it and its answers were lost: it is told, perhaps twice, under one id", async () => {
    const { customer, imported } = await haveCustomer();
    breakOutboxes({ when: "after" });
    await tell(imported, "sms", TEXT);
    expect(await rows("pending_events")).toHaveLength(1);
    breakOutboxes(false);
    await restartOutboxes();
    await runCron("*/15 * * * *");
    await runAlarms();
    expect(new Set(customer.events().map(({ event_id }) => event_id)).size).toBe(1);
    expect(await rows("pending_events")).toEqual([]);
  });

  it("where D1 is down: the outbox has it, and tells it where it told the last one", async () => {
    const { customer, imported } = await haveCustomer();
    const { DB } = watchedDatabase({ trip: 1, when: "before", times: 10 });
    await tell(imported, "status", { ...CALL, CallStatus: "in-progress" });
    expect((await tell(imported, "sms", TEXT, { env: { DB } })).status).toBe(200);
    expect(customer.events()).toHaveLength(1);
  });

  it("and where both are down, an error line says so", async () => {
    expectErrorLog("inbound_not_recorded");
    const { imported } = await haveCustomer();
    await tell(imported, "status", { ...CALL, CallStatus: "in-progress" });
    breakOutboxes();
    const { DB } = watchedDatabase({ trip: 1, when: "before", times: 10 });
    expect((await tell(imported, "sms", TEXT, { env: { DB } })).status).toBe(200);
  });

  it("where the sign of life cannot be written, the event is told all the same", async () => {
    const { customer, imported } = await haveCustomer();
    await tell(imported, "status", { ...CALL, CallStatus: "in-progress" });
    const { DB } = watchedDatabase({ trip: 1, when: "before", times: 10 });
    await tell(imported, "voice", RINGING, { env: { DB } });
    expect(logLines()).toContainEqual(expect.objectContaining({ event: "sign_of_life_not_written" }));
    expect(customer.events()).toHaveLength(1);
    await tell(imported, "voice", { ...RINGING, CallSid: "CA2" });
    expect(await rows("phone_numbers")).toMatchObject([{ last_inbound_at: expect.stringMatching(/Z$/) }]);
  });
});
