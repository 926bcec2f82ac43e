import { ApiError } from "../http/errors.ts";
import { type DailyLimits, nearAt } from "../limits.ts";
import { DAY_MS } from "../time.ts";
import type { UsageDay } from "./call.ts";

// What an API key may still use today. No I/O here.

type Counter = "placed" | "texted" | "turns" | "tries";

/**
 * What is taken, and what counts it. `dial`: a call is put through to a telephone number. `reply`: the model answers a text.
 * `turn`: its first answer in a call; `next_turn`: those after it, which are counted at its end and never refused.
 */
export const COUNTERS = {
  call: ["placed"],
  dial: ["placed"],
  text: ["texted"],
  reply: ["turns", "texted"],
  turn: ["turns"],
  next_turn: ["turns"],
  try: ["turns", "tries"],
} as const satisfies Record<string, readonly Counter[]>;
export type Kind = keyof typeof COUNTERS;

/** A daily limit, and how much of it is used. */
export type Allowance = { name: keyof DailyLimits; limit: number; used: number; resets_at: string };

export type Taken =
  /** `near`: limits of which this takes the last fifth's first. */
  | { kind: "taken"; near: Allowance[] }
  | { kind: "refused"; allowance: Allowance }
  /** The number has answered as many texts within the hour as it may. `isNews`: not yet told as often. */
  | { kind: "crowded"; isNews: boolean };

/** What a call has asked the model after its first answer; it is counted at its end, with the tokens of all. */
export type LaterTurns = { apiKeyId: string; limits: DailyLimits; turns: number };

const NAMES = {
  placed: "calls_per_day",
  texted: "texts_per_day",
  turns: "model_turns_per_day",
  tries: "model_turns_per_day",
} as const satisfies Record<Counter, keyof DailyLimits>;

/** Typed trials cost the caller nothing, so they get a share only. */
const TRY_SHARE = 0.1;

/** What comes of taking so many of a kind. */
export function planTake(
  kind: Kind,
  today: Partial<UsageDay>,
  limits: DailyLimits,
  now: number,
  count = 1,
): Taken {
  const near: Allowance[] = [];
  for (const counter of COUNTERS[kind]) {
    const name = NAMES[counter];
    const whole = limits[name];
    if (whole === null) continue;
    const limit = counter === "tries" ? Math.ceil(whole * TRY_SHARE) : whole;
    const used = today[counter] ?? 0;
    const allowance = { name, limit, used, resets_at: midnightAfter(now) };
    // A call that has begun goes on to its `max_turns`.
    if (used >= limit && kind !== "next_turn") return { kind: "refused", allowance };
    const isNearNow = used < nearAt(limit) && used + count >= nearAt(limit);
    if (isNearNow && counter !== "tries") near.push({ ...allowance, used: used + count });
  }
  return { kind: "taken", near };
}

/** UTC. */
export function midnightAfter(now: number): string {
  return new Date((Math.floor(now / DAY_MS) + 1) * DAY_MS).toISOString();
}

export function limitReached(allowance: Allowance, now: Date): ApiError {
  const seconds = Math.ceil((Date.parse(allowance.resets_at) - now.getTime()) / 1_000);
  return new ApiError("limit_reached", { details: allowance, retryAfter: Math.max(1, seconds) });
}
