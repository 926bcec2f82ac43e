import { describe, expect, it } from "vitest";
import { webhooksOf } from "../../src/twilio/webhook-urls.ts";
import { haveImported, tell } from "../support/answering.ts";
import { deliverQueued } from "../support/consume.ts";
import { startCustomer } from "../support/customer.ts";
import { brokenDatabase } from "../support/database.ts";
import { serveWebhooks, twilio } from "../support/twilio.ts";
import { BASE, send } from "../support/worker.ts";
import { NoAnswer, overridesOf, type WebhookExchange } from "../twilio-simulator/webhooks.ts";

// Nothing that Twilio reports is lost because our first answer failed.

const outage = { DB: brokenDatabase };

/** Fails the next requests for a path, and then serves it. */
function failNext(times: number, path: string, fail = (request: Request) => send(request, outage)): void {
  let left = times;
  serveWebhooks((request) => {
    const isMeant = new URL(request.url).pathname.endsWith(path);
    if (isMeant) left -= 1;
    return isMeant && left >= 0 ? fail(request) : send(request);
  });
}

async function haveCustomer(agent: Record<string, unknown> = {}) {
  const customer = startCustomer();
  const imported = await haveImported({ webhook_url: customer.url, ...agent });
  await deliverQueued();
  customer.received.length = 0;
  const events = async () => {
    await deliverQueued();
    return customer.events().map(({ event }) => event);
  };
  return { imported, events };
}

const statuses = (exchanges: readonly WebhookExchange[], path: string) =>
  exchanges.filter(({ url }) => url.endsWith(path)).map(({ status }) => status);

describe("what Twilio reports", () => {
  it("arrives after two failures of ours: a text", async () => {
    const { imported, events } = await haveCustomer();
    failNext(2, "/sms");
    const { answeredBy, exchanges } = await twilio.text(imported.phoneNumber);
    expect(answeredBy).toBe("webhook");
    expect(statuses(exchanges, "/sms")).toEqual([503, 503, 200]);
    expect(await events()).toEqual(["sms.received"]);
  });

  it("arrives after two tries that nobody answered: a text", async () => {
    const { imported, events } = await haveCustomer();
    failNext(2, "/sms", () => Promise.reject(new NoAnswer()));
    expect(statuses((await twilio.text(imported.phoneNumber)).exchanges, "/sms")).toEqual([0, 0, 200]);
    expect(await events()).toEqual(["sms.received"]);
  });

  it.each<[string, number]>([
    ["/status", 204],
    ["/recording", 204],
  ])("arrives after two failures of ours: %s", async (path, status) => {
    const connect = { type: "conversation_relay", url: "wss://runtime.example/relay" };
    const { imported, events } = await haveCustomer({ connect, record: true });
    failNext(2, path, async () => new Response(null, { status: 502 }));
    const { exchanges } = await twilio.ring(imported.phoneNumber);
    expect(statuses(exchanges, path)).toEqual([502, 502, status]);
    expect((await events()).sort()).toEqual(["call.completed", "call.started", "recording.completed"]);
  });

  it("arrives once where an answer was too late and not lost", async () => {
    const { imported, events } = await haveCustomer();
    failNext(2, "/sms", async (request) => {
      await send(request);
      throw new NoAnswer();
    });
    expect(statuses((await twilio.text(imported.phoneNumber)).exchanges, "/sms")).toEqual([0, 0, 200]);
    expect(await events()).toEqual(["sms.received"]);
  });

  it("goes to the fallback URL where all three tries failed", async () => {
    const { imported, events } = await haveCustomer();
    failNext(3, "/sms");
    expect((await twilio.text(imported.phoneNumber)).answeredBy).toBe("fallback");
    expect(await events()).toEqual(["sms.received"]);
  });

  it("is not sent again after our refusal", async () => {
    const { imported } = await haveCustomer();
    imported.account.authToken = "f".repeat(32);
    const { exchanges } = await twilio.text(imported.phoneNumber);
    expect(statuses(exchanges, "/sms")).toEqual([403]);
    expect((await tell(imported, "sms", {})).status).toBe(403);
  });
});

describe("a call", () => {
  it("goes to the fallback at once where the voice URL answers with an error", async () => {
    const { imported } = await haveCustomer();
    failNext(1, "/voice");
    const { answeredBy, exchanges } = await twilio.ring(imported.phoneNumber);
    expect([answeredBy, statuses(exchanges, "/voice")]).toEqual(["fallback", [503]]);
  });

  it("is tried once more where the edge cannot be reached", async () => {
    const { imported } = await haveCustomer();
    failNext(1, "/voice", () => Promise.reject(new TypeError("connection refused")));
    const { answeredBy, exchanges } = await twilio.ring(imported.phoneNumber);
    expect([answeredBy, statuses(exchanges, "/voice")]).toEqual(["webhook", [0, 200]]);
  });
});

describe("the connection overrides", () => {
  const urls = webhooksOf(BASE, { accountId: "twa_1", phoneNumberId: "num_1" });
  const {
    voice,
    voiceFallback,
    connectAction,
    connectActionPlain,
    gather,
    gatherWait,
    voicemailLeft,
    ...reported
  } = urls;
  const answered = {
    voice,
    voiceFallback,
    connectAction,
    connectActionPlain,
    gather,
    gatherWait,
    voicemailLeft,
  };

  it.each(Object.entries(reported))("of %s leave time for every try that they promise", (_, url) => {
    const overrides = overridesOf(url);
    expect(overrides?.rp).toEqual(["5xx", "ct", "rt"]);
    const { rc = 0, ct = 0, rt = 0, tt = 0 } = overrides ?? {};
    expect(rc).toBe(2);
    expect((rc + 1) * (ct + rt)).toBeLessThanOrEqual(tt);
  });

  it.each(Object.entries(answered))(
    "of %s keep Twilio's own retry, and four seconds are all that a dead edge costs",
    (_, url) => {
      const { rc, rp, ct } = overridesOf(url) ?? {};
      expect([rc, rp, ct]).toEqual([1, ["ct"], 2_000]);
    },
  );
});
