import { DAY_MS } from "../time.ts";
import { type Hearing, heardAt } from "./speech.ts";
import type { EndedReason, State } from "./state.ts";

// When a conversation looks at the clock, and what a silence means. No I/O here.

// Twilio sends `setup` at once, but under load we may read it late. After a minute without it the peer is not Twilio.
const SETUP_MS = 60_000;
/** Whoever speaks for longer without a word that Twilio understands is a noise. */
const MAX_NOISE_MS = 120_000;
/** The longest that Twilio is told to wait for a word in `<Gather>`. */
const MAX_GATHER_SECONDS = 15;

export type ClockPlan =
  | { kind: "sleep"; until: number }
  /** The last words have been heard: end the session. */
  | { kind: "hang_up" }
  | { kind: "end"; reason: Extract<EndedReason, "silence_timeout" | "max_duration_reached"> }
  | { kind: "ask_if_there" }
  /** Twilio has never said whose call it is. */
  | { kind: "close" };

const longest = ({ startedAt, opening }: State) =>
  startedAt + opening.agent.talk.max_call_duration_seconds * 1_000;

/** When nothing more is known of a call. What has ended is kept for a day, so that Twilio's repeated reports find it. */
export const forgetAt = (state: State): number => (state.ended?.at ?? longest(state)) + DAY_MS;

/**
 * What is due in a session.
 *
 * @param isComposing the model is being asked
 */
export function planClock(state: State, hearing: Hearing, isComposing: boolean, now: number): ClockPlan {
  const { ended, startedAt, opening, relayStarted, speech } = state;
  const maxAt = longest(state);
  const at = (until: number, due: ClockPlan): ClockPlan => (now >= until ? due : { kind: "sleep", until });
  const saidAt = speech ? heardAt(speech, hearing) : startedAt;
  if (ended) return at(saidAt, { kind: "hang_up" });
  if (now >= maxAt) return { kind: "end", reason: "max_duration_reached" };
  if (!relayStarted) return at(Math.min(startedAt + SETUP_MS, maxAt), { kind: "close" });
  const callerAt = hearing.callerAt + (hearing.isCallerSpeaking ? MAX_NOISE_MS : 0);
  const silentAt = Math.max(saidAt, callerAt) + opening.agent.talk.silence_hangup_seconds * 500;
  if (isComposing || maxAt < silentAt) return { kind: "sleep", until: maxAt };
  return at(
    silentAt,
    hearing.hasAskedIfThere ? { kind: "end", reason: "silence_timeout" } : { kind: "ask_if_there" },
  );
}

/** How long `<Gather>` waits for a word of somebody who has been silent for so long: first one half of the limit, then the other. */
export function listenSeconds(silentSeconds: number, limitSeconds: number): number {
  const half = Math.ceil(limitSeconds / 2);
  return Math.min((silentSeconds < half ? half : limitSeconds) - silentSeconds, MAX_GATHER_SECONDS);
}

/** What follows when that time is over. */
export function planSilence(silentSeconds: number, limitSeconds: number) {
  const silent = silentSeconds + listenSeconds(silentSeconds, limitSeconds);
  if (silent >= limitSeconds) return { kind: "end", silent } as const;
  return { kind: silent === Math.ceil(limitSeconds / 2) ? "ask_if_there" : "listen", silent } as const;
}
