import { describe, expect, it } from "vitest";
import { verificationKey, verify } from "../../src/twilio/signature.ts";
import type { Utterance } from "./call.ts";
import type { OpenSocket } from "./relay.ts";
import { createSimulator } from "./simulator.ts";
import { openEcho } from "./sockets.ts";
import { addAccount, addNumber } from "./state.ts";
import { elementsOf, textOf, verbsOf } from "./xml.ts";

const RELAY =
  '<Response><Connect action="https://n.example/action"><ConversationRelay url="wss://r.example/relay" ' +
  'welcomeGreeting="Hello &amp; welcome"><Parameter name="tier" value="gold"/></ConversationRelay></Connect></Response>';
const SORRY = "<Response><Say>Sorry.</Say></Response>";

/** A number whose voice URL answers with this document, and whose `action` says sorry. */
function prepare(voice: string, openSocket?: OpenSocket, action = SORRY) {
  const at = createSimulator(async ({ url }) => {
    const body = url.endsWith("/action") ? action : url.endsWith("/voice") ? voice : SORRY;
    return new Response(body, { headers: { "content-type": "text/xml" } });
  }, openSocket);
  const account = addAccount(at.state);
  addNumber(at.state, account, {
    phone_number: "+15005550001",
    voice_url: "https://n.example/voice",
    status_callback: "https://n.example/status",
  });
  const ring = (...say: Utterance[]) => at.ring("+15005550001", { say, patienceMs: 200 });
  return { at, account, ring };
}

/** A runtime that calls a function for each frame. */
function runtime(
  answer: (frame: Record<string, unknown>, say: (frame: unknown) => void, close: () => void) => void,
) {
  const frames: Record<string, unknown>[] = [];
  const handshakes: [string, Record<string, string>][] = [];
  const open: OpenSocket = async (url, headers) => {
    handshakes.push([url, headers]);
    const listeners: Record<string, ((event: { data: unknown }) => void)[]> = {};
    const emit = (type: string, data?: unknown) =>
      queueMicrotask(() => {
        for (const listener of listeners[type] ?? []) listener({ data });
      });
    return {
      close: () => emit("close"),
      addEventListener: (type: string, listener: (event: { data: unknown }) => void) => {
        listeners[type] = [...(listeners[type] ?? []), listener];
      },
      send(data) {
        const frame = JSON.parse(data) as Record<string, unknown>;
        frames.push(frame);
        answer(
          frame,
          (reply) => emit("message", typeof reply === "string" ? reply : JSON.stringify(reply)),
          () => emit("close"),
        );
      },
    };
  };
  return { open, frames, handshakes };
}

const ended = (exchanges: { url: string; parameters: Record<string, string> }[]) =>
  exchanges.find(({ url }) => url.endsWith("/action"))?.parameters;

describe("a ConversationRelay session", () => {
  it("begins with a signed handshake and a setup, and hears the greeting first", async () => {
    const { open, frames, handshakes } = runtime(() => undefined);
    const { account, ring } = prepare(RELAY, open);
    const { answer, exchanges } = await ring();
    expect(answer).toBe("Hello & welcome");
    expect(frames).toEqual([
      expect.objectContaining({
        type: "setup",
        callSid: exchanges[0]?.parameters.CallSid,
        accountSid: account.sid,
        from: "+15005550006",
        to: "+15005550001",
        customParameters: { tier: "gold" },
      }),
    ]);
    const [[url, headers] = ["", {}]] = handshakes;
    const key = await verificationKey(account.authToken);
    expect(await verify([key], headers["x-twilio-signature"] ?? "", { url, body: "" })).toBe(true);
  });

  it("is a conversation, and completed if the caller hangs up", async () => {
    const { ring } = prepare(RELAY, openEcho);
    const { conversation, exchanges, documents } = await ring("Hi.", "Are you there?");
    expect(conversation.map(({ by, text }) => `${by}: ${text}`)).toEqual([
      "agent: Hello & welcome",
      "caller: Hi.",
      "agent: You said: Hi.",
      "caller: Are you there?",
      "agent: You said: Are you there?",
    ]);
    expect(ended(exchanges)).toMatchObject({ SessionStatus: "completed", CallStatus: "completed" });
    expect(documents).toEqual([RELAY, SORRY]);
  });

  it("is ended by the runtime, with what it hands over, and goes on with the action's TwiML", async () => {
    const { open } = runtime(({ type }, say) => {
      if (type === "prompt") say({ type: "end", handoffData: '{"a":1}' });
    });
    const { conversation, exchanges } = await prepare(RELAY, open).ring("Hi.", "never said");
    expect(ended(exchanges)).toMatchObject({ SessionStatus: "ended", HandoffData: '{"a":1}' });
    expect(conversation.at(-1)).toEqual({ by: "agent", text: "Sorry." });
  });

  it.each<[string, OpenSocket | undefined, string]>([
    ["nobody takes it", undefined, "64102"],
    [
      "it is closed without an end",
      runtime(({ type }, _, close) => {
        if (type === "prompt") close();
      }).open,
      "39001",
    ],
  ])("has failed where %s", async (_, open, code) => {
    const { conversation, exchanges } = await prepare(RELAY, open).ring("Hi.");
    expect(ended(exchanges)).toMatchObject({ SessionStatus: "failed", ErrorCode: code });
    expect(conversation.at(-1)).toEqual({ by: "agent", text: "Sorry." });
  });

  it("is interrupted in the middle of an answer, and takes keys", async () => {
    const { open, frames } = runtime(({ type, voicePrompt }, say) => {
      if (type !== "prompt") return;
      say({ type: "text", token: "A long story ", last: false });
      if (voicePrompt === "Stop.") say({ type: "text", token: "ends.", last: true });
    });
    const { conversation } = await prepare(RELAY, open).ring(
      "Tell me.",
      { say: "Stop.", interrupts: true },
      { digits: "12" },
    );
    expect(conversation).toContainEqual({ by: "agent", text: "A long story ", interrupted: true });
    expect(
      frames
        .slice(2)
        .map(({ type, utteranceUntilInterrupt, digit }) => [type, utteranceUntilInterrupt ?? digit]),
    ).toEqual([
      ["interrupt", "A long story "],
      ["prompt", undefined],
      ["dtmf", "1"],
      ["dtmf", "2"],
    ]);
  });

  it.each(["rubbish", "[]", '"text"', { type: "text" }, { type: "sing" }])(
    "tells of a message that it does not know, and goes on: %j",
    async (message) => {
      const { open, frames } = runtime(({ type }, say) => {
        if (type !== "prompt") return;
        say(message);
        say({ type: "text", token: "Yes.", last: true });
      });
      const { conversation } = await prepare(RELAY, open).ring("Hi.");
      expect(frames).toContainEqual({
        type: "error",
        description: expect.stringMatching(/^Invalid message/),
      });
      expect(conversation.at(-1)).toEqual({ by: "agent", text: "Yes." });
    },
  );
});

describe("a call by Gather", () => {
  const GATHER =
    '<Response><Gather input="speech dtmf" action="https://n.example/action" actionOnEmptyResult="true"><Say>Yes?</Say></Gather></Response>';

  it("posts what the caller says or presses, or that there was nothing", async () => {
    const { ring } = prepare(GATHER, undefined, GATHER);
    const { conversation, exchanges } = await ring("Hi.", { digits: "7" }, { silent: true });
    const told = exchanges.filter(({ url }) => url.endsWith("/action")).map(({ parameters }) => parameters);
    expect(told).toMatchObject([
      { SpeechResult: "Hi.", CallStatus: "in-progress" },
      { Digits: "7" },
      { SpeechResult: "" },
    ]);
    expect(conversation.map(({ text }) => text)).toEqual(["Yes?", "Hi.", "Yes?", "7", "Yes?", "Yes?"]);
  });

  it("asks the number's fallback if an action answers without TwiML", async () => {
    const { at, account } = prepare(GATHER, undefined, "no TwiML");
    const [number] = at.state.numbers.of(account.sid);
    if (number) number.voice_fallback_url = "https://n.example/spare";
    const { conversation } = await at.ring("+15005550001", { say: ["Hi."] });
    expect(conversation.at(-1)).toEqual({ by: "agent", text: "Sorry." });
  });
});

describe("a TwiML document", () => {
  it("is read", () => {
    const [say, dial] = verbsOf(
      '<?xml version="1.0"?><Response><Say a="&lt;1">x &amp; y</Say><Dial><Sip/></Dial></Response>',
    );
    expect([say && textOf(say), say?.attributes, dial && elementsOf(dial).map(({ name }) => name)]).toEqual([
      "x & y",
      { a: "<1" },
      ["Sip"],
    ]);
  });

  it.each(["", "<Response>", "<Say/>", "<Response></Say>", "<Response><Say></Response>", "<Response/>rest<"])(
    "is none: %s",
    (document) => {
      expect(() => verbsOf(document)).toThrow();
    },
  );
});
