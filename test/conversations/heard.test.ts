import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { isToolTurn } from "../../src/tools/call.ts";
import { haveImported, tell } from "../support/answering.ts";
import { eventStream, haveModel, modelRequests, streamed } from "../support/model.ts";
import { type CallSession, knownOf, objectOf, openSession, restartObject } from "../support/session.ts";
import { twilio } from "../support/twilio.ts";

// What Twilio tells of what is heard, and what follows from it.

const END = { tool_calls: [{ index: 0, function: { name: "end_call", arguments: "{}" } }] };
const LONG = "Goodbye, and thank you very much for calling Acme Dental today.";
const SAID = { type: "text", token: "", last: true };
const WAIT = { timeout: 20_000 };

const prompt = (voicePrompt: string, last = true) => ({ type: "prompt", voicePrompt, last });
const played = (value: string) => ({ type: "info", name: "tokensPlayed", value });
const speaker = (name: string, value: unknown) => ({ type: "info", name, value });
const isOver = ({ received }: CallSession) => received.some(({ type }) => type === "end");
const textOf = ({ received }: CallSession) =>
  received.map(({ token }) => (typeof token === "string" ? token : "")).join("");

afterEach(() => {
  vi.useRealTimers();
});

async function openCall(agent: Record<string, unknown> = {}, callSid = "CA1") {
  const imported = await haveImported(agent);
  const session = await openSession(imported, callSid);
  session.say(session.setup);
  const object = await objectOf(imported, callSid);
  await vi.waitFor(async () => expect((await knownOf(imported, callSid))?.relayStarted).toBe(true), WAIT);
  const start = Date.now();
  /** Some seconds later, the clock is looked at. */
  const later = async (seconds: number) => {
    await session.settle();
    vi.useFakeTimers({ toFake: ["Date"], now: start + seconds * 1_000 });
    await session.look();
  };
  const answered = (count = 1) =>
    vi.waitFor(
      () => expect(session.received.filter(({ last }) => last === true).length).toBeGreaterThanOrEqual(count),
      WAIT,
    );
  const turns = async () =>
    ((await knownOf(imported, callSid))?.turns ?? []).map((turn) =>
      isToolTurn(turn) ? "tool" : `${turn.role}: ${turn.text}`,
    );
  return { imported, session, object, settle: session.settle, later, answered, turns };
}

describe("the last words", () => {
  it.each<[string, string[]]>([
    ["Goodbye.", ["Goodbye."]],
    [LONG, ["Goodbye, and thank you ", "very much for calling Acme ", "Dental today."]],
    [LONG, ["Goodbye, and thank you", "very much for calling Acme", "Dental today."]],
    [LONG, ["Goodbye,andthankyou", "verymuchforcalling", "AcmeDentaltoday."]],
  ])("are heard before the session ends: %s", async (words, pieces) => {
    haveModel(() => streamed(words, END));
    const { session, later, answered } = await openCall();
    session.say(prompt("Bye."));
    await answered();
    await later(1);
    for (const piece of pieces) {
      expect(isOver(session)).toBe(false);
      session.say(played(piece));
    }
    await vi.waitFor(() => expect(isOver(session)).toBe(true), WAIT);
  });

  it("are heard before the session ends, though they are told piece by piece over five seconds", async () => {
    haveModel(() => streamed(LONG, END));
    const { session, later, answered } = await openCall();
    session.say(prompt("Bye."));
    await answered();
    const pieces = [
      [2, "Goodbye, and thank you "],
      [3.5, "very much for calling Acme "],
      [5, "Dental today."],
    ] as const;
    for (const [second, piece] of pieces) {
      await later(second);
      expect(isOver(session)).toBe(false);
      session.say(played(piece));
    }
    await vi.waitFor(() => expect(isOver(session)).toBe(true), WAIT);
  });

  it("are not the filler before them", async () => {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    haveModel(
      async () => {
        await released;
        return streamed(LONG, END);
      },
      { MODEL_TIMEOUT_MS: "2000" },
    );
    const { session, settle, answered } = await openCall();
    session.say(prompt("Bye."));
    await vi.waitFor(() => expect(textOf(session)).toBe("One moment. "), WAIT);
    release();
    await answered();
    session.say(played("One moment. "));
    session.say(played(LONG.slice(0, 51)));
    await settle();
    expect(isOver(session)).toBe(false);
    session.say(played(LONG.slice(51)));
    await vi.waitFor(() => expect(isOver(session)).toBe(true), WAIT);
  });

  it.each(["on", true, "true"])("are over a moment after the voice has stopped: %j", async (on) => {
    haveModel(() => streamed("Goodbye.", END));
    const { session, later, answered } = await openCall();
    session.say(prompt("Bye."));
    await answered();
    session.say(speaker("agentSpeaking", on));
    await later(1.5);
    session.say(speaker("agentSpeaking", on === "on" ? "off" : false));
    await later(3);
    expect(isOver(session)).toBe(false);
    await later(4);
    await vi.waitFor(() => expect(isOver(session)).toBe(true), WAIT);
  });

  it("are over late if Twilio tells nothing, and at once if the caller interrupts them", async () => {
    haveModel(() => streamed(LONG, END));
    const { session, later, answered } = await openCall();
    session.say(prompt("Bye."));
    await answered();
    await later(7);
    expect(isOver(session)).toBe(false);
    await later(10);
    await vi.waitFor(() => expect(isOver(session)).toBe(true), WAIT);
    const other = await openSession(await haveImported({}, { phone_number: "+447446466848" }), "CA2");
    other.say(other.setup);
    other.say(prompt("Bye."));
    await vi.waitFor(() => expect(other.received).toContainEqual(SAID), WAIT);
    other.say({ type: "interrupt", utteranceUntilInterrupt: "Goodbye, and" });
    await vi.waitFor(() => expect(isOver(other)).toBe(true), WAIT);
  });

  it("of a call that lasted too long come in place of the answer", async () => {
    haveModel(() => streamed("A very long answer that goes on and on."));
    const { session, later, answered, turns } = await openCall({
      max_call_duration_seconds: 30,
      silence_hangup_seconds: 300,
    });
    await later(29);
    session.say(prompt("Tell me."));
    await answered();
    session.say(played("A very long "));
    await later(31);
    await answered(2);
    expect(session.received.filter(({ type, last }) => type === "text" && !last)).toEqual([
      { type: "text", token: "A very long answer that goes on and on.", last: false, preemptible: true },
      { type: "text", token: "I have to end this call now. Goodbye.", last: false, preemptible: true },
    ]);
    session.say(played("answer that "));
    await later(33);
    expect(isOver(session)).toBe(false);
    session.say(played("I have to end this call now. Goodbye."));
    await vi.waitFor(() => expect(isOver(session)).toBe(true), WAIT);
    expect((await turns()).slice(-2)).toEqual([
      // A letter is added for each moment that goes by, and the machine may be slow.
      expect.stringMatching(/^agent: A very long(?! answer that)/),
      "agent: I have to end this call now. Goodbye.",
    ]);
  });
});

describe("who is silent", () => {
  it("is asked once after half of the time, and let go after the other half", async () => {
    haveModel();
    const { session, later } = await openCall({ silence_hangup_seconds: 10, welcome_message: "Hello." });
    session.say(played("Hello."));
    await later(3);
    expect(textOf(session)).toBe("");
    await later(8);
    expect(textOf(session)).toBe("Are you still there?");
    session.say(played("Are you still there?"));
    await later(11);
    expect(textOf(session)).toBe("Are you still there?");
    // Not sooner than by alarm.test.ts: what was played may be read only after the clock has moved.
    await later(17);
    expect(textOf(session)).toBe("Are you still there?Goodbye.");
    session.say(played("Goodbye."));
    await vi.waitFor(() => expect(isOver(session)).toBe(true), WAIT);
  });

  it("is let go after the agent's own seconds, though nothing is told at all", async () => {
    haveModel();
    const { session, later } = await openCall({ silence_hangup_seconds: 5, welcome_message: "Hello." });
    await later(4);
    expect(textOf(session)).toBe("");
    await later(7);
    expect(textOf(session)).toBe("Are you still there?");
    // Five seconds of silence, and what it takes to say eight words of which nothing is told.
    await later(17);
    expect(textOf(session)).toBe("Are you still there?Goodbye.");
  });

  it("is not who dictates after an answer", async () => {
    haveModel(() => streamed("Yes."));
    const { session, later, answered } = await openCall({ silence_hangup_seconds: 5 });
    session.say(prompt("May I dictate?"));
    await answered();
    session.say(played("Yes."));
    for (let second = 2; second <= 14; second += 1) {
      await later(second);
      session.say(prompt("My", false));
    }
    await later(15);
    expect(textOf(session)).not.toMatch(/Goodbye|still there/);
  });

  it.each<[string, (second: number) => object[]]>([
    ["in a long sentence", () => [prompt("My", false)]],
    ["as Twilio says", (second) => (second === 3 ? [speaker("clientSpeaking", "on")] : [])],
    ["and presses keys", (second) => (second % 2 === 0 ? [{ type: "dtmf", digit: "1" }] : [])],
  ])("is not who speaks %s", async (_, frames) => {
    haveModel(() => streamed("Yes."));
    const { session, later } = await openCall({ silence_hangup_seconds: 5, welcome_message: "Hello." });
    session.say(played("Hello."));
    for (let second = 1; second <= 12; second += 1) {
      for (const frame of frames(second)) session.say(frame);
      await later(second);
      if (second > 3) expect(textOf(session)).not.toContain("Goodbye");
    }
  });

  it("is not who begins to speak when the goodbye does", async () => {
    haveModel(() => streamed("Yes, go on."));
    const { session, later } = await openCall({ silence_hangup_seconds: 5 });
    for (const second of [10, 20]) await later(second);
    expect(textOf(session)).toContain("Goodbye.");
    session.say({ type: "interrupt", utteranceUntilInterrupt: "Good" });
    session.say(prompt("Wait!"));
    await vi.waitFor(() => expect(textOf(session)).toContain("Yes, go on."), WAIT);
    expect(isOver(session)).toBe(false);
  });
});

describe("an interruption", () => {
  it("leaves of the answer what was heard, without the filler", async () => {
    let tries = 0;
    haveModel(
      async () => {
        tries += 1;
        if (tries === 1) await new Promise((resolve) => setTimeout(resolve, 300));
        return streamed("We open at nine.");
      },
      { MODEL_TIMEOUT_MS: "1000" },
    );
    const { session, answered } = await openCall({ welcome_message: "Hello." });
    session.say(prompt("When?"));
    await answered();
    expect(textOf(session)).toBe("One moment. We open at nine.");
    session.say({ type: "interrupt", utteranceUntilInterrupt: "One moment. We open" });
    session.say(prompt("And on Sunday?"));
    await answered(2);
    expect(modelRequests().at(-1)?.messages).toContainEqual({ role: "assistant", content: "We open" });
  });
});

describe("keys", () => {
  it("are heard together once they are ended, or the caller pauses", async () => {
    haveModel(() => streamed("Thank you."));
    const { session, answered, turns } = await openCall();
    for (const digit of "123#") session.say({ type: "dtmf", digit });
    await answered();
    for (const digit of "45") session.say({ type: "dtmf", digit });
    await answered(2);
    expect((await turns()).filter((turn) => turn.startsWith("caller"))).toEqual([
      "caller: (The caller pressed 123 on the keypad.)",
      "caller: (The caller pressed 45 on the keypad.)",
    ]);
  });

  it("stand before what the caller says without a pause", async () => {
    haveModel(() => streamed("Thank you."));
    const { session, answered, turns } = await openCall();
    session.say({ type: "dtmf", digit: "7" });
    session.say(prompt("And on Sunday?"));
    await answered();
    expect((await turns()).filter((turn) => turn.startsWith("caller"))).toEqual([
      "caller: (The caller pressed 7 on the keypad.)",
      "caller: And on Sunday?",
    ]);
    expect(modelRequests()).toHaveLength(1);
  });
});

describe("what has a call in mid-call", () => {
  it("is a Worker that is killed: the caller is asked to say it again, over a connection that is opened again", async () => {
    haveModel(() => streamed("We open at nine."));
    const { imported, session, answered } = await openCall();
    session.say(prompt("When?"));
    await answered();
    await session.settle();
    session.kill();
    // What it told last is written down.
    await vi.waitFor(
      async () => expect((await knownOf(imported, "CA1"))?.lastHearing?.overAt).toBeDefined(),
      WAIT,
    );
    const again = await openSession(imported, "CA1");
    await vi.waitFor(() => expect(textOf(again)).toContain("Could you say that again?"), WAIT);
    // Whether Twilio says again whose call it is is not documented.
    again.say(prompt("When do you open?"));
    await vi.waitFor(() => expect(textOf(again)).toContain("We open at nine."), WAIT);
    expect(JSON.stringify(modelRequests().at(-1)?.messages)).toContain('"When?');
  });

  it("is an object that is restarted: the caller hears nothing of it, and nothing is lost", async () => {
    haveModel(() => streamed("We open at nine."));
    const { imported, session, answered, turns } = await openCall();
    for (let turn = 1; turn <= 3; turn += 1) {
      session.say(prompt(`Question ${turn}`));
      await answered(turn);
      await session.settle();
      await restartObject(imported, "CA1");
      const asked = (said: string[]) => said.filter((each) => each.startsWith("caller")).length;
      await vi.waitFor(async () => expect(asked(await turns())).toBe(turn), WAIT);
    }
    expect(textOf(session)).toBe("We open at nine.".repeat(3));
  });

  it("is an object that sleeps: nothing is lost, and nothing is written", async () => {
    haveModel(() => streamed("We open at nine."));
    const { session, object, answered, turns } = await openCall();
    const alarm = () => runInDurableObject(object, (_, { storage }) => storage.getAlarm());
    const at = await alarm();
    for (let turn = 1; turn <= 12; turn += 1) {
      session.say(prompt(`Question ${turn}`));
      await answered(turn);
      await session.settle();
      await evictDurableObject(object);
    }
    // Setting it writes a row.
    expect(await alarm()).toBe(at);
    const asked = (said: string[]) => said.filter((turn) => turn.startsWith("caller")).length;
    await vi.waitFor(async () => expect(asked(await turns())).toBe(12), WAIT);
  });

  it("asks the same by Gather, where the model was being asked", async () => {
    let isFirst = true;
    haveModel(() => {
      if (!isFirst) return streamed("We open at nine.");
      isFirst = false;
      return new Promise<Response>(() => undefined);
    });
    const imported = await haveImported();
    const call = { CallSid: "CA3", From: "+15005550006", CallStatus: "in-progress" };
    const asking = tell(imported, "gather", { ...call, SpeechResult: "When?" });
    await vi.waitFor(() => expect(modelRequests()).toHaveLength(1), WAIT);
    await restartObject(imported, "CA3");
    const twiml = await (await asking).text();
    expect(twiml).toContain("<Gather");
    expect(twiml).toContain("Could you say that again?");
    const answer = await tell(imported, "gather", { ...call, SpeechResult: "When?" });
    expect(await answer.text()).toContain("We open at nine.");
  });
});

describe("a conversation that is too large to be kept", () => {
  it("loses its oldest turns, and goes on", { timeout: 60_000 }, async () => {
    haveModel(() => streamed("漢".repeat(4_000)));
    const { session, answered, turns } = await openCall({ max_turns: 500, max_characters_per_turn: 4_000 });
    for (let count = 1; count <= 130; count += 1) {
      session.say(prompt(`${count} ${"字".repeat(1_990)}`));
      await answered(count);
      session.say(speaker("agentSpeaking", "on"));
    }
    session.say(played("漢".repeat(4_000)));
    session.close();
    await vi.waitFor(async () => expect((await turns()).length).toBeGreaterThan(100), WAIT);
  });
});

describe("how a call ends", () => {
  it("says if the model refuses, without an apology", async () => {
    haveModel(() => new Response("{}", { status: 401 }));
    const { phoneNumber } = await haveImported({ fallback: { type: "say", text: "Call again." } });
    const { conversation } = await twilio.ring(phoneNumber, { say: ["Hello?", { silent: true }] });
    expect(conversation.map(({ text }) => text)).toEqual(["Hello, how can I help?", "Hello?", "Call again."]);
    expect(modelRequests()).toHaveLength(1);
  });

  it("says if the model was asked too often", async () => {
    haveModel(() => streamed("Yes."));
    const { session, settle, answered, object } = await openCall({ max_turns: 1 }, "CA4");
    session.say(prompt("One."));
    await answered();
    session.say(prompt("Two."));
    await answered(2);
    session.say(played("I have to end this call now. Goodbye."));
    await vi.waitFor(() => expect(isOver(session)).toBe(true), WAIT);
    await settle();
    expect(await object.outcome()).toMatchObject({ ended_reason: "max_turns_reached" });
  });
});

describe("models that are not alike", () => {
  const refusing = (status: number, text: string, when: (body: Record<string, unknown>) => boolean) =>
    async function answer(request: Request) {
      const body = (await request.json()) as Record<string, unknown>;
      return when(body) ? new Response(text, { status }) : streamed("Here I am.");
    };
  const roles = (body: Record<string, unknown>) =>
    (body.messages as { role: string }[]).map(({ role }) => role);
  it.each<[string, (request: Request) => Promise<Response>]>([
    [
      "refuses max_tokens",
      refusing(
        400,
        '{"error":{"code":"unsupported_parameter","param":"max_tokens"}}',
        (body) => "max_tokens" in body,
      ),
    ],
    [
      "knows neither",
      refusing(
        422,
        '{"detail":"max_tokens, max_completion_tokens"}',
        (body) => "max_tokens" in body || "max_completion_tokens" in body,
      ),
    ],
    ["has no tools", refusing(400, '{"error":"m does not support tools"}', (body) => "tools" in body)],
    [
      "wants the user first and last, in turns",
      refusing(400, "roles", (body) => !/^system(,user,assistant)*,user$/.test(roles(body).join())),
    ],
  ])("%s: it is asked as it wants", async (_, answer) => {
    haveModel(answer);
    const { phoneNumber } = await haveImported({ welcome_message: "Hello." });
    const { conversation } = await twilio.ring(phoneNumber, { say: ["Hello?", "And again?"] });
    expect(conversation.at(-1)?.text).toBe("Here I am.");
  });

  it("wants turns also after an interruption before anything was heard", async () => {
    const strict = refusing(
      400,
      "roles",
      (body) => !/^system(,user,assistant)*,user$/.test(roles(body).join()),
    );
    haveModel(strict);
    const { session, answered } = await openCall({ welcome_message: "Hello." });
    session.say(prompt("When?"));
    await answered();
    session.say({ type: "interrupt", utteranceUntilInterrupt: "" });
    session.say(prompt("And on Sunday?"));
    await answered(2);
    expect(textOf(session)).toBe("Here I am.Here I am.");
    expect(modelRequests()).toHaveLength(2);
  });

  it("thinks aloud, and breaks its thoughts and its letters over pieces", async () => {
    haveModel(() =>
      streamed("<th", "ink>\nThe user wants", " hours.</thi", "nk>\n\nWe open \ud83d", "\ude00 at nine."),
    );
    const { session, answered } = await openCall();
    session.say(prompt("When?"));
    await answered();
    expect(textOf(session)).toBe("We open 😀 at nine.");
    expect(JSON.stringify(session.received)).not.toMatch(/\\ud83d/);
  });

  it("is cut off before an emoji, not within", async () => {
    haveModel(() => streamed(`${"x".repeat(49)}😀`));
    const { session, answered } = await openCall({ max_characters_per_turn: 50 });
    session.say(prompt("When?"));
    await answered();
    expect(textOf(session)).toBe("x".repeat(49));
  });

  it("breaks off: what it said stays", async () => {
    haveModel(() => eventStream(`data: {"choices":[{"delta":{"content":"We are"}}]}\n\ndata: }{\n\n`));
    const { session, answered } = await openCall();
    session.say(prompt("When?"));
    await answered();
    expect(textOf(session)).toBe("We are");
  });
});
