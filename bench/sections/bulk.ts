import { alternate, atOnce } from "../measure/rounds.ts";
import type { Options } from "../options.ts";
import { row, type SectionReport } from "../report.ts";
import { type Importer, startSystems } from "../systems/systems.ts";

const NUMBERS = 2_000;
/** The floor goes at a steady pace from its first number on and needs no more to show it. */
const FEW_NUMBERS = 500;
const IN_FLIGHT = 50;
/** What the account may have under way at once: half of what the imports would like. */
const MAX_CONCURRENT_REQUESTS = 25;
/** How long Twilio takes for a request. */
const LATENCY_MS = 100;

/** Thousands of numbers, imported through the API, into an account whose concurrency Twilio limits. */
export async function measureBulk({ rounds, quick }: Options): Promise<SectionReport> {
  const count = quick ? FEW_NUMBERS : NUMBERS;
  const systems = await startSystems();
  const { twilio, floor, customer } = systems;
  const failures: string[] = [];
  await twilio.setLatency(LATENCY_MS);

  // A fresh account for each round, so that the lists Twilio looks through stay equally long.
  const round = async (count: number, inFlight: number, importNumber: Importer) => {
    const account = await twilio.addAccount({ maxConcurrentRequests: MAX_CONCURRENT_REQUESTS });
    const numbers = await twilio.addNumbers(account, count);
    const took = await atOnce(numbers, inFlight, (number) =>
      importNumber(account, number).catch((error: Error) => failures.push(error.message)),
    );
    return took / count;
  };
  // The floor has as many at once as Twilio lets through, and nothing but its two calls: what the concurrency allows.
  const measured = await alternate(rounds, {
    floor: () => round(FEW_NUMBERS, MAX_CONCURRENT_REQUESTS, floor),
    worker: () => round(count, IN_FLIGHT, customer),
  });
  await systems.close();

  const name = `each of ${count} imports, ${IN_FLIGHT} in flight`;
  const allowed = `what ${MAX_CONCURRENT_REQUESTS} at once allow`;
  const example = failures[0] === undefined ? "" : `, such as: ${failures[0]}`;
  return {
    title: "Bulk",
    rows: [row(name, "ms", measured.worker, allowed, measured.floor, 1.2)],
    notes: [`${failures.length} of ${count * rounds} imports failed${example}.`],
  };
}
