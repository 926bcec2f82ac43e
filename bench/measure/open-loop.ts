import { pause } from "./pause.ts";
import { quantile } from "./statistics.ts";

/** What came of a load that was offered at a fixed rate. Times in milliseconds. */
export type LoadResult = {
  offeredPerSecond: number;
  /** Answers without an error, over the time from the first intended sending to the last answer. */
  achievedPerSecond: number;
  sent: number;
  errors: number;
  p50: number;
  p99: number;
  p999: number;
  /** How late the sender itself was, at its 99th percentile: what it adds to the latencies at most. */
  senderLagP99: number;
};

const DRAIN_MS = 3_000;

/**
 * Sends at a fixed rate whether or not answers come back, and measures each from the moment it should have been sent:
 * a system that stalls is charged for everybody who would have waited (no coordinated omission). What is not answered
 * three seconds after the last sending counts as an error.
 */
export async function offer(
  perSecond: number,
  seconds: number,
  act: (index: number) => Promise<unknown>,
): Promise<LoadResult> {
  const total = Math.round(perSecond * seconds);
  const latencies: number[] = [];
  const lags: number[] = [];
  let errors = 0;
  let settled = 0;
  let lastAnswerAt = 0;
  const startedAt = performance.now();

  const sendOne = (index: number, intendedAt: number) => {
    lags.push(performance.now() - intendedAt);
    act(index).then(
      () => {
        lastAnswerAt = performance.now();
        latencies.push(lastAnswerAt - intendedAt);
        settled += 1;
      },
      () => {
        errors += 1;
        settled += 1;
      },
    );
  };

  for (let index = 0; index < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - startedAt) / 1000) * perSecond) + 1);
    for (; index < due; index += 1) sendOne(index, startedAt + (index / perSecond) * 1000);
    await pause(1);
  }
  const giveUpAt = performance.now() + DRAIN_MS;
  while (settled < total && performance.now() < giveUpAt) await pause(5);

  const unanswered = total - settled;
  return {
    offeredPerSecond: perSecond,
    achievedPerSecond: latencies.length / ((lastAnswerAt - startedAt) / 1000),
    sent: total,
    errors: errors + unanswered,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    p999: quantile(latencies, 0.999),
    senderLagP99: quantile(lags, 0.99),
  };
}
