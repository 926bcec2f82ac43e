import type { Line, Utterance } from "./call.ts";
import { between, createVoice, type Manners, wait } from "./voice.ts";

// ConversationRelay from Twilio's side: https://www.twilio.com/docs/voice/conversationrelay/websocket-messages

/** What both a browser's and a Worker's WebSocket can do. */
export type Socket = {
  send: (data: string) => void;
  close: (code?: number) => void;
  addEventListener: {
    (type: "message", listener: (event: { data: unknown }) => void): void;
    (type: "close", listener: () => void): void;
  };
};

/** Opens a WebSocket with these headers in the handshake. @throws Error if nobody accepts it */
export type OpenSocket = (url: string, headers: Record<string, string>) => Promise<Socket>;

/**
 * A session that fails by itself: the account's fault (64101), the agent's (64106: voice or language), or the moment's
 * (64114, 64102, 39001). https://www.twilio.com/docs/api/errors; whether `setup` comes before it is not said.
 */
export type Failure = { code: string; when: "before_setup" | "after_setup" };

export type Session = {
  open: () => Promise<Socket>;
  setup: Record<string, unknown>;
  language: string;
  greeting: string;
  /** Whether the greeting gives way to what is said next. */
  isPreemptible: boolean;
  /** What the runtime wants to be told: `speaker-events`, `tokens-played`. */
  events: readonly string[];
  tellsPartials: boolean;
  /** Whether a connection that broke is opened again. */
  reconnects: boolean;
  failure: Failure | undefined;
  manners: Manners;
  /** What the caller does next; undefined where they hang up. */
  next: () => Promise<Utterance | undefined>;
  /** They have done it. */
  done: () => void;
  hear: (line: Line) => void;
  /** How long the caller waits for an answer before hanging up, in milliseconds. */
  patienceMs: number;
  /** How long they stay on the line after the last answer. */
  lingerMs: number;
};

/** How a session ended: the parameters for `<Connect action>`, and whether the caller hung up. */
export type SessionEnd = { hungUp: boolean; parameters: Record<string, string> };

const RECONNECTS = 5;
// "Twilio buffers up to 500 events": Twilio Changelog, Oct. 28, 2026.
const MAX_BUFFERED = 500;
const CLOSES_WITHIN_MS = 300;
const KEY_MS = [200, 1_200] as const;
const CHARACTERS_PER_SECOND = 14;

/** Runs one session, from the handshake to its end. */
export async function converse(session: Session): Promise<SessionEnd> {
  const { next, done, hear, language, manners, failure, events } = session;
  if (failure?.when === "before_setup") return { hungUp: false, parameters: failed(failure.code) };
  let socket: Socket | undefined;
  let handoff: { data: string } | undefined;
  let isBroken = false;
  let reconnects = 0;
  let buffered: string[] = [];
  let wake = () => {};
  const over = Promise.withResolvers<undefined>();

  const send = (frame: object) => {
    const data = JSON.stringify(frame);
    if (socket) socket.send(data);
    else if (buffered.length < MAX_BUFFERED) buffered.push(data);
  };
  const voice = createVoice(manners, {
    hear,
    changed: () => wake(),
    tell: ({ name, ...rest }: { name?: string }) => {
      const event = name === "tokensPlayed" ? "tokens-played" : "speaker-events";
      if (events.includes(event)) send({ name, ...rest });
    },
  });
  const receive = (data: unknown) => {
    if (handoff || isBroken) return;
    const frame = parse(data);
    if (frame?.type === "text" && typeof frame.token === "string") {
      voice.say(frame.token, frame.last === true, frame.preemptible === true);
    } else if (frame?.type === "end") {
      // What is still to be heard is not heard: two public bases have it in tests made from real calls.
      voice.end("ended");
      handoff = { data: typeof frame.handoffData === "string" ? frame.handoffData : "" };
      over.resolve(undefined);
    } else if (!["play", "sendDigits", "language"].includes(String(frame?.type))) {
      // Error 64107: Twilio ignores the message, and the session goes on.
      send({ type: "error", description: `Invalid message received: ${String(data).slice(0, 200)}` });
    }
  };
  const fail = () => {
    isBroken = true;
    voice.end("broken");
    over.resolve(undefined);
    wake();
  };
  async function connect(): Promise<void> {
    const opened = await session.open();
    opened.addEventListener("message", ({ data }) => {
      receive(data);
      wake();
    });
    opened.addEventListener("close", () => {
      if (socket === opened) lose();
    });
    socket = opened;
  }
  /** The connection broke. What Twilio has got it goes on to say. */
  function lose(): void {
    socket = undefined;
    if (handoff || isBroken) return;
    reconnects += 1;
    if (!session.reconnects || reconnects > RECONNECTS) {
      fail();
      return;
    }
    wait(manners.takesTime ? 300 : 5)
      .then(connect)
      .then(() => {
        if (manners.repeatsSetup) socket?.send(JSON.stringify({ type: "setup", ...session.setup }));
        for (const data of buffered) socket?.send(data);
        buffered = [];
      })
      .catch(lose);
  }
  const isOver = () => isBroken || handoff !== undefined;

  /** Waits until something is so, the session is over or patience has run out; says whether it is so. */
  const until = async (isSo: () => boolean, patienceMs = session.patienceMs): Promise<boolean> => {
    const patience = Promise.withResolvers<"out">();
    const timer = setTimeout(() => patience.resolve("out"), patienceMs);
    while (!isSo() && !isOver()) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      if ((await Promise.race([woken, patience.promise])) === "out") break;
    }
    clearTimeout(timer);
    return isSo();
  };
  const pause = (ms: number) => (ms > 0 ? until(() => false, ms) : undefined);

  try {
    await connect();
  } catch {
    return { hungUp: false, parameters: failed("64102") };
  }
  send({ type: "setup", ...session.setup });
  if (session.greeting) voice.say(session.greeting, true, session.isPreemptible);
  if (failure) setTimeout(fail, manners.takesTime ? 400 : 0);

  // How many answers the caller had heard when they began to wait for one; undefined: they wait for none.
  let awaited: number | undefined;
  const isWaiting = () =>
    !voice.isQuiet() || (awaited !== undefined && voice.finished() <= awaited && !isOver());

  /** Whoever speaks or presses a key while the agent speaks interrupts: `interruptible` is "any" unless told. */
  const interrupt = () => {
    const heard = voice.interrupt();
    if (heard === undefined) return;
    const durationUntilInterruptMs = manners.random() < 0.5 ? "460" : 460.5;
    send({ type: "interrupt", utteranceUntilInterrupt: heard, durationUntilInterruptMs });
  };
  const speak = async (text: string) => {
    if (events.includes("speaker-events")) voice.tellSpeaker("clientSpeaking", true);
    interrupt();
    // The words take longer than the application needs to hear of the interruption.
    if (!manners.takesTime) await until(() => !voice.isDropping(), CLOSES_WITHIN_MS);
    const words = text.split(/(?<=\s)/);
    let said = "";
    for (const [index, word] of words.entries()) {
      if (manners.takesTime) await pause((word.length / CHARACTERS_PER_SECOND) * 1_000);
      said += word;
      if (session.tellsPartials && index % 2 === 0 && index < words.length - 1)
        send({ type: "prompt", voicePrompt: said.trim(), lang: language, last: false });
    }
    if (isOver()) return;
    if (events.includes("speaker-events")) voice.tellSpeaker("clientSpeaking", false);
    hear({ by: "caller", text });
    voice.listen();
    send({ type: "prompt", voicePrompt: text, lang: language, last: true });
  };

  let hangsUp = false;
  while (!isOver() && !hangsUp) {
    const utterance = await Promise.race([next(), over.promise]);
    if (utterance === undefined) break;
    const act = typeof utterance === "string" ? { say: utterance } : utterance;
    const { say, digits, interrupts = false, hurries = false, silent = false, afterMs = 0 } = act;
    if (interrupts && !manners.takesTime) voice.hold(true);
    if (!hurries) await until(() => !isWaiting() || (interrupts && voice.isHeard()));
    await pause(afterMs);
    voice.hold(false);
    if (isOver()) break;
    done();
    if (act.hangsUp) {
      voice.interrupt();
      hangsUp = true;
    } else if (silent) {
      awaited = voice.finished();
      await until(() => !isWaiting());
    } else if (digits !== undefined) {
      hear({ by: "caller", text: digits });
      for (const [index, digit] of [...digits].entries()) {
        if (manners.takesTime && index > 0) await pause(between(KEY_MS, manners));
        interrupt();
        voice.listen();
        send({ type: "dtmf", digit });
      }
      // Whoever presses keys in no time does not wait for an answer to them.
      awaited = manners.takesTime ? voice.finished() : undefined;
    } else {
      await speak(say ?? "");
      awaited = voice.finished();
    }
  }
  if (!hangsUp) await until(() => !isWaiting());
  if (session.lingerMs > 0 && !hangsUp) await until(() => false, session.lingerMs);
  const wasBroken = isBroken;
  voice.interrupt();
  isBroken = true;
  socket?.close(1000);
  // What it has told is there before what it tells of the call's end.
  await wait(manners.takesTime ? 200 : 20);
  if (handoff) {
    const parameters = { SessionStatus: "ended", ...(handoff.data && { HandoffData: handoff.data }) };
    return { hungUp: false, parameters };
  }
  if (wasBroken) return { hungUp: false, parameters: failed(failure?.code ?? "39001") };
  return { hungUp: true, parameters: { SessionStatus: "completed" } };
}

const MESSAGES: Record<string, string> = {
  "64102": "Unable to connect to the WebSocket",
  "39001": "WebSocket connection failed",
};

function failed(code: string): Record<string, string> {
  return {
    SessionStatus: "failed",
    ErrorCode: code,
    ErrorMessage: MESSAGES[code] ?? "ConversationRelay failed",
  };
}

function parse(data: unknown): Record<string, unknown> | undefined {
  try {
    const frame: unknown = JSON.parse(String(data));
    return typeof frame === "object" && frame !== null ? (frame as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
