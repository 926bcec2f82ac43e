import type { Talk } from "../agents/schema.ts";

/** Whose call it is, and the agent as it was when the call began. */
export type Opening = {
  apiKeyId: string;
  accountSid: string;
  phoneNumberId: string;
  phoneNumber: string;
  callSid: string;
  /** Who is at the other end: the caller, as Twilio says it, or the callee. */
  from: string;
  /** This service has placed the call. */
  isOutbound?: true;
  agent: {
    id: string;
    systemPrompt: string | null;
    welcomeMessage: string | null;
    /** BCP 47. */
    language: string;
    talk: Talk;
  };
  /** How long the caller waits for a first word, in milliseconds. */
  patienceMs: number;
};

/** Who said what. `interrupted`: the caller spoke before the end, so that it is what they heard of it. */
export type Turn = { role: "caller" | "agent"; text: string; at: string; interrupted?: true };

/** How a call ended; the words of the API's calls. */
export type EndedReason =
  | "completed"
  | "transferred"
  | "silence_timeout"
  | "max_duration_reached"
  | "caller_hangup"
  | "callee_hangup"
  | "failed";

export type Ended = { reason: EndedReason; at: number; transferTo?: string };

/** A conversation as it stands. Plain data, times in milliseconds; stored sealed. */
export type State = {
  opening: Opening;
  startedAt: number;
  transport: "relay" | "gather";
  /** Whether Twilio has begun a ConversationRelay session. */
  hasMet: boolean;
  turns: Turn[];
  /** How often the model was asked. */
  asked: number;
  /** Pieces of text that the model sent. */
  tokens: number;
  firstTokenMs: number[];
  /** Since when nobody has said anything, as far as we know. */
  quietSince: number;
  ended: Ended | null;
  /** Whether the call's end has been counted and told. */
  isTold: boolean;
};

const MAX_HEARD_LENGTH = 2_000;

export function newState(opening: Opening, now: number): State {
  const { welcomeMessage } = opening.agent;
  const at = new Date(now).toISOString();
  return {
    opening,
    startedAt: now,
    transport: "relay",
    hasMet: false,
    turns: welcomeMessage ? [{ role: "agent", text: welcomeMessage, at }] : [],
    asked: 0,
    tokens: 0,
    firstTokenMs: [],
    quietSince: now + speakingMs(welcomeMessage ?? ""),
    ended: null,
    isTold: false,
  };
}

/** The caller said something. */
export function heard(state: State, text: string, now: number): State {
  const turn: Turn = {
    role: "caller",
    text: text.slice(0, MAX_HEARD_LENGTH),
    at: new Date(now).toISOString(),
  };
  return { ...state, turns: [...state.turns, turn], asked: state.asked + 1, quietSince: now };
}

/** The agent said something, or began to. */
export function spoken(state: State, text: string, now: number, interrupted = false): State {
  if (text.trim() === "") return state;
  const turn: Turn = {
    role: "agent",
    text: text.trim(),
    at: new Date(now).toISOString(),
    ...(interrupted && { interrupted: true as const }),
  };
  return { ...state, turns: [...state.turns, turn], quietSince: interrupted ? now : now + speakingMs(text) };
}

/**
 * The caller spoke while the agent did, so only what they heard counts as said.
 *
 * @param saying what was sent of an answer that is not in the history yet; null if the answer was whole
 */
export function interrupted(state: State, saying: string | null, heardOfIt: string, now: number): State {
  const last = state.turns.at(-1);
  if (saying === null && last?.role !== "agent") return state;
  const whole = saying ?? last?.text ?? "";
  // No more than was said, whatever the message claims.
  const text = heardOfIt.slice(0, whole.length);
  const turns = saying === null ? state.turns.slice(0, -1) : state.turns;
  return spoken({ ...state, turns }, text, now, true);
}

/** Why a call ended that nobody here has ended. */
export function hangupOf({ opening }: State): EndedReason {
  return opening.isOutbound ? "callee_hangup" : "caller_hangup";
}

export function ended(state: State, reason: EndedReason, now: number, transferTo?: string): State {
  if (state.ended) return state;
  return { ...state, ended: { reason, at: now, ...(transferTo !== undefined && { transferTo }) } };
}

// How fast the voices of Twilio speak, on the slow side.
const CHARACTERS_PER_SECOND = 14;

/** About how long it takes to say a text, in milliseconds. */
export function speakingMs(text: string): number {
  return Math.ceil((text.length / CHARACTERS_PER_SECOND) * 1_000);
}
