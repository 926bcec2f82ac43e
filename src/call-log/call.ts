import { DAY_MS } from "../time.ts";
import type { Slot } from "../vault/vault.ts";

// What the log says of a call. No I/O here.

/** https://www.twilio.com/docs/voice/api/call-resource#call-status-values */
export const CALL_STATUSES = [
  "queued",
  "initiated",
  "ringing",
  "in-progress",
  "completed",
  "busy",
  "failed",
  "no-answer",
  "canceled",
] as const;
export type CallStatus = (typeof CALL_STATUSES)[number];

const LIVE_STATUSES = ["queued", "initiated", "ringing", "in-progress"] as const satisfies CallStatus[];

export const DIRECTIONS = ["inbound", "outbound"] as const;
export type Direction = (typeof DIRECTIONS)[number];

/** Who said what, as the API shows it. */
export type Said = {
  role: "caller" | "agent";
  text: string;
  at: string | null;
  interrupted?: true;
  first_token_ms?: number;
};

/** What a runtime reports of a call that it has led, beside its transcript. */
export type RuntimeOutcome = {
  ended_reason: string | null;
  summary: string | null;
  data: Readonly<Record<string, string>> | null;
};

/** What Twilio, or the agent's conversation, has told of a call. It may come twice, and in any order. */
export type CallReport = {
  /** Twilio's CallSid. */
  callId: string;
  agentId: string | null;
  phoneNumberId: string;
  /** The key's own number, E.164. */
  phoneNumber: string;
  /** The number's, as it is now: the call keeps that of its first report. */
  externalId: string | null;
  account: { accountSid: string; region: string };
  direction: Direction;
  status: CallStatus;
  durationSeconds: number | null;
  endedReason: string | null;
  /** {@link sealParties} */
  partiesSealed: string;
  /** {@link sealTranscript}; null if there is none. */
  transcriptSealed: string | null;
};

/** A call as it is stored; times in milliseconds. */
export type LoggedCall = {
  seq: number;
  call_id: string;
  attempt_id: string | null;
  agent_id: string | null;
  phone_number_id: string;
  phone_number: string;
  external_id: string | null;
  account_sid: string;
  region: string;
  direction: Direction;
  status: CallStatus;
  ended_reason: string | null;
  created_at: number;
  answered_at: number | null;
  ended_at: number | null;
  duration_seconds: number | null;
  recording_sid: string | null;
  parties_sealed: string;
  transcript_sealed: string | null;
  outcome_sealed: string | null;
};

/** A call's place in the log: so many for each millisecond. */
export const PER_MS = 1024;
/** Behind this place is every call that runs: one whose end nobody tells is ended within three days. */
export const liveSince = (now: number): number => (now - 3 * DAY_MS) * PER_MS;

export type CallFilter = {
  agentId?: string | undefined;
  phoneNumber?: string | undefined;
  externalId?: string | undefined;
  direction?: Direction | undefined;
  status?: CallStatus | undefined;
};

/** A day of usage, UTC. */
export type UsageDay = {
  day: string;
  inbound: number;
  outbound: number;
  seconds: number;
  received: number;
  sent: number;
  /** Calls and texts that were begun; see allowance.ts. */
  placed: number;
  texted: number;
  /** Answers of the model, those to typed trials among them, and the tokens read and written for them. */
  turns: number;
  tries: number;
  tokens: number;
};

/** Whether a text came in or went out. */
export type TextCounter = "received" | "sent";

export const partiesSlot = (callId: string): Slot => `call_log.parties/${callId}`;
export const transcriptSlot = (callId: string): Slot => `call_log.transcript/${callId}`;

export const outcomeSlot = (callId: string): Slot => `call_log.outcome/${callId}`;

export const isLive = (status: CallStatus): boolean => (LIVE_STATUSES as readonly string[]).includes(status);

/** What is known of how far a call got. */
export type Progress = Pick<LoggedCall, "status" | "duration_seconds" | "ended_reason">;

/**
 * What is known after a report. Reports come in any order and more than once: a call never goes back, and the first end
 * with a measured length stands. An end that nobody measured gives way to it, as when Twilio ends a call for us before it
 * says how long it was. A later report of the same end may only raise the length. What is known already is `before` itself.
 */
export function progressed(
  before: Progress,
  { status, durationSeconds, endedReason }: Pick<CallReport, "status" | "durationSeconds" | "endedReason">,
): Progress {
  if (isLive(status)) {
    const isLater = CALL_STATUSES.indexOf(status) > CALL_STATUSES.indexOf(before.status);
    return isLive(before.status) && isLater ? { ...before, status } : before;
  }
  const isReplaced = isLive(before.status) || (before.duration_seconds === null && durationSeconds !== null);
  if (!isReplaced && status !== before.status) return before;
  const lengths = [before.duration_seconds, durationSeconds].filter((seconds) => seconds !== null);
  // That a call is over is no reason; who took part in it knows more.
  const hasReason = before.ended_reason !== null && before.ended_reason !== before.status;
  const duration_seconds = lengths.length === 0 ? null : Math.max(...lengths);
  const ended_reason = hasReason ? before.ended_reason : (endedReason ?? before.ended_reason);
  const isSame =
    status === before.status &&
    duration_seconds === before.duration_seconds &&
    ended_reason === before.ended_reason;
  return isSame ? before : { status, duration_seconds, ended_reason };
}

/** The status in one of Twilio's parameters; undefined if it is none that is documented. */
export function statusOf(text: string | null): CallStatus | undefined {
  return CALL_STATUSES.find((status) => status === text);
}

/** Why a call has ended, if nobody who took part in it has said so; null while it is live. */
export function reasonOf(status: CallStatus): string | null {
  return isLive(status) ? null : status;
}
