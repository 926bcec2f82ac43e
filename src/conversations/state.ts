import type { Talk } from "../agents/talk.ts";
import { cut } from "../cut.ts";
import type { DailyLimits } from "../limits.ts";
import type { ToolTurn } from "../tools/call.ts";
import { answerIn, type Hearing, heardLength, isWhole, lengthOf, newSpeech, type Speech } from "./speech.ts";

/** Whose call it is, and the agent as it was when the call began. */
export type Opening = {
  apiKeyId: string;
  limits: DailyLimits;
  accountSid: string;
  phoneNumber: string;
  /** The number's own. */
  externalId: string | null;
  label: string | null;
  metadata: Readonly<Record<string, string>> | null;
  callSid: string;
  /** Who is at the other end: the caller, as Twilio says it, or the callee; empty if they are withheld. */
  from: string;
  /** This service has placed the call. */
  isOutbound?: true;
  /** What is said first; null if there is nothing: then the other side speaks first, or the model. */
  greeting: string | null;
  agent: {
    id: string;
    systemPrompt: string | null;
    /** BCP 47. */
    language: string;
    talk: Talk;
  };
  /** How long the caller waits for a first word, in milliseconds. */
  patienceMs: number;
};

/** Who said what. `interrupted`: the rest was not heard. `first_token_ms`: how long the model took to its first piece. */
export type Turn = {
  role: "caller" | "agent";
  text: string;
  at: string;
  interrupted?: true;
  first_token_ms?: number;
};

/** How a call ended; the words of the API's calls. */
export type EndedReason =
  | "completed"
  | "transferred"
  | "silence_timeout"
  | "max_duration_reached"
  | "max_turns_reached"
  | "caller_hangup"
  | "callee_hangup"
  | "model_refused"
  | "failed";

/** A conversation as it stands. Plain data, times in milliseconds; stored sealed. */
export type State = {
  opening: Opening;
  startedAt: number;
  transport: "relay" | "gather";
  /** Whether Twilio has begun a ConversationRelay session. */
  relayStarted: boolean;
  /** What has been said and heard, and what tools were called for it. What is being said is not yet in it. */
  turns: (Turn | ToolTurn)[];
  speech: Speech | null;
  /** What was heard in a session that is over. */
  lastHearing: Hearing | null;
  /** How often the model was asked. */
  asked: number;
  /** How many tokens the model has read and written. */
  tokens: number;
  /** How long a caller who is heard by `<Gather>` has been silent, in seconds of Twilio's. */
  silentSeconds: number;
  ended: { reason: EndedReason; at: number; transferTo?: string } | null;
  /** Whether the call's end has been counted and told. */
  isCounted: boolean;
};

const MAX_HEARD_LENGTH = 2_000;

export function newState(opening: Opening, now: number): State {
  const state: State = {
    opening,
    startedAt: now,
    transport: "relay",
    relayStarted: false,
    turns: [],
    speech: null,
    lastHearing: null,
    asked: 0,
    tokens: 0,
    silentSeconds: 0,
    ended: null,
    isCounted: false,
  };
  return opening.greeting === null ? state : sent(speaking(state, opening.greeting, true, now), now);
}

/** The model begins the call: nobody else is to, and there is no greeting. */
export const modelBegins = ({ greeting, agent }: Opening): boolean =>
  greeting === null && agent.talk.ai_speaks_first;

/** The caller said something. */
export function heard(state: State, text: string, now: number): State {
  const turn: Turn = { role: "caller", text: cut(text, MAX_HEARD_LENGTH), at: new Date(now).toISOString() };
  return { ...state, turns: [...state.turns, turn], silentSeconds: 0 };
}

const isCaller = ({ role }: { role: string }) => role === "caller";

/** A speech that begins now. */
export const beginning = ({ turns }: State, now: number): Speech =>
  newSpeech(now, turns.filter(isCaller).length);

/** Something more is sent to be spoken. */
export function speaking(
  state: State,
  text: string,
  isAnswer: boolean,
  now: number,
  firstMs?: number,
): State {
  const speech = state.speech ?? beginning(state, now);
  const pieces = [...speech.pieces, { text, isAnswer }];
  const first = firstMs === undefined ? {} : { firstTokenMs: firstMs };
  return { ...state, speech: { ...first, ...speech, pieces } };
}

/** All has been sent; what was composed first, to be spoken as a whole, begins only now. */
export function sent(state: State, now: number, beginsNow = false): State {
  const { speech } = state;
  return speech
    ? { ...state, speech: { ...speech, sentAt: now, ...(beginsNow && { startedAt: now }) } }
    : state;
}

/**
 * The agent's speech is over, and becomes a turn: as much of it as has been heard.
 *
 * @param by what Twilio told of it, what the caller had heard when they interrupted, or "all"
 */
export function settled(state: State, by: Hearing | { utterance: string } | "all", now: number): State {
  const { speech, turns, transport } = state;
  // What waits to be asked for by `<Gather>` is not spoken.
  if (!speech || (transport === "gather" && speech.sentAt === null)) return { ...state, speech: null };
  const length =
    by === "all"
      ? Number.POSITIVE_INFINITY
      : "utterance" in by
        ? lengthOf(speech, by.utterance)
        : heardLength(speech, by, now);
  const text = answerIn(speech, length);
  if (text === "") return { ...state, speech: null };
  const turn: Turn = {
    role: "agent",
    text,
    at: new Date(speech.startedAt).toISOString(),
    ...(!isWhole(speech, length) && { interrupted: true as const }),
    ...(speech.firstTokenMs !== undefined && { first_token_ms: speech.firstTokenMs }),
  };
  // The caller may have said something meanwhile.
  const since = turns.filter(isCaller)[speech.behind ?? turns.length];
  const place = since ? turns.indexOf(since) : turns.length;
  return { ...state, turns: turns.toSpliced(place, 0, turn), speech: null };
}

/** Why a call ended that nobody here has ended. */
export const hangupOf = ({ opening }: State): EndedReason =>
  opening.isOutbound ? "callee_hangup" : "caller_hangup";

export function ended(state: State, reason: EndedReason, now: number, transferTo?: string): State {
  if (state.ended) return state;
  return { ...state, ended: { reason, at: now, ...(transferTo !== undefined && { transferTo }) } };
}

/** What is new since a state was stored. Its opening changes only in who is at the other end. */
export type News = Omit<State, "opening"> & { opening?: Opening; from: string; known: number };

/**
 * @param kept null: nothing yet
 * @returns null if all of it is to be stored, because the caller is spoken with now
 */
export function newsOf(kept: State | null, { opening, turns, ...state }: State): News | null {
  if (state.relayStarted !== (kept?.relayStarted ?? false)) return null;
  const changed = turns.findIndex((turn, index) => turn !== kept?.turns[index]);
  const known = changed < 0 ? turns.length : changed;
  return { ...state, ...(!kept && { opening }), turns: turns.slice(known), from: opening.from, known };
}

export function withNews(kept: State | null, { from, known, ...news }: News): State | null {
  const opening = news.opening ?? kept?.opening;
  const turns = [...(kept?.turns.slice(0, known) ?? []), ...news.turns];
  return opening ? { ...news, opening: { ...opening, from }, turns } : null;
}

// A value may have 2 MB, and sealing makes a third more of it.
const MAX_BYTES = 1_400_000;

/** The state as it is stored. If it is too large, its oldest turns are dropped. */
export function stored(state: State): State {
  const { turns } = state;
  const { byteLength } = new TextEncoder().encode(JSON.stringify(state));
  if (turns.length === 0 || byteLength <= MAX_BYTES) return state;
  return stored({ ...state, turns: turns.slice(Math.ceil(turns.length / 8)) });
}
