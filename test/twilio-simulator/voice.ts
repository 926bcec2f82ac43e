import type { Line } from "./call.ts";

// Twilio's voice: it speaks what it has got later than it has got it, in its own time, and tells what it has spoken.
// Where Twilio's pages do not say how something is, `rude` does both.

export type Manners = {
  random: () => number;
  /** Milliseconds from the text to the sound. "Voice Insights: Conversation Relay Insights Events" has it as TTS latency. */
  firstSoundMs: readonly [number, number];
  charactersPerSecond: number;
  /** Characters between two reports of what was played. */
  piece: readonly [number, number];
  /**
   * `tokensPlayed`, with or without the spaces between its pieces, or never. pBread/twilio-signal-2025-keynote-demo has
   * its type.
   */
  played: "spaced" | "trimmed" | "bare" | "never";
  /** `agentSpeaking` and `clientSpeaking`. JacksonFalgoust/AI-Receptionist, app/speaker_events.py, has `value`. */
  speaker: "value" | "text" | "flag" | "never";
  /** Whether `off` comes when the voice has nothing to say for the moment, though the answer goes on. */
  isOffBetween: boolean;
  /** Whether `interrupt` comes if the caller speaks before the first sound. */
  interruptsBeforeSound: boolean;
  /** "Twilio Changelog, Oct. 28, 2026": a connection that is opened again. Whether `setup` comes again is not said. */
  repeatsSetup: boolean;
  /** Whether people speak and press keys as slowly as people do. */
  takesTime: boolean;
};

/** Everything at once, and everything told. For tests of other things. */
export const POLITE: Manners = {
  random: () => 0.5,
  firstSoundMs: [0, 0],
  charactersPerSecond: Number.POSITIVE_INFINITY,
  piece: [12, 30],
  played: "spaced",
  speaker: "value",
  isOffBetween: false,
  interruptsBeforeSound: true,
  repeatsSetup: true,
  takesTime: false,
};

export function rude(seed: number): Manners {
  const random = mulberry32(seed);
  const one = <Value>(...values: Value[]): Value => values[Math.floor(random() * values.length)] as Value;
  return {
    random,
    firstSoundMs: [300, 1_500],
    charactersPerSecond: 12 + random() * 3,
    piece: [15, 80],
    played: one("spaced", "trimmed", "bare", "never"),
    speaker: one("value", "text", "flag", "never"),
    isOffBetween: one(true, false),
    interruptsBeforeSound: one(true, false),
    repeatsSetup: one(true, false),
    takesTime: true,
  };
}

/** @see https://github.com/bryc/code/blob/master/jshash/PRNGs.md */
export function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export const between = ([least, most]: readonly [number, number], { random }: Manners) =>
  least + random() * (most - least);

export const speakingMs = (text: string, { charactersPerSecond }: Manners) =>
  (text.length / charactersPerSecond) * 1_000;

/** No half letters are heard. */
export const beginning = (text: string, length: number) =>
  text.slice(0, Math.floor(length)).replace(/[\ud800-\udbff]$/, "");

/** What one asks to be said until `last: true`: a talk cycle. */
type Cycle = { text: string; heard: number; isClosed: boolean; isPreemptible: boolean };

export type Voice = ReturnType<typeof createVoice>;

/** @param tell an `info` frame for the application */
export function createVoice(
  manners: Manners,
  { hear, tell, changed }: { hear: (line: Line) => void; tell: (frame: object) => void; changed: () => void },
) {
  let cycles: Cycle[] = [];
  let timer: ReturnType<typeof setTimeout> | null = null;
  let speaking: { from: number; to: number; at: number; ms: number } | undefined;
  let isOn = false;
  let isHeld = false;
  let finished = 0;
  // Of an utterance that was interrupted no more is spoken, though more of it is on its way.
  let isDropping = false;

  const turn = (on: boolean) => {
    if (isOn === on) return;
    isOn = on;
    tellSpeaker("agentSpeaking", on);
  };
  function tellSpeaker(name: string, on: boolean): void {
    const word = on ? "on" : "off";
    if (manners.speaker === "value") tell({ type: "info", name, value: word });
    if (manners.speaker === "text") tell({ type: "info", name, text: word });
    if (manners.speaker === "flag") tell({ type: "info", name, value: on });
  }
  function tellPlayed(text: string): void {
    if (manners.played === "never") return;
    const value = { spaced: text, trimmed: text.trim(), bare: text.replace(/\s+/g, "") }[manners.played];
    tell({ type: "info", name: "tokensPlayed", [manners.speaker === "text" ? "text" : "value"]: value });
  }

  function step(): void {
    if (timer !== null || speaking) return;
    const [cycle] = cycles;
    if (!cycle) {
      turn(false);
      changed();
    } else if (isHeld && cycle.heard > 0) {
      changed();
    } else if (cycle.heard < cycle.text.length) {
      timer = setTimeout(sound, isOn ? 0 : between(manners.firstSoundMs, manners), cycle);
    } else if (cycle.isClosed) {
      cycles.shift();
      if (cycle.text !== "") {
        finished += 1;
        hear({ by: "agent", text: cycle.text });
      }
      step();
    } else {
      if (manners.isOffBetween) turn(false);
      changed();
    }
  }
  function sound(cycle: Cycle): void {
    timer = null;
    turn(true);
    const most = Math.ceil(between(manners.piece, manners));
    const rest = cycle.text.slice(cycle.heard);
    const words = rest.slice(0, most).match(/^[\s\S]*\s(?=\S|$)/)?.[0];
    const piece = rest.length <= most ? rest : (words ?? rest);
    const ms = speakingMs(piece, manners);
    speaking = { from: cycle.heard, to: cycle.heard + piece.length, at: Date.now(), ms };
    timer = setTimeout(() => {
      timer = null;
      speaking = undefined;
      cycle.heard += piece.length;
      tellPlayed(piece);
      step();
    }, ms);
    changed();
  }
  function cut(): string {
    const [cycle] = cycles;
    if (timer !== null) clearTimeout(timer);
    const { from, to, at, ms } = speaking ?? { from: 0, to: 0, at: 0, ms: 1 };
    const share = ms > 0 ? Math.min((Date.now() - at) / ms, 1) : 1;
    const heard = beginning(cycle?.text ?? "", speaking ? from + (to - from) * share : (cycle?.heard ?? 0));
    timer = null;
    speaking = undefined;
    return heard;
  }
  function stop(how: { interrupted: true } | { cut: NonNullable<Line["cut"]> }): string {
    const heard = cut();
    // Of what `end` cuts off before its first sound the caller hears nothing at all.
    const isLost = "cut" in how && how.cut === "ended" && cycles.some(({ text }) => text !== "");
    cycles = [];
    if (heard !== "" || isLost) hear({ by: "agent", text: heard, ...how });
    turn(false);
    return heard;
  }

  return {
    tellSpeaker,
    /** Twilio has got text of the application. A new talk cycle preempts one that allows it. */
    say(token: string, isLast: boolean, isPreemptible: boolean): void {
      if (isDropping) {
        isDropping = !isLast;
        return;
      }
      let open = cycles.findLast(({ isClosed }) => !isClosed);
      if (!open) {
        if (token === "") return;
        if (cycles[0]?.isPreemptible) stop({ cut: "preempted" });
        open = { text: "", heard: 0, isClosed: false, isPreemptible };
        cycles.push(open);
      }
      open.text += token;
      open.isClosed = isLast;
      step();
    },
    /** The caller speaks: whatever is said and waits is cut off. @returns what was heard of it; undefined: nothing was */
    interrupt(): string | undefined {
      if (cycles.length === 0) return undefined;
      if (!isOn && !manners.interruptsBeforeSound) return undefined;
      isDropping = cycles.some(({ isClosed }) => !isClosed);
      return stop({ interrupted: true });
    },
    /** The application is told something, and what comes after that is another utterance. */
    listen(): void {
      isDropping = false;
    },
    end(cut: "ended" | "broken"): void {
      stop({ cut });
    },
    /** With `true`, it waits after its first words to be interrupted. */
    hold(on: boolean): void {
      isHeld = on;
      step();
    },
    isDropping: () => isDropping,
    isQuiet: () => cycles.length === 0,
    isHeard: () => (cycles[0]?.heard ?? 0) > 0 || (speaking !== undefined && manners.takesTime),
    /** How many talk cycles have been heard to their end. */
    finished: () => finished,
  };
}
