import type { Line, Utterance } from "./call.ts";

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

export type Session = {
  open: () => Promise<Socket>;
  setup: Record<string, unknown>;
  language: string;
  /** Whether the runtime is told what has been played. */
  tellsPlayed: boolean;
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

// How long the rest of an answer may still be on its way after its first word.
const ON_ITS_WAY_MS = 200;

/** Runs one session, from the handshake to its end. */
export async function converse(session: Session): Promise<SessionEnd> {
  const { next, done, hear, language } = session;
  let socket: Socket;
  try {
    socket = await session.open();
  } catch {
    const message = "Unable to connect to the WebSocket";
    return { hungUp: false, parameters: failed("64102", message) };
  }

  // What the agent is saying, and whether the caller waits for the rest of it.
  let spoken = "";
  let isPending = false;
  // The caller will not hear the end of it.
  let isCutShort = false;
  let handoff: { data: string } | undefined;
  let isClosed = false;
  let wake = () => {};
  const over = Promise.withResolvers<undefined>();

  const finish = () => {
    if (spoken !== "") hear({ by: "agent", text: spoken });
    if (spoken !== "" && session.tellsPlayed && !isClosed) {
      send({ type: "info", name: "tokensPlayed", value: spoken });
    }
    spoken = "";
    isPending = false;
  };
  const receive = (data: unknown) => {
    if (handoff || isClosed) return;
    const frame = parse(data);
    if (frame?.type === "text" && typeof frame.token === "string") {
      spoken += frame.token;
      if (frame.last === true && isCutShort) isPending = false;
      else if (frame.last === true) finish();
    } else if (frame?.type === "end") {
      finish();
      handoff = { data: typeof frame.handoffData === "string" ? frame.handoffData : "" };
      over.resolve(undefined);
    } else if (!["play", "sendDigits", "language"].includes(String(frame?.type))) {
      // Error 64107: Twilio ignores the message, and the session goes on.
      send({ type: "error", description: `Invalid message received: ${String(data).slice(0, 200)}` });
    }
  };
  socket.addEventListener("message", ({ data }) => {
    receive(data);
    wake();
  });
  socket.addEventListener("close", () => {
    isClosed = true;
    over.resolve(undefined);
    wake();
  });
  const send = (frame: object) => socket.send(JSON.stringify(frame));
  const isOver = () => isClosed || handoff !== undefined;

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

  send({ type: "setup", ...session.setup });
  while (!isOver()) {
    const utterance = await Promise.race([next(), over.promise]);
    if (utterance === undefined) break;
    const {
      say,
      digits,
      interrupts = false,
      silent = false,
    } = typeof utterance === "string" ? { say: utterance } : (utterance ?? {});
    isCutShort = interrupts && isPending;
    await until(() => !isPending || (interrupts && spoken !== ""));
    // Words come faster than they are spoken: what is on its way is still the same answer.
    if (isCutShort) await until(() => !isPending, ON_ITS_WAY_MS);
    if (isOver()) break;
    done();
    if (isCutShort && spoken !== "") {
      const heard = isPending ? spoken : firstWord(spoken);
      spoken = "";
      hear({ by: "agent", text: heard, interrupted: true });
      send({ type: "interrupt", utteranceUntilInterrupt: heard, durationUntilInterruptMs: "460" });
    }
    isCutShort = false;
    if (silent) {
      isPending = true;
      await until(() => !isPending);
      continue;
    }
    if (digits !== undefined) {
      hear({ by: "caller", text: digits });
      for (const digit of digits) send({ type: "dtmf", digit });
      continue;
    }
    hear({ by: "caller", text: say ?? "" });
    isPending = true;
    send({ type: "prompt", voicePrompt: say ?? "", lang: language, last: true });
  }
  await until(() => !isPending);
  if (session.lingerMs > 0) await until(() => false, session.lingerMs);
  finish();
  if (handoff) {
    socket.close(1000);
    const parameters = { SessionStatus: "ended", ...(handoff.data && { HandoffData: handoff.data }) };
    return { hungUp: false, parameters };
  }
  if (isClosed) return { hungUp: false, parameters: failed("39001", "WebSocket connection failed") };
  socket.close(1000);
  return { hungUp: true, parameters: { SessionStatus: "completed" } };
}

const firstWord = (text: string): string => text.match(/^\s*\S+\s*/)?.[0] ?? text;

function failed(code: string, message: string): Record<string, string> {
  return { SessionStatus: "failed", ErrorCode: code, ErrorMessage: message };
}

function parse(data: unknown): Record<string, unknown> | undefined {
  try {
    const frame: unknown = JSON.parse(String(data));
    return typeof frame === "object" && frame !== null ? (frame as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
