import { describe, expect, it } from "vitest";
import { haveImported, type Imported, tell } from "../support/answering.ts";
import { runCron } from "../support/consume.ts";
import { type Customer, startCustomer } from "../support/customer.ts";
import { expectLine } from "../support/logs.ts";
import { breakOutboxes } from "../support/outbox.ts";
import { twilio } from "../support/twilio.ts";
import { call, get, type Key, post } from "../support/worker.ts";

// What a customer calls a number stands in every event about it, as it was then.

const THEN = { external_id: "branch-17", label: "Luigi's, Leeds", metadata: { plan: "gold" } };
const LATER = { external_id: "branch-18", label: null, metadata: { plan: "gold", city: "Leeds" } };
const NOTHING = { external_id: null, label: null, metadata: null };
const CALLER = "+15005550006";
const CALL = `CA${"1".repeat(32)}`;

const deliveries = async (key: Key, query: string) =>
  (await get(`/v1/webhooks/deliveries?${query}`, key)).json<{
    deliveries: { event: string; external_id: string | null; state: string }[];
    count: number;
  }>();

const news = (customer: Customer) =>
  customer
    .events()
    .map(({ event, external_id, label, metadata }) => [event, { external_id, label, metadata }]);

const ring = async (imported: Imported, sid = CALL) => {
  const about = { CallSid: sid, From: CALLER, To: imported.phoneNumber, Direction: "inbound" };
  await tell(imported, "voice", { ...about, CallStatus: "ringing" });
  await tell(imported, "status", { ...about, CallStatus: "completed", CallDuration: "60" });
};

async function drift({ account, phoneNumber, key }: Imported) {
  const [number] = twilio.state.numbers.of(account.sid);
  if (number) number.voice_url = "https://elsewhere.example/voice";
  await call("POST", `/v1/phone-numbers/${phoneNumber}/check`, key);
}

describe("whom an event belongs to", () => {
  it.each([
    ["what its number is called", THEN],
    ["null where it is called nothing", NOTHING],
  ])("is %s, whatever happens", async (_, own) => {
    const customer = startCustomer();
    const imported = await haveImported({ webhook_url: customer.url }, {}, own);
    const { key, agentId, phoneNumber } = imported;
    await ring(imported);
    const text = { MessageSid: `SM${"1".repeat(32)}`, From: CALLER, To: phoneNumber };
    await tell(imported, "sms", { ...text, Body: "Please stop texting me" });
    const recording = { RecordingSid: `RE${"1".repeat(32)}`, RecordingStatus: "completed" };
    await tell(imported, "recording", { CallSid: CALL, ...recording });
    await tell(imported, "message-status", { ...text, MessageStatus: "undelivered" });
    await tell(imported, "message-status", { ...text, MessageStatus: "delivered" });
    await drift(imported);
    await call("PATCH", `/v1/phone-numbers/${phoneNumber}`, key, { drift_policy: "report" });
    await drift(imported);
    const [number] = twilio.state.numbers.of(imported.account.sid);
    twilio.state.numbers.delete(number?.sid ?? "");
    await call("POST", `/v1/phone-numbers/${phoneNumber}/check`, key);
    await post("/v1/webhooks/test", { agent_id: agentId }, { key });
    await call("DELETE", `/v1/phone-numbers/${phoneNumber}`, key);
    await tell(imported, "status", { CallSid: `CA${"2".repeat(32)}`, CallStatus: "completed" });
    const events = customer.events();
    expect(new Set(events.map(({ event }) => event))).toEqual(
      new Set([
        "number.imported",
        "call.started",
        "call.completed",
        "sms.received",
        "sms.opted_out",
        "recording.completed",
        "sms.failed",
        "sms.delivered",
        "number.repaired",
        "number.drifted",
        "number.missing",
        "number.changed",
        "webhook.test",
        "number.released",
      ]),
    );
    // The last call ended after the release.
    expect(events.at(-1)).toMatchObject({ event: "call.completed", ...own });
    for (const { event, phone_number, external_id, label, metadata } of events)
      expect({ event, phone_number, external_id, label, metadata }).toEqual(
        event === "webhook.test" ? { event } : { event, phone_number: phoneNumber, ...own },
      );
  });

  it("is that of the time when it happened", async () => {
    const customer = startCustomer();
    const imported = await haveImported({ webhook_url: customer.url }, {}, THEN);
    const { key, phoneNumber } = imported;
    await ring(imported);
    const { metadata: _, ...change } = { ...LATER };
    await call("PATCH", `/v1/phone-numbers/${phoneNumber}`, key, { ...change, metadata: { city: "Leeds" } });
    await ring(imported, `CA${"2".repeat(32)}`);
    expect(news(customer)).toEqual([
      ["number.imported", THEN],
      ["call.started", THEN],
      ["call.completed", THEN],
      ["number.changed", LATER],
      ["call.started", LATER],
      ["call.completed", LATER],
    ]);
    expect(await deliveries(key, "external_id=branch-17&limit=2")).toMatchObject({
      deliveries: [
        { event: "call.completed", external_id: "branch-17" },
        { event: "call.started", external_id: "branch-17" },
      ],
      count: 3,
    });
    expect((await deliveries(key, "external_id=branch-18&state=delivered")).count).toBe(3);
    expect((await deliveries(key, "external_id=branch-18&state=failed")).count).toBe(0);
    expect((await deliveries(key, "external_id=branch")).deliveries).toEqual([]);
  });

  it("is kept by D1 where the outbox is down", async () => {
    const customer = startCustomer();
    const imported = await haveImported({ webhook_url: customer.url }, {}, THEN);
    breakOutboxes();
    await tell(imported, "voice", { CallSid: CALL, CallStatus: "ringing" });
    expectLine("event_kept_in_d1", { level: "warn" });
    breakOutboxes(false);
    await runCron("*/15 * * * *");
    expect(news(customer).at(-1)).toEqual(["call.started", THEN]);
    expect((await deliveries(imported.key, "external_id=branch-17")).count).toBe(2);
  });
});

describe("calls and usage by external_id", () => {
  it("are those of the numbers that had it then", async () => {
    const imported = await haveImported({}, {}, THEN);
    const { key, phoneNumber, agentId } = imported;
    await ring(imported);
    await tell(imported, "sms", { MessageSid: `SM${"1".repeat(32)}`, From: CALLER, Body: "Hi" });
    const to = { agent_id: agentId, to: "+15005550009" };
    expect((await post("/v1/sms", { ...to, message: "Hi" }, { key })).status).toBe(201);
    await call("PATCH", `/v1/phone-numbers/${phoneNumber}`, key, { external_id: "branch-18" });
    const placed = { agent_id: agentId, to_number: "+15005550009" };
    expect((await post("/v1/calls", placed, { key })).status).toBe(201);
    await ring(imported);
    const calls = async (query: string) =>
      (await get(`/v1/calls?${query}`, key)).json<{ calls: Record<string, unknown>[]; count: number }>();
    expect(await calls("external_id=branch-17")).toMatchObject({
      calls: [{ call_id: CALL, external_id: "branch-17" }],
      count: 1,
    });
    expect(await calls("external_id=branch-18&direction=outbound")).toMatchObject({
      calls: [{ external_id: "branch-18", status: "initiated" }],
      count: 1,
    });
    expect((await calls("external_id=branch-17&status=busy")).count).toBe(0);
    expect((await calls("external_id=")).count).toBe(2);
    expect(await (await get(`/v1/calls/${CALL}`, key)).json()).toMatchObject({ external_id: "branch-17" });

    const usage = async (query: string) => (await get(`/v1/usage${query}`, key)).json<object>();
    expect(await usage("?external_id=branch-17")).toMatchObject({
      calls: { inbound: 1, outbound: 0, minutes: 1 },
      sms: { received: 1, sent: 1 },
      model: null,
      numbers: 0,
      limits: { calls_per_day: { used: 1 }, max_numbers: { used: 1 } },
    });
    expect(await usage("?external_id=branch-18")).toMatchObject({
      calls: { inbound: 0, outbound: 1, minutes: 0 },
      sms: { received: 0, sent: 0 },
      numbers: 1,
    });
    expect(await usage("")).toMatchObject({
      calls: { inbound: 1, outbound: 1, minutes: 1 },
      sms: { received: 1, sent: 1 },
      model: { turns: 0, tokens: 0 },
      numbers: 1,
    });
  });
});
