import { describe, expect, it } from "vitest";
import {
  type Ask,
  newThread,
  planReply,
  posted,
  received,
  replied,
  settled,
  type Thread,
} from "../../src/texting/thread.ts";

const HOUR = 3_600_000;
const NOW = 100 * HOUR;
const OWNER = { correspondent: "+15005550006", agent: {} } as Parameters<typeof newThread>[0];
const BASE = { settings: null } as Ask;
const fresh = newThread(OWNER, BASE, NOW);
const receive = (thread: Thread, sid: string, text = sid, ask = BASE) =>
  received(thread, OWNER, sid, text, ask, NOW);
const textsOf = ({ turns }: Thread) => turns.map((turn) => ("text" in turn ? turn.text : turn.call.name));
const times = <T>(count: number, each: (index: number) => T) =>
  Array.from({ length: count }, (_, index) => each(index));

describe("what follows for a thread", () => {
  const full = { ...fresh, unanswered: 1, sentAt: times(10, (index) => NOW - HOUR + index) };
  it.each<[string, Thread, number, ReturnType<typeof planReply>]>([
    ["it answers a text", { ...fresh, unanswered: 1 }, NOW, { kind: "reply" }],
    [
      "it does not send twice",
      { ...fresh, unanswered: 1, isSending: true },
      NOW,
      { kind: "give_up", reason: "outcome_unknown" },
    ],
    [
      "it answers up to ten texts an hour",
      { ...full, sentAt: full.sentAt.slice(1) },
      NOW - 1,
      { kind: "reply" },
    ],
    ["it answers no eleventh", full, NOW - 1, { kind: "limit", isNews: true }],
    ["it answers again when one is an hour ago", full, NOW, { kind: "reply" }],
    [
      "it tells the limit once an hour",
      { ...full, limitToldAt: NOW - HOUR },
      NOW - 1,
      { kind: "limit", isNews: false },
    ],
    ["and then again", { ...full, limitToldAt: NOW - HOUR - 1 }, NOW - 1, { kind: "limit", isNews: true }],
    ["it sleeps for twelve hours", fresh, NOW + 12 * HOUR - 1, { kind: "sleep", until: NOW + 12 * HOUR }],
    ["and is forgotten", fresh, NOW + 12 * HOUR, { kind: "forget" }],
  ])("%s", (_, thread, now, plan) => {
    expect(planReply(thread, now)).toEqual(plan);
  });
});

describe("what a thread keeps", () => {
  it("is the last forty turns, of either side", () => {
    const heard = times(60, String).reduce((thread, sid) => receive(thread, sid), fresh);
    expect(textsOf(heard)).toEqual(times(40, (index) => String(index + 20)));
    const answered = replied(heard, 60, "Yes.", NOW);
    expect(answered.turns).toHaveLength(40);
    expect(answered.turns.at(-1)).toMatchObject({ role: "agent", text: "Yes." });
  });

  it("is as much of a text as Twilio takes, and no half letter", () => {
    const textOf = (text: string) => textsOf(receive(fresh, "SM1", text))[0]?.length;
    expect(["x".repeat(2_000), "x".repeat(1_600), `${"x".repeat(1_599)}😀`].map(textOf)).toEqual([
      1_600, 1_600, 1_599,
    ]);
  });

  it("is the last fifty texts by which a repetition is known", () => {
    const heard = times(51, (index) => `SM${index}`).reduce((thread, sid) => receive(thread, sid), fresh);
    expect(heard.seen).toHaveLength(50);
    expect(receive(heard, "SM1")).toBe(heard);
    expect(receive(heard, "SM0").unanswered).toBe(52);
  });

  it("is an answer before the texts that came meanwhile, which stay unanswered", () => {
    const sending = {
      ...receive(receive(fresh, "SM1"), "SM2"),
      isSending: true,
      sentAt: [NOW - HOUR, NOW - HOUR + 1],
    };
    const thread = replied(sending, 1, "Yes.", NOW);
    expect(textsOf(thread)).toEqual(["SM1", "Yes.", "SM2"]);
    expect(thread).toMatchObject({
      unanswered: 1,
      isSending: false,
      lastAt: NOW,
      sentAt: [NOW - HOUR + 1, NOW],
    });
  });
});

describe("a text that its customer is asked about", () => {
  const ask = { ...BASE, question: { url: "https://desk.example/" } } as Ask;
  const agent = { id: "another" } as Thread["owner"]["agent"];
  const asked = receive(receive(fresh, "SM1", "One", ask), "SM2", "Two");

  it("waits, and so does what comes after it", () => {
    expect(asked).toMatchObject({ turns: [], unanswered: 0, waiting: [{ sid: "SM1" }, { sid: "SM2" }] });
    expect(receive(asked, "SM1", "One", ask)).toBe(asked);
    const plan = planReply(posted(asked, "SM1"), NOW);
    expect(plan).toMatchObject({ kind: "ask", text: { sid: "SM1", isPosted: true } });
  });

  it("is answered by whom he said, together with one that nobody answers", () => {
    const one = settled(asked, "SM1", agent);
    expect(one).toMatchObject({ unanswered: 1, owner: { agent }, waiting: [{ sid: "SM2" }] });
    const both = settled(one, "SM2", null);
    expect(both).toMatchObject({ unanswered: 1, owner: { agent }, waiting: [] });
    expect(textsOf(both)).toEqual(["One"]);
  });

  it("is one of the last forty", () => {
    const flood = times(60, String).reduce((thread, sid) => receive(thread, sid, sid, ask), fresh);
    expect(flood.waiting).toHaveLength(40);
    expect(settled(flood, "3", agent)).toMatchObject({ unanswered: 0, turns: [] });
  });
});
