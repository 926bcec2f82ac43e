import { cpuMs } from "../measure/process.ts";
import type { Options } from "../options.ts";
import { row, type SectionReport } from "../report.ts";
import { startFleet } from "../systems/fleet.ts";
import { startTwilio } from "../systems/twilio.ts";

/** What a list takes at Twilio, in milliseconds, and accounts enough for it to count. */
const LATENCY_MS = 300;
const ACCOUNTS_WITH_LATENCY = 3_000;
/** `max_concurrency` of the queue. */
const CHECKERS = 20;
const HOUR_S = 60 * 60;

/** How long a round of checks takes if there are very many accounts, each with a number that is in order. */
export async function measureFleet({ quick, accounts: all }: Options): Promise<SectionReport> {
  const large = await check(quick ? 2_000 : all, 0);
  const slow = await check(quick ? 400 : ACCOUNTS_WITH_LATENCY, LATENCY_MS);
  const { accounts, messages, rounds, meter } = large;
  const each = (value: number) => value / accounts;
  // Twenty checkers at once can check no more than that in an hour, for each of them waits for Twilio.
  const most = (CHECKERS * HOUR_S * 1000) / LATENCY_MS;
  const inAnHour = (slow.accounts / slow.seconds) * HOUR_S;
  const rows = [
    row("a round of checks, Twilio answering at once", "s", [large.seconds], "an hour", [HOUR_S], 1),
    row("trips to D1 for each account", "trips", [each(meter.trips)], "the least", [4]),
    row(
      "rows written in D1 for each account",
      "rows",
      [each(meter.rowsWritten)],
      "its start and its end",
      [6],
    ),
    row(
      `accounts in an hour, ${CHECKERS} checkers, Twilio answering after ${LATENCY_MS} ms`,
      "accounts",
      [inAnHour],
      "what so many can wait for",
      [most],
    ),
  ];
  const count = (value: number) => Math.round(value).toLocaleString("en-US");
  const notes = [
    `${count(accounts)} accounts took ${count(messages)} messages in ${rounds} runs of the cron, and ${(each(large.cpuMs)).toFixed(1)} ms on a core each, in the whole of workerd with its D1.`,
    "All checkers share one isolate here, and one core; on Cloudflare each has its own.",
  ];
  return { title: "A fleet", rows, notes };
}

async function check(accounts: number, latencyMs: number) {
  const twilio = await startTwilio();
  const { d1, pid, fill, round, close } = await startFleet(twilio);
  await fill(accounts);
  await twilio.setLatency(latencyMs);
  const [startedAt, cpuBefore] = [performance.now(), cpuMs(pid)];
  const meter = { trips: 0, rowsWritten: 0 };
  let [messages, rounds, left] = [0, 0, accounts];
  // A checker ends when the cron comes again, so a long round takes several runs.
  while (left > 0) {
    const done = await round(CHECKERS);
    messages += done.messages;
    meter.trips += done.meter.trips;
    meter.rowsWritten += done.meter.rowsWritten;
    rounds += 1;
    left =
      (await d1
        .prepare("SELECT COUNT(*) AS count FROM twilio_accounts WHERE checked_at IS NULL")
        .first("count")) ?? 0;
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const cpu = cpuMs(pid) - cpuBefore;
  const { reads, updates } = await twilio.take();
  await close();
  twilio.close();
  if (reads !== accounts || updates > 0)
    throw new Error(`${reads} lists and ${updates} repairs for ${accounts} accounts`);
  return { accounts, seconds, cpuMs: cpu, messages, rounds, meter };
}
