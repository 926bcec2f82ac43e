// When a webhook URL is left alone. No I/O here.

/** The state of a webhook URL that fails. A URL that takes its events has none. */
export type Circuit = {
  /** Failed attempts in a row. */
  failures: number;
  /** In milliseconds; null while the circuit is still closed. */
  openUntil: number | null;
};

const OPENS_AFTER = 5;
// The schedule of an event's own attempts, without its longest wait: a server that is back should not wait for an hour.
const OPEN_SECONDS = [60, 300, 840] as const;

/**
 * What follows from a failed attempt. Attempts that were under way when the circuit opened change nothing: only one that
 * was made while it was half-open opens it again, for longer.
 */
export function afterFailure(circuit: Circuit | undefined, now: number): Circuit {
  if (circuit && circuit.openUntil !== null && now < circuit.openUntil) return circuit;
  const failures = (circuit?.failures ?? 0) + 1;
  if (failures < OPENS_AFTER) return { failures, openUntil: null };
  const seconds = OPEN_SECONDS[failures - OPENS_AFTER] ?? OPEN_SECONDS[OPEN_SECONDS.length - 1] ?? 0;
  return { failures, openUntil: now + seconds * 1000 };
}

/** Open: no attempt is made. Half-open: one is made, and decides. */
export function stateOf(circuit: Circuit | undefined, now: number): "closed" | "open" | "half_open" {
  if (!circuit || circuit.openUntil === null) return "closed";
  return now < circuit.openUntil ? "open" : "half_open";
}
