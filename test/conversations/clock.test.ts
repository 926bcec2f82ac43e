import { describe, expect, it } from "vitest";
import {
  type ClockPlan,
  forgetAt,
  listenSeconds,
  planClock,
  planSilence,
} from "../../src/conversations/clock.ts";
import { type Hearing, newHearing } from "../../src/conversations/speech.ts";
import { newState, type State } from "../../src/conversations/state.ts";

const TALK = {
  transfer_numbers: [],
  max_call_duration_seconds: 600,
  silence_hangup_seconds: 30,
  max_turns: 100,
  max_tokens_per_turn: 300,
  max_characters_per_turn: 1_000,
  ai_speaks_first: true,
  transcript: true,
  sms_reply: false,
  tools: [],
  inbound_url: null,
  inbound_url_timeout_ms: 3_000,
};
const OPENING = {
  apiKeyId: "nxf_1",
  limits: { calls_per_day: null, texts_per_day: null, model_turns_per_day: null },
  accountSid: "AC1",
  phoneNumber: "+15005550001",
  externalId: null,
  label: null,
  metadata: null,
  callSid: "CA1",
  from: "+15005550002",
  greeting: null,
  agent: { id: "agent_a", systemPrompt: null, language: "en", talk: TALK },
  patienceMs: 5_000,
};
const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
/** A call that begins at zero, is in session, and in which nothing was said yet. */
const CALL: State = { ...newState(OPENING, 0), relayStarted: true };
const HEARING = newHearing(0);
const ENDED = { reason: "completed", at: 20 * SECOND } as const;
/** 100 characters that were sent after 20 seconds. Twilio needs ten seconds to speak them. */
const SAYS = (sentAt: number | null = 20 * SECOND) => ({
  pieces: [{ text: "x".repeat(100), isAnswer: true }],
  startedAt: 20 * SECOND,
  sentAt,
});

type Case = [
  name: string,
  dueAt: number,
  plan: ClockPlan,
  state?: Partial<State>,
  hearing?: Partial<Hearing>,
  isComposing?: boolean,
];
const SILENT: ClockPlan = { kind: "end", reason: "silence_timeout" };
const TOO_LONG: ClockPlan = { kind: "end", reason: "max_duration_reached" };
const ASKED = { hasAskedIfThere: true };

const cases: Case[] = [
  ["hangs up at once after no last words", 0, { kind: "hang_up" }, { ended: ENDED }],
  [
    "hangs up when the last words, of which nothing is told, must be over",
    (20 + 10 + 3) * SECOND,
    { kind: "hang_up" },
    { ended: ENDED, speech: SAYS() },
  ],
  [
    "hangs up later if they were half said",
    (26 + 5 + 3) * SECOND,
    { kind: "hang_up" },
    { ended: ENDED, speech: SAYS() },
    { played: 50, voiceAt: 26 * SECOND },
  ],
  [
    "hangs up when they were heard",
    29 * SECOND,
    { kind: "hang_up" },
    { ended: ENDED, speech: SAYS() },
    { played: 100, voiceAt: 29 * SECOND },
  ],
  [
    "hangs up two seconds after the voice has stopped",
    (27 + 2) * SECOND,
    { kind: "hang_up" },
    { ended: ENDED, speech: SAYS() },
    { isVoiceOff: true, voiceAt: 27 * SECOND },
  ],
  ["closes a session that never began", 60 * SECOND, { kind: "close" }, { relayStarted: false }],
  ["asks a silent caller at half of the time", 15 * SECOND, { kind: "ask_if_there" }],
  ["and ends the call at the other half", 15 * SECOND, SILENT, {}, ASKED],
  [
    "counts silence from what the caller said last",
    35 * SECOND,
    { kind: "ask_if_there" },
    {},
    { callerAt: 20 * SECOND },
  ],
  [
    "counts it from what the agent has said",
    (33 + 15) * SECOND,
    { kind: "ask_if_there" },
    { speech: SAYS() },
    { callerAt: 20 * SECOND },
  ],
  [
    "lets a caller speak for two minutes who says no word",
    (20 + 120 + 15) * SECOND,
    { kind: "ask_if_there" },
    {},
    { callerAt: 20 * SECOND, isCallerSpeaking: true },
  ],
  ["ends a call that has lasted too long", 600 * SECOND, TOO_LONG, {}, { callerAt: 590 * SECOND }],
  ["also while the model composes", 600 * SECOND, TOO_LONG, {}, {}, true],
  ["also while the agent speaks", 600 * SECOND, TOO_LONG, { speech: SAYS(null) }],
];

describe("the clock of a session", () => {
  it.each(cases)(
    "%s, and sleeps until then",
    (_, dueAt, plan, state = {}, hearing = {}, isComposing = false) => {
      const at = (now: number) =>
        planClock({ ...CALL, ...state }, { ...HEARING, ...hearing }, isComposing, now);
      expect(at(dueAt)).toEqual(plan);
      if (dueAt > 0) expect(at(dueAt - 1)).toEqual({ kind: "sleep", until: dueAt });
    },
  );

  it("does not hang up while more words may come", () => {
    const state = { ...CALL, ended: ENDED, speech: SAYS(null) };
    expect(planClock(state, HEARING, false, 24 * HOUR)).toEqual({
      kind: "sleep",
      until: Number.POSITIVE_INFINITY,
    });
  });
});

describe("the alarm of a conversation", () => {
  it.each<[string, number, Partial<State>]>([
    ["a day after its end", 20 * SECOND + 24 * HOUR, { ended: ENDED }],
    ["a day after its longest, without an end", 600 * SECOND + 24 * HOUR, {}],
  ])("forgets a call %s", (_, at, state) => {
    expect(forgetAt({ ...CALL, ...state })).toBe(at);
  });
});

describe("a silence that <Gather> hears", () => {
  it.each([
    [0, 30, 15, "ask_if_there"],
    [15, 30, 15, "end"],
    [0, 5, 3, "ask_if_there"],
    [3, 5, 2, "end"],
    [0, 60, 15, "listen"],
    [15, 60, 15, "ask_if_there"],
    [30, 60, 15, "listen"],
    [45, 60, 15, "end"],
  ])("after %i of %i seconds goes on for %i: %s", (silent, limit, seconds, kind) => {
    expect(listenSeconds(silent, limit)).toBe(seconds);
    expect(planSilence(silent, limit)).toEqual({ kind, silent: silent + seconds });
  });
});
