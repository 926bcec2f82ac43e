import { type Hearing, heardAt } from "./speech.ts";
import type { EndedReason, State } from "./state.ts";

// When a conversation looks at the clock, and what a silence means. No I/O here.

/** What has ended is kept for a day, so that Twilio's repeated reports find it; then the object is emptied. */
const KEEP_MS = 24 * 60 * 60 * 1_000;
// Twilio sends `setup` at once, but under load we may read it late. After a minute without it the peer is not Twilio.
const SETUP_MS = 60_000;
/** Whoever speaks for longer without a word that Twilio understands is a noise. */
const MAX_NOISE_MS = 120_000;
/** The longest that Twilio is told to wait for a word in `<Gather>`. */
const MAX_GATHER_SECONDS = 15;

export type AlarmPlan =
  | { kind: "sleep"; until: number }
  /** Nothing more is known of this call. */
  | { kind: "forget" }
  /** The last words have been heard: end the session. */
  | { kind: "hang_up" }
  | { kind: "end"; reason: Extract<EndedReason, "silence_timeout" | "max_duration_reached"> }
  | { kind: "ask_if_there" }
  /** A WebSocket is open and has never said whose call it is. */
  | { kind: "close" };

/**
 * @param hearing what Twilio tells in the session that is open; null if none is
 * @param isComposing the model is being asked
 */
export function planAlarm(
  state: State,
  { hearing, isComposing }: { hearing: Hearing | null; isComposing: boolean },
  now: number,
): AlarmPlan {
  const { ended, startedAt, opening, relayStarted, speech, transport } = state;
  const { talk } = opening.agent;
  const maxAt = startedAt + talk.max_call_duration_seconds * 1_000;
  const at = (until: number, due: AlarmPlan): AlarmPlan => (now >= until ? due : { kind: "sleep", until });
  // Until then nothing can be due, and no other alarm need be set for it.
  const firstLook = startedAt + Math.min(talk.silence_hangup_seconds * 500, SETUP_MS);
  if (!ended && !relayStarted && transport === "relay" && now < firstLook)
    return { kind: "sleep", until: firstLook };
  if (!hearing) return at((ended?.at ?? maxAt) + KEEP_MS, { kind: "forget" });
  const saidAt = speech ? heardAt(speech, hearing) : startedAt;
  if (ended) return at(saidAt, { kind: "hang_up" });
  if (now >= maxAt) return { kind: "end", reason: "max_duration_reached" };
  if (!relayStarted) return at(Math.min(startedAt + SETUP_MS, maxAt), { kind: "close" });
  const callerAt = hearing.callerAt + (hearing.isCallerSpeaking ? MAX_NOISE_MS : 0);
  const half = talk.silence_hangup_seconds * 500;
  const silentAt = Math.max(saidAt, callerAt) + half;
  // Whoever speaks may stop at any time: an alarm that is set for later would be set again, which is a row.
  const talkingUntil = Math.min(now + half, maxAt);
  if (isComposing || talkingUntil < silentAt) return { kind: "sleep", until: talkingUntil };
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
