import { describe, expect, it } from "vitest";
import type { Line } from "./call.ts";
import { createVoice, type Manners, POLITE } from "./voice.ts";

// Twilio's voice, a hundred times as fast.

const FAST: Manners = { ...POLITE, firstSoundMs: [3, 15], charactersPerSecond: 1_400, piece: [15, 20] };
const TEXT = "Goodbye, and thank you very much for calling Acme Dental today.";

function speak(manners: Partial<Manners> = {}) {
  const lines: Line[] = [];
  const told: { name?: string; value?: unknown; text?: unknown }[] = [];
  let changed = () => {};
  const voice = createVoice(
    { ...FAST, ...manners },
    { hear: (line) => lines.push(line), tell: (frame) => told.push(frame), changed: () => changed() },
  );
  const until = (isSo: () => boolean) =>
    new Promise<void>((resolve) => {
      changed = () => isSo() && resolve();
      changed();
    });
  const played = () => told.filter(({ name }) => name === "tokensPlayed").map(({ value }) => value);
  return { voice, lines, told, until, played };
}

describe("Twilio's voice", () => {
  it.each([
    ["spaced", TEXT],
    ["trimmed", TEXT.replace(/\s/g, "")],
    ["bare", TEXT.replace(/\s/g, "")],
  ] as const)("tells in pieces what it has played, %s", async (how, whole) => {
    const { voice, lines, told, until, played } = speak({ played: how });
    voice.say(TEXT, true, true);
    expect([lines, told]).toEqual([[], []]);
    await until(voice.isQuiet);
    expect(lines).toEqual([{ by: "agent", text: TEXT }]);
    expect(played().length).toBeGreaterThan(2);
    expect(how === "spaced" ? played().join("") : played().join("").replace(/\s/g, "")).toBe(whole);
    expect([told[0], told.at(-1)]).toMatchObject([{ value: "on" }, { value: "off" }]);
  });

  it("is cut off by an end, also before its first sound", async () => {
    const early = speak();
    early.voice.say(TEXT, true, true);
    early.voice.end("ended");
    expect(early.lines).toEqual([{ by: "agent", text: "", cut: "ended" }]);
    const { voice, lines, until, played } = speak();
    voice.say(TEXT, true, true);
    await until(() => played().length > 0);
    voice.end("ended");
    expect(lines).toMatchObject([{ cut: "ended" }]);
    expect(TEXT.startsWith(lines[0]?.text ?? "none")).toBe(true);
  });

  it("is preempted by the next utterance, if that is allowed, and else goes on before it", async () => {
    const cut = speak();
    cut.voice.say(TEXT, true, true);
    await cut.until(() => cut.played().length > 0);
    cut.voice.say("No.", true, true);
    await cut.until(cut.voice.isQuiet);
    expect(cut.lines).toMatchObject([{ cut: "preempted" }, { text: "No." }]);
    const whole = speak();
    whole.voice.say(TEXT, true, false);
    whole.voice.say("No.", true, true);
    await whole.until(whole.voice.isQuiet);
    expect(whole.lines.map(({ text }) => text)).toEqual([TEXT, "No."]);
  });

  it("is interrupted by the caller, and says no more of that utterance", async () => {
    const { voice, lines, until, played } = speak({ speaker: "never" });
    voice.say(TEXT, false, true);
    await until(() => played().length > 0);
    const heard = voice.interrupt();
    voice.say(" And more.", true, true);
    voice.listen();
    voice.say("Yes?", true, true);
    await until(voice.isQuiet);
    expect(lines).toEqual([
      { by: "agent", text: heard, interrupted: true },
      { by: "agent", text: "Yes?" },
    ]);
  });
});
