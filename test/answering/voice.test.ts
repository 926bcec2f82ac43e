import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { forgetRoutes } from "../../src/answering/route-cache.ts";
import { haveImported, tell, webhookUrl } from "../support/answering.ts";
import { brokenDatabase } from "../support/database.ts";
import { expectErrorLog, logLines } from "../support/logs.ts";
import { twilio } from "../support/twilio.ts";
import { rows } from "../support/worker.ts";

const RELAY = { type: "conversation_relay", url: "wss://runtime.example/relay" };
const FALLBACK = { type: "say", text: "Our assistant is resting. Goodbye." };
const CALL = { CallSid: "CA1", From: "+15005550006", CallStatus: "ringing" };

describe("a call", () => {
  it("hears the welcome message in the agent's language, where there is no runtime", async () => {
    const { phoneNumber } = await haveImported({ welcome_message: "Bonjour & bienvenue", language: "fr" });
    const { answeredBy, twiml, exchanges } = await twilio.ring(phoneNumber);
    expect(answeredBy).toBe("webhook");
    expect(twiml).toContain('<Say language="fr-FR">Bonjour &amp; bienvenue</Say><Hangup/>');
    expect(exchanges.map(({ status }) => status)).toEqual([200, 204]);
  });

  it("hears something polite where the agent has no welcome message", async () => {
    const { phoneNumber } = await haveImported();
    expect((await twilio.ring(phoneNumber)).twiml).toContain("Thank you for calling.");
  });

  it("is handed to ConversationRelay, which learns whom it serves", async () => {
    const imported = await haveImported({ connect: RELAY, welcome_message: "Hallo", language: "de" });
    const twiml = await (await tell(imported, "voice", CALL)).text();
    const action = webhookUrl(imported.id, "connect-action#rc=1&amp;rp=ct&amp;ct=2000");
    expect(twiml).toBe(
      `<?xml version="1.0" encoding="UTF-8"?><Response><Connect action="${action}" method="POST">` +
        '<ConversationRelay url="wss://runtime.example/relay" welcomeGreeting="Hallo" language="de-DE">' +
        `<Parameter name="agent_id" value="${imported.agentId}"/>` +
        '<Parameter name="phone_number" value="+447446466847"/>' +
        '<Parameter name="call_id" value="CA1"/><Parameter name="from" value="+15005550006"/>' +
        "</ConversationRelay></Connect></Response>",
    );
  });

  it("lets connect say otherwise, but nobody pose as another agent", async () => {
    const connect = {
      ...RELAY,
      welcomeGreeting: "Hi",
      language: "en-GB",
      parameters: { tier: "gold", agent_id: "agent_x" },
    };
    const imported = await haveImported({ connect, welcome_message: "Hallo", language: "de" });
    const twiml = await (await tell(imported, "voice", CALL)).text();
    expect(twiml).toContain('welcomeGreeting="Hi" language="en-GB"');
    expect(twiml).toContain('<Parameter name="tier" value="gold"/>');
    expect(twiml).not.toContain("agent_x");
    expect(twiml.match(/name="agent_id"/g)).toHaveLength(1);
  });

  it("is recorded before it is connected, where the agent says so", async () => {
    const imported = await haveImported({ connect: RELAY, record: true });
    const twiml = await (await tell(imported, "voice", CALL)).text();
    expect(twiml).toContain(
      `<Response><Start><Recording recordingStatusCallback="${webhookUrl(imported.id, "recording")}` +
        '#rc=2&amp;rp=5xx,ct,rt&amp;ct=2000&amp;rt=3000" ' +
        'recordingStatusCallbackMethod="POST" recordingStatusCallbackEvent="completed absent"/></Start><Connect ',
    );
  });

  it.each<[string, string, string]>([
    ["an inactive agent", "UPDATE agents SET is_active = 0", "Welcome"],
    ["no agent any more", "UPDATE phone_numbers SET agent_id = NULL", "Welcome"],
    ["inbound calls switched off", "UPDATE phone_numbers SET inbound_enabled = 0", "Welcome"],
  ])("hears that nobody answers: %s", async (_, sql, welcome) => {
    const { phoneNumber } = await haveImported({ welcome_message: welcome, fallback: FALLBACK });
    await env.DB.prepare(sql).run();
    const { twiml } = await twilio.ring(phoneNumber);
    expect(twiml).toContain("not taking calls");
    expect(twiml).not.toContain(welcome);
    expect(twiml).not.toContain(FALLBACK.text);
  });

  it("that would dial itself for ever gets the fallback", async () => {
    const connect = { type: "dial", number: "+447446466847" };
    const { phoneNumber } = await haveImported({ connect, fallback: FALLBACK });
    expect((await twilio.ring(phoneNumber)).twiml).toContain(FALLBACK.text);
  });
});

describe("a runtime that cannot be reached", () => {
  it.each<[string, Record<string, unknown>]>([
    ["ConversationRelay", RELAY],
    ["a number", { type: "dial", number: "+15005550009" }],
  ])("%s: ends in the agent's fallback and not in silence", async (_, connect) => {
    const { phoneNumber } = await haveImported({ connect, fallback: FALLBACK });
    const { documents } = await twilio.ring(phoneNumber, { isReachable: false });
    expect(documents[1]).toContain(`${FALLBACK.text}</Say><Hangup/>`);
    expect(logLines()).toContainEqual(expect.objectContaining({ event: "runtime_unreached" }));
  });

  it("dials where the fallback is a number, or says something polite where there is none", async () => {
    const dialling = await haveImported({
      connect: RELAY,
      fallback: { type: "dial", number: "+15005550009" },
    });
    expect((await twilio.ring(dialling.phoneNumber, { isReachable: false })).documents[1]).toContain(
      '<Dial answerOnBridge="true"><Number>+15005550009</Number></Dial>',
    );
    await env.DB.prepare("UPDATE agents SET fallback = NULL").run();
    forgetRoutes(dialling.key.key_id);
    expect((await twilio.ring(dialling.phoneNumber, { isReachable: false })).documents[1]).toContain(
      "not taking calls",
    );
  });

  it("is told from a conversation that has ended", async () => {
    const { phoneNumber } = await haveImported({ connect: RELAY, fallback: FALLBACK });
    expect((await twilio.ring(phoneNumber)).documents[1]).toMatch(/<Response><Hangup\/><\/Response>$/);
  });
});

describe("when something of ours is broken", () => {
  const broken = { DB: brokenDatabase };

  it("the voice URL fails, so that Twilio asks the fallback, and the fallback needs no D1", async () => {
    const imported = await haveImported({ fallback: FALLBACK });
    expect((await tell(imported, "voice", CALL, { env: broken })).status).toBe(503);
    const response = await tell(imported, "voice-fallback", CALL, { env: broken });
    expect([response.status, await response.text()]).toEqual([
      200,
      expect.stringContaining("not taking calls"),
    ]);
  });

  it("the fallback is the agent's own where this isolate has known it within the last day", async () => {
    const imported = await haveImported({ fallback: FALLBACK });
    const later = Date.now() + 60 * 60 * 1000;
    expect((await tell(imported, "voice", CALL)).status).toBe(200);
    vi.useFakeTimers({ toFake: ["Date"], now: later });
    try {
      const response = await tell(imported, "voice-fallback", CALL, { env: broken });
      expect(await response.text()).toContain(FALLBACK.text);
      const forged = await tell(imported, "voice-fallback", CALL, { env: broken, token: "wrong" });
      expect(await forged.text()).toContain("not taking calls");
    } finally {
      vi.useRealTimers();
    }
  });

  it("the fallback is the agent's own where no token opens", async () => {
    expectErrorLog("stored_token_unreadable");
    const imported = await haveImported({ fallback: FALLBACK });
    await env.DB.prepare("UPDATE twilio_accounts SET auth_token_sealed = 'v1.gone.AAAA.AAAA'").run();
    const response = await tell(imported, "voice-fallback", CALL);
    expect([response.status, await response.text()]).toEqual([200, expect.stringContaining(FALLBACK.text)]);
  });

  it("what nobody can verify changes nothing, whatever it says of the account", async () => {
    expectErrorLog("stored_token_unreadable");
    const imported = await haveImported({ fallback: FALLBACK });
    await env.DB.prepare("UPDATE twilio_accounts SET auth_token_sealed = 'v1.gone.AAAA.AAAA'").run();
    const failed = { ...CALL, SessionStatus: "failed", ErrorCode: "64101" };
    const response = await tell(imported, "connect-action", failed, {
      signature: "made up",
      env: { MODEL_BASE_URL: "https://model.example/v1", MODEL: "scripted" },
    });
    expect(await response.text()).toContain(FALLBACK.text);
    expect(await rows("twilio_accounts")).toMatchObject([{ relay_refused_at: null }]);
    expect(logLines().filter(({ event }) => event === "relay_refused")).toEqual([]);
  });

  it("the fallback is the agent's own where nothing is broken but the voice URL", async () => {
    const imported = await haveImported({ welcome_message: "Welcome", fallback: FALLBACK });
    expect(await (await tell(imported, "voice-fallback", CALL)).text()).toContain(FALLBACK.text);
  });
});
