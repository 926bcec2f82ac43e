import { setTimeout as pause } from "node:timers/promises";
import { quantile } from "./statistics.ts";

/** What came of a load that was offered at a fixed rate. Times in milliseconds. */
export type LoadResult = {
  offeredPerSecond: number;
  /** Answers without an error, over the time from the first intended sending to the last answer. */
  achievedPerSecond: number;
  sent: number;
  errors: number;
  /** How late the sender itself was, at its 99th percentile: what it adds to the latencies at most. */
  senderLagP99: number;
} & Record<"p50" | "p99" | "p99.9", number>;

const DRAIN_MS = 3_000;

/**
 * Sends at a fixed rate whether or not answers come back, and measures each from the moment it should have been sent:
 * a system that stalls is charged for everybody who would have waited (no coordinated omission). What is not answered
 * three seconds after the last sending counts as an error.
 */
export async function offer(
  perSecond: number,
  seconds: number,
  act: () => Promise<unknown>,
): Promise<LoadResult> {
  const sent = Math.round(perSecond * seconds);
  const latencies: number[] = [];
  const lags: number[] = [];
  let failed = 0;
  const startedAt = performance.now();
  let lastAnswerAt = startedAt;

  const sendOne = async (intendedAt: number) => {
    lags.push(performance.now() - intendedAt);
    try {
      await act();
      lastAnswerAt = performance.now();
      latencies.push(lastAnswerAt - intendedAt);
    } catch {
      failed += 1; // The report says how many.
    }
  };
  for (let index = 0; index < sent; await pause(1)) {
    const due = Math.min(sent, Math.floor(((performance.now() - startedAt) / 1000) * perSecond) + 1);
    for (; index < due; index += 1) sendOne(startedAt + (index / perSecond) * 1000);
  }
  const giveUpAt = performance.now() + DRAIN_MS;
  while (latencies.length + failed < sent && performance.now() < giveUpAt) await pause(5);

  return {
    offeredPerSecond: perSecond,
    achievedPerSecond: latencies.length / ((lastAnswerAt - startedAt) / 1000),
    sent,
    errors: sent - latencies.length,
    senderLagP99: quantile(lags, 0.99),
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    "p99.9": quantile(latencies, 0.999),
  };
}
