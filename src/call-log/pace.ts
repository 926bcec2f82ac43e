import { DurableObject } from "cloudflare:workers";

// How fast the calls of a Twilio account go out.
// https://www.twilio.com/docs/voice/api/call-resource: one call a second unless Twilio has raised the account's limit.

/** No request waits longer for its turn, in milliseconds. @internal */
export const MAX_WAIT_MS = 10_000;

export type Turn =
  /** After this wait the call may go out. `nextAt`: when the one after it may, in milliseconds. */
  { kind: "go"; waitMs: number; nextAt: number } | { kind: "full"; retryAfterMs: number };

/** @param nextAt when the next call may go out @param perSecond how many calls may go out in a second @internal */
export function planTurn(nextAt: number, perSecond: number, now: number): Turn {
  const at = Math.max(nextAt, now);
  const waitMs = at - now;
  if (waitMs > MAX_WAIT_MS) return { kind: "full", retryAfterMs: waitMs - MAX_WAIT_MS };
  return { kind: "go", waitMs, nextAt: at + 1_000 / perSecond };
}

/**
 * Gives the calls of one Twilio account their turns. In memory only: a restart may let one call go a second early.
 */
export class AccountPace extends DurableObject<Env> {
  #nextAt = 0;

  async turn(perSecond: number): Promise<Turn> {
    const turn = planTurn(this.#nextAt, perSecond, Date.now());
    if (turn.kind === "go") this.#nextAt = turn.nextAt;
    return turn;
  }
}
