import { send } from "../measure/client.ts";
import { atOnce } from "../measure/closed-loop.ts";
import { alternate } from "../measure/rounds.ts";
import type { Options } from "../options.ts";
import { barChart } from "../report/bar-chart.ts";
import { row, type SectionReport } from "../report/row.ts";
import { createCustomer } from "../systems/customer.ts";
import { floorRequest } from "../systems/floor.ts";
import { startRuntime } from "../systems/runtime.ts";
import { startSimulator, type TwilioNumber } from "../systems/simulator.ts";

const NUMBERS = 2_000;
const QUICK_NUMBERS = 500;
/** The floor goes at a steady pace from its first number on and needs no more to show it. */
const FLOOR_NUMBERS = 500;
const IN_FLIGHT = 50;
/** What the account may have under way at once: half of what the imports would like. */
const MAX_CONCURRENT_REQUESTS = 25;
/** How long Twilio takes for a request. */
const LATENCY_MS = 100;

/** Thousands of numbers, imported through the API, into an account whose concurrency Twilio limits. */
export async function measureBulk({ rounds, quick }: Options): Promise<SectionReport> {
  const count = quick ? QUICK_NUMBERS : NUMBERS;
  const simulator = await startSimulator();
  const runtime = await startRuntime(simulator.url);
  const customer = await createCustomer(runtime);
  const limit = { maxConcurrentRequests: MAX_CONCURRENT_REQUESTS };
  const failures: string[] = [];
  await simulator.setLatency(LATENCY_MS);

  // A fresh account for each round, so that the lists Twilio looks through stay equally long.
  const round = async (
    count: number,
    inFlight: number,
    act: (account: { sid: string; authToken: string }, number: TwilioNumber) => Promise<void>,
  ) => {
    const account = await simulator.addAccount(limit);
    const numbers = await simulator.addNumbers(account, count);
    const took = await atOnce(numbers, inFlight, (number) =>
      act(account, number).catch((error: Error) => failures.push(error.message)),
    );
    return took / count;
  };
  const measured = await alternate(rounds, {
    // As many at once as Twilio lets through, and nothing but its two calls: what the concurrency allows.
    floor: () =>
      round(FLOOR_NUMBERS, MAX_CONCURRENT_REQUESTS, async (account, number) => {
        const { status } = await send(floorRequest(runtime.urls.floor, simulator.url, account, number));
        if (status !== 204) throw new Error(`the floor answered ${status}`);
      }),
    worker: () => round(count, IN_FLIGHT, (account, number) => customer.importNumber(account, number)),
  });
  await runtime.close();
  simulator.close();

  const rows = [
    row(
      `each of ${count} imports, ${IN_FLIGHT} in flight`,
      "ms",
      measured.worker,
      `what ${MAX_CONCURRENT_REQUESTS} at once allow`,
      measured.floor,
      { atMost: 1.2 },
    ),
  ];
  const [first] = rows;
  const plot = barChart({
    title: `Time per import, ${IN_FLIGHT} in flight, into an account limited to ${MAX_CONCURRENT_REQUESTS} requests at once`,
    unit: "ms",
    series: ["what the limit allows", "the Worker"],
    groups: first ? [{ label: `Twilio after ${LATENCY_MS} ms`, bars: [first.other, first.ours] }] : [],
  });
  const notes = [
    `${failures.length} of ${count * rounds} imports failed${failures.length > 0 ? `, such as: ${failures[0]}` : ""}.`,
  ];
  return { title: "Bulk", rows, plots: { "bulk.svg": plot }, notes };
}
