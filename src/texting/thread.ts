import type { Talk } from "../agents/schema.ts";
import type { Turn } from "../conversations/state.ts";
import { cut } from "../cut.ts";
import type { EventNumber } from "../events/event.ts";
import type { DailyLimits } from "../limits.ts";
import type { ToolTurn } from "../tools/call.ts";
import type { AccountKey } from "../twilio-accounts/row.ts";

// What is decided about a thread of texts. No I/O here.

/** Whose thread it is: one number of ours and one correspondent, and the agent as it was at the last text. */
export type ThreadOwner = {
  account: AccountKey;
  number: EventNumber;
  correspondent: string;
  agent: { id: string; systemPrompt: string | null; talk: Talk };
  limits: DailyLimits;
  patienceMs: number;
  /** The one that the text came through, by which the answer goes. */
  messagingServiceSid?: string | null;
  /** Where Twilio reports what becomes of an answer. */
  statusCallback: string;
};

/** A thread as it stands; stored sealed. Times in milliseconds. */
export type Thread = {
  owner: ThreadOwner;
  turns: (Turn | ToolTurn)[];
  /** Texts that have come and are not answered yet. */
  unanswered: number;
  /** The SIDs of the last texts, by which Twilio's repetitions are known. */
  seen: string[];
  /** When answers were sent, within the last hour. */
  sentAt: number[];
  /** An answer is on its way to Twilio, and nobody knows yet whether it arrived. */
  isSending: boolean;
  /** When it was last told that too many texts came. */
  limitToldAt: number;
  lastAt: number;
};

const FORGET_MS = 12 * 60 * 60 * 1_000;
const HOUR_MS = 60 * 60 * 1_000;
/** Two machines that answer each other stop here. */
const MAX_REPLIES_PER_HOUR = 10;
const MAX_SEEN = 50;
const MAX_TURNS = 40;
/** Twilio takes no longer text. https://www.twilio.com/docs/api/errors/21617 */
export const MAX_TEXT_LENGTH = 1_600;

export function newThread(owner: ThreadOwner, now: number): Thread {
  return {
    owner,
    turns: [],
    unanswered: 0,
    seen: [],
    sentAt: [],
    isSending: false,
    limitToldAt: 0,
    lastAt: now,
  };
}

/** A text came in. One that has been seen already changes nothing. */
export function received(thread: Thread, owner: ThreadOwner, sid: string, text: string, now: number): Thread {
  if (thread.seen.includes(sid)) return thread;
  const turn: Turn = {
    role: "caller",
    text: cut(text, MAX_TEXT_LENGTH),
    at: new Date(now).toISOString(),
  };
  return {
    ...thread,
    owner,
    turns: [...thread.turns, turn].slice(-MAX_TURNS),
    unanswered: thread.unanswered + 1,
    seen: [...thread.seen, sid].slice(-MAX_SEEN),
    lastAt: now,
  };
}

export type ReplyPlan =
  | { kind: "reply" }
  /** An answer may have been sent before this object was restarted; sending it again could send it twice. */
  | { kind: "give_up"; reason: "outcome_unknown" }
  /** `isNews`: nobody has been told of it within the hour. */
  | { kind: "limit"; isNews: boolean }
  | { kind: "sleep"; until: number }
  | { kind: "forget" };

export function planReply(thread: Thread, now: number): ReplyPlan {
  if (thread.isSending) return { kind: "give_up", reason: "outcome_unknown" };
  if (thread.unanswered > 0) {
    const lately = thread.sentAt.filter((at) => now - at < HOUR_MS);
    if (lately.length < MAX_REPLIES_PER_HOUR) return { kind: "reply" };
    return { kind: "limit", isNews: now - thread.limitToldAt >= HOUR_MS };
  }
  const forgetAt = thread.lastAt + FORGET_MS;
  return now >= forgetAt ? { kind: "forget" } : { kind: "sleep", until: forgetAt };
}

/** An answer was sent. Texts that came meanwhile stay unanswered, and come after it. */
export function replied(thread: Thread, answered: number, text: string, now: number): Thread {
  const turn: Turn = { role: "agent", text, at: new Date(now).toISOString() };
  const unanswered = Math.max(thread.unanswered - answered, 0);
  const turns = thread.turns.toSpliced(thread.turns.length - unanswered, 0, turn);
  return {
    ...thread,
    turns: turns.slice(-MAX_TURNS),
    unanswered,
    sentAt: [...thread.sentAt.filter((at) => now - at < HOUR_MS), now],
    isSending: false,
    lastAt: now,
  };
}

// https://help.twilio.com/articles/223134027: what Twilio and carriers answer by themselves.
const CARRIER_WORD = /^(?:START|UNSTOP|YES|HELP|INFO)$/;
/** Twilio's own words, and what else says clearly that no more is wanted: 47 CFR 64.1200(a)(10). */
const OPT_OUT =
  /^(?:PLEASE )?(?:STOP(?: ?ALL)?|UNSUBSCRIBE|CANCEL|END|QUIT|OPT ?OUT|REVOKE|REMOVE|STOP (?:TEXTING|MESSAGING|MESSAGES|TEXTS|SENDING)|(?:DO NOT|DONT|NEVER|NO MORE) (?:TEXT|TEXTS|MESSAGE|MESSAGES|CONTACT|CONTACTING)|LEAVE ME ALONE|TAKE ME OFF)(?: (?:ME|US|THIS|IT|NOW|AGAIN|ANYMORE|ANY MORE|ALL|TEXTS|MESSAGES|YOUR LIST|THE LIST|THIS LIST|FROM|OF|OFF|PLEASE|THANKS|THANK YOU))*$/;

/** Whether a text is left to Twilio or to nobody: an opt-out, an opt-in, a call for help. */
export function carrierWordIn(text: string, optOutType: string | null): "opt_out" | "other" | null {
  const words = text
    .normalize("NFKC")
    // Invisible marks, which come with copied text.
    .replace(/\p{Cf}/gu, "")
    .toUpperCase()
    .replace(/['\u2019]/g, "")
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
  if (optOutType === "STOP" || OPT_OUT.test(words)) return "opt_out";
  return optOutType || CARRIER_WORD.test(words) ? "other" : null;
}
