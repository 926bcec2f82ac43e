// What the agent is saying, and how much of it has been heard. Twilio speaks later than it is sent something, and says
// what it has spoken; a clock decides only if Twilio says nothing. No I/O here; times in milliseconds.

/** What was sent to be spoken since somebody else had the word. */
export type Speech = {
  /** In the order in which it was sent. The filler and the apology are of no answer. */
  pieces: { text: string; isAnswer: boolean }[];
  startedAt: number;
  /** When the last of it was sent; null while more may come. */
  sentAt: number | null;
  /** How long the model took to its first piece. */
  firstTokenMs?: number;
  /** How often the caller had had the word. Two things may be at the same millisecond. */
  behind?: number;
};

/** What Twilio has told in a ConversationRelay session. */
export type Hearing = {
  /** How much of the speech has been played, in characters without spaces: reports come with and without them. */
  played: number;
  /** When the agent's voice was last heard of, and whether it has stopped since. */
  voiceAt: number;
  isVoiceOff: boolean;
  /** When the caller was last heard of, and whether they are speaking. */
  callerAt: number;
  isCallerSpeaking: boolean;
  /** The caller was asked whether they are still there, and has not answered. */
  hasAskedIfThere: boolean;
  /** When the session was over, and nothing more was heard. */
  overAt?: number;
};

// How fast the slowest voice of Twilio speaks, in characters without spaces a second.
const SLOWEST = 10;
/** The late net: how long after its reckoned end a speech of which Twilio tells nothing counts as heard. */
const LATE_MS = 3_000;
/** After `agentSpeaking off`. The next sentence, if there is one, is heard within 1.5 seconds. */
const OFF_MS = 2_000;
// How long Twilio takes to the first sound.
const FIRST_SOUND_MS = 900;

export const newHearing = (now: number): Hearing => ({
  played: 0,
  voiceAt: now,
  isVoiceOff: false,
  callerAt: now,
  isCallerSpeaking: false,
  hasAskedIfThere: false,
});

export const newSpeech = (now: number, behind: number): Speech => ({
  pieces: [],
  startedAt: now,
  sentAt: null,
  behind,
});

const bare = (text: string): string => text.replace(/\s+/g, "");
const whole = ({ pieces }: Speech): string => bare(pieces.map(({ text }) => text).join(""));

/** Twilio says that some text has been played. What is not the next of this speech belongs to one before it. */
export function playedAfter(speech: Speech | null, hearing: Hearing, text: string): number {
  const played = bare(text);
  return speech && whole(speech).startsWith(played, hearing.played)
    ? hearing.played + played.length
    : hearing.played;
}

/** When all of a speech has been heard, or will have been; never, while more may come. */
export function heardAt(speech: Speech, hearing: Hearing): number {
  const { sentAt } = speech;
  if (sentAt === null) return Number.POSITIVE_INFINITY;
  const left = whole(speech).length - hearing.played;
  if (left <= 0) return hearing.voiceAt;
  const lastAt = Math.max(sentAt, hearing.voiceAt);
  if (hearing.isVoiceOff && hearing.played === 0) return lastAt + OFF_MS;
  return lastAt + (left / SLOWEST) * 1_000 + LATE_MS;
}

/** How much has been heard at a time, in characters without spaces. */
export function heardLength(speech: Speech, hearing: Hearing, now: number): number {
  const at = Math.min(hearing.overAt ?? now, now);
  const { length } = whole(speech);
  if (at >= heardAt(speech, hearing)) return length;
  if (hearing.played > 0) return hearing.played;
  const saidMs = Math.max(at - speech.startedAt - FIRST_SOUND_MS, 0);
  return Math.min(Math.floor((saidMs / 1_000) * SLOWEST), length);
}

/** How much `utteranceUntilInterrupt` is; it may have the filler or not. What is not in it was said before: none. */
export function lengthOf(speech: Speech, utterance: string): number {
  const place = whole(speech).indexOf(bare(utterance));
  return place < 0 ? 0 : place + bare(utterance).length;
}

/** What the answer is, as far as it has been heard. @param length in characters without spaces */
export function answerIn({ pieces }: Speech, length: number): string {
  let left = length;
  let answer = "";
  for (const { text, isAnswer } of pieces) {
    const beginning = () => new RegExp(`^(?:\\s*\\S){0,${Math.max(left, 0)}}`).exec(text)?.[0] ?? "";
    if (isAnswer) answer += left >= bare(text).length ? text : beginning();
    left -= bare(text).length;
  }
  // Half a letter is none.
  return (/[\ud800-\udbff]$/.test(answer) ? answer.slice(0, -1) : answer).trim();
}

export const isWhole = (speech: Speech, length: number): boolean =>
  speech.sentAt !== null && length >= whole(speech).length;
