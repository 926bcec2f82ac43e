import fc from "fast-check";
import twilio from "twilio";
import { describe, expect, it } from "vitest";
import type { Connect, Fallback } from "../../src/agents/connect-schema.ts";
import { DEFAULTS } from "../../src/agents/talk.ts";
import { answer, fallback, unavailable } from "../../src/answering/answer.ts";
import type { InboundAgent, InboundRoute } from "../../src/answering/route.ts";
import { parseDefaultLimits } from "../../src/limits.ts";
import { twimlResponse } from "../../src/twilio/twiml.ts";

// Holds our TwiML to what Twilio's SDK writes: the same verbs, nouns and attributes, typed there, letter for letter.

const { VoiceResponse } = twilio.twiml;
const CALL = { callSid: "CA1", from: "+15005550006" };
const URLS = {
  connectAction: "https://n.example/a",
  recording: "https://n.example/r",
  relay: "wss://n.example/relay/CA1",
  gather: "https://n.example/g",
  connectActionPlain: "https://numbers.example.com/connect-action-plain",
  gatherWait: "https://n.example/w",
};
const NOW = new Date("2026-01-31T12:00:00Z");

const agent = (fields: Partial<InboundAgent>): InboundAgent => ({
  id: "agent_1",
  isActive: true,
  welcomeMessage: null,
  language: "en",
  connect: null,
  fallback: null,
  record: false,
  hasWebhook: false,
  systemPrompt: null,
  voiceId: null,
  smsPrompt: null,
  talk: DEFAULTS,
  ...fields,
});

const route = (fields: Partial<InboundAgent>): InboundRoute => ({
  phoneNumberId: "num_1",
  phoneNumber: "+447446466847",
  apiKeyId: "nxf_1",
  accountId: "twa_1",
  accountSid: "AC1",
  region: "",
  inboundEnabled: true,
  channels: ["voice", "sms"],
  lastInbound: { at: null },
  tokenChangedAt: null,
  relayRefusedAt: null,
  accountReasons: "[]",
  row: {} as InboundRoute["row"],
  externalId: null,
  label: null,
  metadata: null,
  connectLinkId: null,
  dynamicVars: {},
  agent: agent(fields),
  limits: parseDefaultLimits("{}"),
  refused: [],
});

const ours = async (verbs: ReturnType<typeof answer>) =>
  (await twimlResponse(...verbs).text()).replace(/&apos;/g, "'");
const theirs = (build: (response: InstanceType<typeof VoiceResponse>) => void) => {
  const response = new VoiceResponse();
  build(response);
  return response.toString();
};

type Parameterised = { parameter: (attributes: { name: string; value: string }) => unknown };
function parameters(noun: Parameterised, own: Record<string, string> = {}): void {
  const all = {
    ...own,
    agent_id: "agent_1",
    phone_number: "+447446466847",
    call_id: "CA1",
    from: "+15005550006",
  };
  for (const [name, value] of Object.entries(all)) noun.parameter({ name, value });
}

// Characters both ways of writing XML agree on; the escaping itself has a property test of its own.
const text = fc.stringMatching(/^[A-Za-z0-9 .,!?-]{1,30}$/);
const method = "POST";

describe("what a call gets is what the SDK would write", () => {
  it("for ConversationRelay with any attributes", async () => {
    const generated = fc.record({ voice: text, hints: text, ttsProvider: text, dtmfDetection: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(generated, text, text, async (attributes, greeting, code) => {
        const connect: Connect = {
          type: "conversation_relay",
          url: "wss://r.example/x",
          ...attributes,
          languages: [{ code, voice: greeting }],
          parameters: { tenant: code },
        };
        const expected = theirs((response) => {
          const noun = response.connect({ action: URLS.connectAction, method }).conversationRelay({
            url: "wss://r.example/x",
            ...attributes,
            welcomeGreeting: greeting,
            language: "en-US",
          });
          noun.language({ code, voice: greeting });
          parameters(noun, { tenant: code });
        });
        expect(
          await ours(
            answer(route({ connect, welcomeMessage: greeting }), CALL, URLS, { hasModel: false, now: NOW }),
          ),
        ).toBe(expected);
      }),
    );
  });

  it("for a stream, recorded", async () => {
    const connect: Connect = { type: "stream", url: "wss://r.example/m", name: "media" };
    const expected = theirs((response) => {
      response.start().recording({
        recordingStatusCallback: URLS.recording,
        recordingStatusCallbackMethod: method,
        recordingStatusCallbackEvent: ["completed", "absent"],
      });
      const noun = response
        .connect({ action: URLS.connectAction, method })
        .stream({ url: connect.url, name: "media" });
      parameters(noun);
    });
    expect(
      await ours(answer(route({ connect, record: true }), CALL, URLS, { hasModel: false, now: NOW })),
    ).toBe(expected);
  });

  it.each<[string, Connect, (response: InstanceType<typeof VoiceResponse>) => void]>([
    [
      "a redirect",
      { type: "redirect", url: "https://r.example/twiml?a=1&b=2" },
      (response) => response.redirect({ method }, "https://r.example/twiml?a=1&b=2"),
    ],
    [
      "a number",
      { type: "dial", number: "+15005550009" },
      (response) =>
        response.dial({ action: URLS.connectAction, method, answerOnBridge: true }).number("+15005550009"),
    ],
    [
      "a SIP address",
      { type: "dial", number: "sip:desk@pbx.example" },
      (response) =>
        response
          .dial({ action: URLS.connectAction, method, answerOnBridge: true })
          .sip("sip:desk@pbx.example"),
    ],
  ])("for %s", async (_, connect, build) => {
    expect(await ours(answer(route({ connect }), CALL, URLS, { hasModel: false, now: NOW }))).toBe(
      theirs(build),
    );
  });

  it("for the welcome message, the fallbacks and the polite refusal", async () => {
    const said = (words: string, language: "de-DE" | "en-US") =>
      theirs((response) => {
        response.say({ language }, words);
        response.hangup();
      });
    expect(
      await ours(
        answer(route({ welcomeMessage: "Hallo", language: "de" }), CALL, URLS, { hasModel: false, now: NOW }),
      ),
    ).toBe(said("Hallo", "de-DE"));
    const words: Fallback = { type: "say", text: "Auf Wiederhören" };
    expect(await ours(fallback(route({ fallback: words, language: "de" }), CALL.from))).toBe(
      said(words.text, "de-DE"),
    );
    const dial: Fallback = { type: "dial", number: "+15005550009" };
    expect(await ours(fallback(route({ fallback: dial }), CALL.from))).toBe(
      theirs((response) => response.dial({ answerOnBridge: true }).number("+15005550009")),
    );
    expect(await ours(unavailable())).toBe(
      said("This number is not taking calls at the moment. Please try again later.", "en-US"),
    );
  });
});
