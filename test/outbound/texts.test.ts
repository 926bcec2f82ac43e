import { describe, expect, it, vi } from "vitest";
import { haveImported, type Imported, tell } from "../support/answering.ts";
import { startCustomer } from "../support/customer.ts";
import { operations, twilio } from "../support/twilio.ts";
import { expectError, post, rows } from "../support/worker.ts";
import { effects } from "../twilio-simulator/faults.ts";
import { addMessagingService, addNumber, type MessagingService, newSid } from "../twilio-simulator/state.ts";

const TO = "+15005550009";

function sendText(
  { key, agentId }: Imported,
  fields: Record<string, unknown> = {},
  headers: Record<string, string> = {},
) {
  return post(
    "/v1/sms",
    { agent_id: agentId, to: TO, message: "Your table is ready.", ...fields },
    { key, headers },
  );
}

describe("POST /v1/sms", () => {
  it("sends a text with one request to Twilio, and tells that it arrived", async () => {
    const customer = startCustomer();
    const imported = await haveImported({ webhook_url: customer.url });
    // Only a number's first text waits until it is known which Messaging Service the number is in.
    await sendText(imported);
    const before = operations().length;
    const response = await sendText(imported);
    const message = twilio.state.messages[1];
    expect(response.status).toBe(201);
    expect(await response.json()).toEqual({
      message_id: message?.sid,
      status: "queued",
      to: TO,
      from: imported.phoneNumber,
    });
    expect(operations().slice(before)).toEqual(["message"]);
    expect(message).toMatchObject({ from: imported.phoneNumber, to: TO, body: "Your table is ready." });
    await twilio.deliverTexts();
    const event = customer.events().at(-1);
    expect(event).toMatchObject({ event: "sms.delivered", message_id: message?.sid, to: TO });
    expect(event).not.toHaveProperty("reason");
  });

  it.each([
    [30003, "undelivered", "handset_unreachable"],
    [30034, "failed", "a2p_unregistered"],
    [30032, "undelivered", "tollfree_unverified"],
    [30023, "undelivered", "a2p_limit"],
    [30450, "undelivered", "message_blocked"],
    [30410, "undelivered", "provider_timeout"],
    [39999, "failed", "failed"],
  ] as const)("tells that it did not arrive, and why: %i", async (errorCode, status, reason) => {
    const customer = startCustomer();
    const imported = await haveImported({ webhook_url: customer.url });
    await sendText(imported);
    await twilio.deliverTexts({ status, errorCode });
    expect(customer.events().at(-1)).toMatchObject({ event: "sms.failed", twilio_code: errorCode, reason });
    const isAboutWarnings = /warnings here/.test(String(customer.events().at(-1)?.hint));
    expect(isAboutWarnings).toBe(errorCode === 30032 || errorCode === 30034);
  });

  it("tells nothing of a text that is on its way", async () => {
    const customer = startCustomer();
    const imported = await haveImported({ webhook_url: customer.url });
    const before = customer.events().length;
    await tell(imported, "message-status", { MessageSid: "SM1", MessageStatus: "sent" });
    expect(customer.events()).toHaveLength(before);
  });

  it("refuses what cannot be sent", async () => {
    const imported = await haveImported();
    await expectError(await sendText(imported, { message: "  " }), 400, "missing_field");
    await expectError(await sendText(imported, { message: "x".repeat(1_601) }), 400, "message_too_long");
    await expectError(await sendText(imported, { to: "12345" }), 400, "invalid_phone_format");
    await expectError(await sendText(imported, { from_number: TO }), 400, "from_number_not_found");
    await expectError(await sendText(imported, { agent_id: "agent_0" }), 404, "agent_not_found");
    expect(twilio.state.messages).toEqual([]);
  });

  it("says why Twilio refuses", async () => {
    const imported = await haveImported();
    twilio.state.optedOut.add(TO);
    const { details } = await expectError(await sendText(imported), 403, "recipient_unsubscribed");
    expect(details).toMatchObject({ twilio_code: 21610 });
    twilio.state.optedOut.clear();
    twilio.faults.add({ effect: effects.tooManyRequestsRetryAfter(7), operation: "message" });
    await expectError(await sendText(imported), 503, "twilio_rate_limited");
    for (const number of twilio.state.numbers.values())
      number.capabilities = { voice: true, sms: false, mms: false, fax: false };
    await expectError(await sendText(imported), 400, "sms_not_supported");
  });

  it.each([
    [21611, 502, "outbound_failed", "queue_full"],
    [21635, 422, "outbound_refused", "not_a_mobile_number"],
    [21660, 422, "outbound_refused", "sender_not_in_account"],
    [21703, 422, "outbound_refused", "messaging_service_unusable"],
    [30032, 422, "outbound_refused", "tollfree_unverified"],
    [572006, 422, "outbound_refused", "not_allowed_on_trial"],
    [21612, 400, "sms_not_supported", "route_not_supported"],
  ])("says what Twilio's code means: %i", async (twilioCode, status, code, reason) => {
    const imported = await haveImported();
    twilio.faults.add({ effect: effects.refusal(twilioCode), operation: "message" });
    const { details } = await expectError(await sendText(imported), status, code);
    expect(details).toMatchObject({ twilio_code: twilioCode, reason });
  });

  it("finds a text whose answer was lost, and never sends it twice", async () => {
    const imported = await haveImported();
    twilio.faults.add({ effect: effects.replyLost, operation: "message" });
    const found = await sendText(imported, {}, { "idempotency-key": "one" });
    expect(await found.json()).toMatchObject({ message_id: twilio.state.messages[0]?.sid });
    twilio.faults.add({ effect: effects.reset, operation: "message" });
    const other = { message: "Another." };
    const { details } = await expectError(
      await sendText(imported, other, { "idempotency-key": "two" }),
      502,
      "outbound_failed",
    );
    expect(details).toMatchObject({ outcome: "unknown" });
    await expectError(await sendText(imported, other, { "idempotency-key": "two" }), 502, "outbound_failed");
    expect(twilio.state.messages).toHaveLength(1);
  });
});

describe("a text whose answer is lost", () => {
  const LATER_MS = 900_000;
  const TYPED = "It\u2019s ready \u2014 \u201ccome by\u201d: https://acme.example/table";
  const key = { "idempotency-key": "lost" };

  async function later<T>(act: () => Promise<T>): Promise<T> {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + LATER_MS });
    return act();
  }

  function serviceOf({ account }: Imported, settings: Partial<MessagingService> = {}): void {
    const numberSids = twilio.state.numbers.of(account.sid).map(({ sid }) => sid);
    addMessagingService(twilio.state, { numberSids, ...settings });
  }

  it.each<[string, (imported: Imported) => void]>([
    ["as it was", () => undefined],
    ["after Twilio's words on a trial account", ({ account }) => Object.assign(account, { type: "Trial" })],
    ["with plain quotes and dashes", (imported) => serviceOf(imported)],
  ])("is found %s", async (_, arrange) => {
    const imported = await haveImported();
    arrange(imported);
    twilio.faults.add({ effect: effects.replyLost, operation: "message" });
    twilio.faults.add({ effect: effects.serverErrorHtml, operation: "messages", times: 3 });
    const { details } = await expectError(
      await sendText(imported, { message: TYPED }, key),
      502,
      "outbound_failed",
    );
    expect(details).toMatchObject({ outcome: "unknown" });
    const found = await later(() => sendText(imported, { message: TYPED }, key));
    expect(await found.json()).toMatchObject({ message_id: twilio.state.messages[0]?.sid });
    expect(twilio.state.messages).toHaveLength(1);
  });

  it("is found after two minutes, or not known, on a trial account; never called not sent", async () => {
    const imported = await haveImported();
    imported.account.type = "Trial";
    const message = "Your code is 1234";
    twilio.faults.add({ effect: effects.replyLost, operation: "message" });
    twilio.faults.add({ effect: effects.serverErrorHtml, operation: "messages", times: 3 });
    await expectError(await sendText(imported, { message }, key), 502, "outbound_failed");
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 124_000 });
    const again = await sendText(imported, { message }, key);
    expect(twilio.state.texts[0]?.body).toMatch(/^Sent from your Twilio trial account/);
    expect(await again.json()).toMatchObject({ message_id: twilio.state.messages[0]?.sid });
    expect(twilio.state.messages).toHaveLength(1);
  });

  it.each<[string, (imported: Imported) => void]>([
    ["with a link that Twilio shortens", (imported) => serviceOf(imported, { shortensLinks: true })],
    [
      "by another number of the service",
      (imported) => {
        addNumber(twilio.state, imported.account, { phone_number: "+15005550077" });
        serviceOf(imported, { picksSender: true });
      },
    ],
  ])("stays unknown, and is not called not sent: %s", async (_, arrange) => {
    const imported = await haveImported();
    arrange(imported);
    twilio.faults.add({ effect: effects.replyLost, operation: "message" });
    await expectError(await sendText(imported, { message: TYPED }, key), 502, "outbound_failed");
    const again = await later(() => sendText(imported, { message: TYPED }, key));
    expect((await expectError(again, 502, "outbound_failed")).details).toMatchObject({ outcome: "unknown" });
    expect(twilio.state.messages).toHaveLength(1);
  });

  const others = (count: number, afterMs = 0) => {
    const [text] = twilio.state.texts;
    if (!text) throw new Error("no text");
    const date_created = new Date(Date.now() + afterMs).toUTCString();
    for (let index = 0; index < count; index += 1)
      twilio.state.texts.push({ ...text, sid: newSid("SM"), body: "Somebody else's.", date_created });
  };

  it.each<[string, string, () => void]>([
    ["not_sent", "only texts of this key that are known", () => undefined],
    ["unknown", "a text of somebody else", () => others(1)],
    ["not_sent", "a text of somebody else much later", () => others(1, LATER_MS - 1_000)],
    ["unknown", "so many later texts that the page does not reach back", () => others(50, LATER_MS - 1_000)],
  ])("is %s if Twilio has %s", async (outcome, _, arrange) => {
    const imported = await haveImported();
    await sendText(imported);
    twilio.faults.add({ effect: effects.reset, operation: "message" });
    await expectError(await sendText(imported, { message: TYPED }, key), 502, "outbound_failed");
    arrange();
    const again = await later(() => sendText(imported, { message: TYPED }, key));
    expect((await expectError(again, 502, "outbound_failed")).details).toMatchObject({ outcome });
    expect(twilio.state.messages).toHaveLength(1);
  });
});

describe("a number in a Messaging Service", () => {
  const HOUR_MS = 60 * 60 * 1_000;
  const through = () => twilio.state.texts.map((text) => text.messaging_service_sid);
  const known = async () => (await rows<{ messaging_service_sid: string }>("phone_numbers"))[0];

  async function haveInService(fields: Record<string, unknown> = {}) {
    const imported = await haveImported(fields);
    const [number] = twilio.state.numbers.of(imported.account.sid);
    addMessagingService(twilio.state);
    const service = addMessagingService(twilio.state, {
      numberSids: [number?.sid ?? ""],
      useInboundWebhookOnNumber: true,
      hasCampaign: true,
    });
    return { imported, service, numberSid: number?.sid ?? "" };
  }

  it("sends through it, so that its registration counts, and asks Twilio for it once", async () => {
    const customer = startCustomer();
    const { imported, service } = await haveInService({ webhook_url: customer.url });
    await sendText(imported);
    const before = operations().length;
    await sendText(imported);
    expect(operations().slice(before)).toEqual(["message"]);
    expect(through()).toEqual([service.sid, service.sid]);
    expect(twilio.state.messages).toMatchObject([
      { from: imported.phoneNumber },
      { from: imported.phoneNumber },
    ]);
    await twilio.deliverTexts();
    expect(customer.events().at(-1)).toMatchObject({ event: "sms.delivered" });
  });

  it("that has left it sends again without it, and nothing twice", async () => {
    const { imported, service } = await haveInService();
    await sendText(imported);
    service.numberSids = [];
    expect((await sendText(imported)).status).toBe(201);
    expect(through()).toEqual([service.sid, null]);
    expect(await known()).toMatchObject({ messaging_service_sid: null });
    twilio.state.messagingServices.delete(service.sid);
  });

  it("whose service is gone sends through the one that it is in now", async () => {
    const { imported, service, numberSid } = await haveInService();
    await sendText(imported);
    twilio.state.messagingServices.delete(service.sid);
    const other = addMessagingService(twilio.state, { numberSids: [numberSid] });
    await sendText(imported);
    expect(through()).toEqual([service.sid, other.sid]);
  });

  it("is looked for again within the hour, beside a text that does not wait for it", async () => {
    const imported = await haveImported();
    await sendText(imported);
    const [number] = twilio.state.numbers.of(imported.account.sid);
    const service = addMessagingService(twilio.state, { numberSids: [number?.sid ?? ""] });
    await sendText(imported);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + HOUR_MS + 1 });
    try {
      for (let texts = 0; texts < 2; texts += 1) await sendText(imported);
    } finally {
      vi.useRealTimers();
    }
    expect(through()).toEqual([null, null, null, service.sid]);
  });

  it("sends without it if Twilio does not say, and asks again with the next text", async () => {
    const { imported, service } = await haveInService();
    twilio.faults.add({ operation: "services", effect: effects.serverErrorHtml, times: 9 });
    expect((await sendText(imported)).status).toBe(201);
    expect(await known()).toMatchObject({ messaging_service_checked_at: null });
    twilio.faults.clear();
    await sendText(imported);
    expect(through()).toEqual([null, service.sid]);
  });
});
