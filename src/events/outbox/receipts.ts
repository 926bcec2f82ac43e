import type { SealedEvent } from "../event.ts";
import { findIds } from "./store.ts";

/** Twilio, and whoever has lost an answer, repeats itself within this. */
const REPEATED_MS = 5 * 60 * 1000;

/**
 * Which events were taken in before. An index of their ids would cost a row for each, to find the few that come twice; so
 * those of some minutes are in memory. What waited in D1 meanwhile is looked for where it would have been taken in.
 */
export function createReceipts(sql: SqlStorage, startedAt: number) {
  let turnedAt = startedAt;
  let before = new Set<string>();
  let recent = new Set(findIds(sql, startedAt - REPEATED_MS, Number.MAX_SAFE_INTEGER / 1024));

  /** The ids of those that were taken in before. */
  function has(events: readonly SealedEvent[], now: number): Set<string> {
    const waited = events
      .map(({ createdAt }) => Date.parse(createdAt))
      .filter((at) => at < now - REPEATED_MS);
    const old = new Set(
      waited.length === 0 ? [] : findIds(sql, Math.min(...waited), Math.max(...waited) + REPEATED_MS),
    );
    const ids = events.map(({ id }) => id);
    return new Set(ids.filter((id) => recent.has(id) || before.has(id) || old.has(id)));
  }

  return {
    has,
    /** Those that are new, each once. */
    take(events: readonly SealedEvent[], now: number): SealedEvent[] {
      if (now - turnedAt > REPEATED_MS) {
        turnedAt = now;
        before = recent;
        recent = new Set();
      }
      const known = has(events, now);
      return events.filter(({ id }) => {
        const isNew = !known.has(id);
        for (const ids of [known, recent]) ids.add(id);
        return isNew;
      });
    },
  };
}
