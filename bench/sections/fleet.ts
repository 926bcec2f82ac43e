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
  const { accounts, seconds, meter, messages, cpu } = await check(quick ? 500 : all, 0);
  const slow = await check(quick ? 200 : ACCOUNTS_WITH_LATENCY, LATENCY_MS);
  // Twenty checkers at once can check no more than that in an hour, for each of them waits for Twilio.
  const most = (CHECKERS * HOUR_S * 1000) / LATENCY_MS;
  const inAnHour = (slow.accounts / slow.seconds) * HOUR_S;
  const late = `accounts in an hour, ${CHECKERS} checkers, Twilio answering after ${LATENCY_MS} ms`;
  const rows = [
    row(`a round of ${accounts} checks, Twilio answering at once`, "s", [seconds], "an hour", [HOUR_S], 1),
    row("trips to D1 for each account", "", [meter.trips / accounts], "the least", [4]),
    row("rows written in D1 for each account", "", [meter.rowsWritten / accounts], "its start and end", [6]),
    row(late, "", [inAnHour], "what so many can wait for", [most]),
  ];
  const note = `${messages} messages, and ${(cpu / accounts).toFixed(1)} ms on a core for each account, D1 included.`;
  return { title: "A fleet", rows, notes: [note] };
}

async function check(accounts: number, latencyMs: number) {
  const twilio = await startTwilio();
  const { pid, fill, round, left, close } = await startFleet(twilio);
  await fill(accounts);
  await twilio.setLatency(latencyMs);
  const [startedAt, cpuBefore] = [performance.now(), cpuMs(pid)];
  const meter = { trips: 0, rowsWritten: 0 };
  let messages = 0;
  // A checker ends when the cron comes again, so a long round takes several runs.
  while ((await left()) > 0) {
    const done = await round(CHECKERS);
    messages += done.messages;
    meter.trips += done.meter.trips;
    meter.rowsWritten += done.meter.rowsWritten;
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const cpu = cpuMs(pid) - cpuBefore;
  const { reads, updates } = await twilio.take();
  await close();
  twilio.close();
  if (reads !== accounts || updates > 0)
    throw new Error(`${reads} lists and ${updates} repairs for ${accounts} accounts`);
  return { accounts, seconds, cpu, messages, meter };
}
