import type { DailyLimits } from "../limits.ts";
import type { Taken } from "./allowance.ts";
import type { Attempt, Begun, Note } from "./attempt.ts";
import { countLive, deleteAttempt, findAttempt, insertAttempt, noteAttempt } from "./attempts-store.ts";
import { addToDay, countText, takeToday } from "./usage-store.ts";

const UNLIMITED: DailyLimits = { calls_per_day: null, texts_per_day: null, model_turns_per_day: null };

/** `taken`: what the new attempt takes of the day; null if there is no new one. */
type Beginning = { begun: Begun; taken: Taken | null };

/** Writes a call or a text down before it is sent, unless it is known, or the key may send no more. */
export function beginAttempt(
  sql: SqlStorage,
  attempt: Attempt,
  limit: number | null,
  limits = UNLIMITED,
  now: number,
): Beginning {
  const known = findAttempt(sql, attempt.id);
  if (known) {
    const { sid, state, createdAt } = known;
    const isSame = known.holder === attempt.holder;
    return {
      begun: isSame ? { kind: "begun" } : { kind: "known", attempt: { sid, state, createdAt } },
      taken: null,
    };
  }
  const live = limit === null ? 0 : countLive(sql, now);
  if (limit !== null && live >= limit) return { begun: { kind: "limit", live }, taken: null };
  const taken = takeToday(sql, attempt.kind === "call" ? "call" : "text", limits, now);
  if (taken.kind === "refused") return { begun: taken, taken: null };
  insertAttempt(sql, attempt, now);
  return { begun: { kind: "begun" }, taken };
}

/** What we know of an attempt of ours. @returns whether the SID, if there is one, is this attempt's now */
export function noteOfUs(sql: SqlStorage, id: string, note: Note, now: number): boolean {
  const isOurs = noteAttempt(sql, id, note, now);
  const attempt = findAttempt(sql, id);
  if (isOurs && attempt?.kind === "sms" && note.sid)
    countText(sql, note.sid, attempt.externalId, "sent", now);
  return isOurs;
}

/** Twilio has certainly done nothing: it counts no more. */
export function forgetAttempt(sql: SqlStorage, id: string): void {
  const attempt = findAttempt(sql, id);
  if (!attempt) return;
  deleteAttempt(sql, id);
  addToDay(sql, attempt.createdAt, { [attempt.kind === "call" ? "placed" : "texted"]: -1 });
}
