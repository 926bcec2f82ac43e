import { type EndedReason, type State, speakingMs } from "./state.ts";

// When a conversation looks at the clock. No I/O here.

/** What has ended is kept for a day, so that Twilio's repeated reports find it; then the object is emptied. */
const KEEP_MS = 24 * 60 * 60 * 1_000;
// Twilio says at once whose call it is, and is heard late if many calls begin together. What never says it is not Twilio.
const SETUP_MS = 60_000;
const MAX_GOODBYE_MS = 15_000;

export type AlarmPlan =
  | { kind: "sleep"; until: number }
  /** Nothing more is known of this call. */
  | { kind: "forget" }
  /** The last words have been said: end the session. */
  | { kind: "hang_up" }
  | { kind: "end"; reason: EndedReason }
  /** A WebSocket is open and has never said whose call it is. */
  | { kind: "close" };

/** @param session what there is of a WebSocket, and whether the model is speaking */
export function planAlarm(
  state: State,
  session: { isOpen: boolean; isSpeaking: boolean },
  now: number,
): AlarmPlan {
  const { ended, startedAt, opening, hasMet, quietSince } = state;
  const { talk } = opening.agent;
  if (ended) {
    const saidAt = session.isOpen ? ended.at + goodbyeMs(state) : 0;
    if (session.isOpen) return now >= saidAt ? { kind: "hang_up" } : { kind: "sleep", until: saidAt };
    return now >= ended.at + KEEP_MS ? { kind: "forget" } : { kind: "sleep", until: ended.at + KEEP_MS };
  }
  const maxAt = startedAt + talk.max_call_duration_seconds * 1_000;
  if (now >= maxAt) return { kind: "end", reason: "max_duration_reached" };
  if (!session.isOpen) return { kind: "sleep", until: maxAt };
  if (!hasMet) {
    const setupAt = startedAt + SETUP_MS;
    return now >= setupAt ? { kind: "close" } : { kind: "sleep", until: Math.min(setupAt, maxAt) };
  }
  const silenceMs = talk.silence_hangup_seconds * 1_000;
  const silentAt = session.isSpeaking ? now + silenceMs : quietSince + silenceMs;
  if (now >= silentAt) return { kind: "end", reason: "silence_timeout" };
  return { kind: "sleep", until: Math.min(silentAt, maxAt) };
}

function goodbyeMs({ turns }: State): number {
  const last = turns.at(-1);
  return last?.role === "agent" ? Math.min(speakingMs(last.text), MAX_GOODBYE_MS) : 0;
}
