import type { DailyLimits } from "../limits.ts";
import type { Taken } from "./allowance.ts";
import type { Attempt, Begun } from "./attempt.ts";
import { countLive, findAttempt, insertAttempt } from "./attempts-store.ts";
import { takeToday } from "./usage-store.ts";

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
