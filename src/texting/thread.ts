import { told } from "../agents/fill.ts";
import type { Talk } from "../agents/talk.ts";
import type { Turn } from "../conversations/state.ts";
import { cut } from "../cut.ts";
import type { EventNumber } from "../events/event.ts";
import type { DailyLimits } from "../limits.ts";
import { type AgentColumns, type Settings, settingsOf, speakingOf } from "../phone-numbers/settings.ts";
import type { Question, Said } from "../tools/ask.ts";
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

/** Whom a customer's answer about a text is laid over: the number's agent, and what is its own. */
export type Base = { agent: AgentColumns & { id: string }; settings: string | null };
export type Ask = Base & { question: Question | undefined };

/** A text that does not count yet, because its customer is asked first, or that of one before it. */
export type Waiting = { sid: string; turn: Turn; question: Question | undefined; isPosted: boolean };

/** A thread as it stands; stored sealed. Times in milliseconds. */
export type Thread = {
  owner: ThreadOwner;
  turns: (Turn | ToolTurn)[];
  waiting: Waiting[];
  /** Whose the last text that waits is, if nobody says otherwise. */
  next: Base & { owner: ThreadOwner };
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

export function newThread(owner: ThreadOwner, { agent, settings }: Base, now: number): Thread {
  return {
    owner,
    turns: [],
    waiting: [],
    next: { owner, agent, settings },
    unanswered: 0,
    seen: [],
    sentAt: [],
    isSending: false,
    limitToldAt: 0,
    lastAt: now,
  };
}

/** A text came in. One that has been seen already changes nothing. Of those that wait, the last are kept, as of all. */
export function received(
  thread: Thread,
  owner: ThreadOwner,
  sid: string,
  text: string,
  { question, agent, settings }: Ask,
  now: number,
): Thread {
  if (thread.seen.includes(sid)) return thread;
  const turn: Turn = {
    role: "caller",
    text: cut(text, MAX_TEXT_LENGTH),
    at: new Date(now).toISOString(),
  };
  const seen = [...thread.seen, sid].slice(-MAX_SEEN);
  const waiting = [...thread.waiting, { sid, turn, question, isPosted: false }].slice(-MAX_TURNS);
  const known = { ...thread, waiting, next: { owner, agent, settings }, seen, lastAt: now };
  return question || waiting.length > 1 ? known : settled(known, sid, owner.agent);
}

/** The customer is about to be asked about a text. */
export function posted(thread: Thread, sid: string): Thread {
  const waiting = thread.waiting.map((text) => (text.sid === sid ? { ...text, isPosted: true } : text));
  return { ...thread, waiting };
}

/** It is known who answers a text that waited. @param agent null: nobody does */
export function settled(thread: Thread, sid: string, agent: ThreadOwner["agent"] | null): Thread {
  const turns = thread.waiting.filter((text) => text.sid === sid).map(({ turn }) => turn);
  const left = { ...thread, waiting: thread.waiting.filter((text) => text.sid !== sid) };
  if (!agent) return left;
  return {
    ...left,
    owner: { ...thread.next.owner, agent },
    turns: [...thread.turns, ...turns].slice(-MAX_TURNS),
    unanswered: thread.unanswered + turns.length,
  };
}

/** The agent as it answers texts, with what a number has of its own. */
export function textAgent({ id, ...agent }: Base["agent"], own: Settings): ThreadOwner["agent"] {
  const { systemPrompt, smsPrompt, talk } = speakingOf(agent, own);
  const prompts = [systemPrompt, smsPrompt].map((prompt) => told(prompt, own.dynamic_vars ?? {}));
  return { id, systemPrompt: prompts.filter(Boolean).join("\n\n") || null, talk };
}

/** Who answers a text after its customer has: only who, with which prompt, and whether anybody does, counts. */
export function saidAgent(base: Base, { answer, agent }: Said): ThreadOwner["agent"] | null {
  const own = settingsOf(base.settings);
  const { custom_prompt = own.custom_prompt, reject } = answer;
  const dynamic_vars = { ...own.dynamic_vars, ...answer.dynamic_vars };
  const said = textAgent(agent ?? base.agent, {
    ...own,
    ...(custom_prompt && { custom_prompt }),
    dynamic_vars,
  });
  return reject || !said.talk.sms_reply ? null : said;
}

export type ReplyPlan =
  | { kind: "reply" }
  /** First the customer is asked about a text. */
  | { kind: "ask"; text: Waiting }
  /** An answer may have been sent before this object was restarted; sending it again could send it twice. */
  | { kind: "give_up"; reason: "outcome_unknown" }
  /** `isNews`: nobody has been told of it within the hour. */
  | { kind: "limit"; isNews: boolean }
  | { kind: "sleep"; until: number }
  | { kind: "forget" };

export function planReply(thread: Thread, now: number): ReplyPlan {
  if (thread.isSending) return { kind: "give_up", reason: "outcome_unknown" };
  const [text] = thread.waiting;
  if (text) return { kind: "ask", text };
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
