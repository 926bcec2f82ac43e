import { type LoadResult, offer } from "../measure/open-loop.ts";
import { pause } from "../measure/pause.ts";
import { memoryMiB } from "../measure/process.ts";
import { alternate } from "../measure/rounds.ts";
import { median } from "../measure/statistics.ts";
import type { Options } from "../options.ts";
import { lineChart } from "../report/line-chart.ts";
import { type Row, row, type SectionReport } from "../report/row.ts";
import { answer } from "../systems/call.ts";
import { createCustomer } from "../systems/customer.ts";
import { startPeer } from "../systems/peer.ts";
import { startRuntime } from "../systems/runtime.ts";
import { startSimulator } from "../systems/simulator.ts";
import { callableNumbers, inTurn } from "./callable.ts";

/** Offered loads, per second, each higher than the one before. */
const CALLS_PER_SECOND = [100, 200, 400, 800, 1_600, 3_200];
const IMPORTS_PER_SECOND = [25, 50, 100, 200, 400];
/** For how long in each round. */
const SECONDS = 1;
const NUMBERS_CALLED = 50;
const WARM_UP = { perSecond: 50, seconds: 2 };
/** A load counts as carried where so much of it is answered in time, without an error, in most rounds. */
const CARRIED = { share: 0.9, p99Ms: 500 };
/** The load under which memory is watched. */
const SOAK = { callsPerSecond: 100, importsPerSecond: 10 };

type Act = (index: number) => Promise<unknown>;
type Contender = { name: string; act: Act };

/** How much it carries, how long the unlucky wait, and whether its memory stays. */
export async function measureLoad({ rounds, soakSeconds }: Options): Promise<SectionReport> {
  const simulator = await startSimulator();
  const runtime = await startRuntime(simulator.url);
  const peer = await startPeer(simulator.url);
  const customer = await createCustomer(runtime);
  const account = await simulator.addAccount();

  const nextCall = inTurn(
    await callableNumbers(simulator, account, customer, runtime.urls.worker, NUMBERS_CALLED),
  );
  const nextPeerCall = inTurn(await callableNumbers(simulator, account, peer, peer.url, NUMBERS_CALLED));
  const callWorker: Act = () => answer(nextCall());
  const calls = await climb(CALLS_PER_SECOND, rounds, [
    { name: "the Worker", act: callWorker },
    { name: "Express peer", act: () => answer(nextPeerCall()) },
  ]);

  const fresh = async (count: number) => inTurn(await simulator.addNumbers(account, count));
  const most =
    IMPORTS_PER_SECOND.reduce((sum, rate) => sum + rate, 0) * SECONDS * rounds +
    WARM_UP.perSecond * WARM_UP.seconds;
  const [nextNumber, nextPeerNumber] = [await fresh(most), await fresh(most)];
  const imports = await climb(IMPORTS_PER_SECOND, rounds, [
    { name: "the Worker", act: () => customer.importNumber(account, nextNumber()) },
    { name: "Express peer", act: () => peer.importNumber(account, nextPeerNumber()) },
  ]);

  const nextSoaked = await fresh(SOAK.importsPerSecond * soakSeconds);
  const memory = await soak(runtime.pid, soakSeconds, callWorker, () =>
    customer.importNumber(account, nextSoaked()),
  );

  peer.close();
  await runtime.close();
  simulator.close();
  return {
    title: "Throughput and tail",
    rows: [...climbRows("calls", calls), ...climbRows("imports", imports), memoryRow(memory, soakSeconds)],
    plots: {
      "calls.svg": climbPlot("Calls: latency by offered load", calls),
      "imports.svg": climbPlot("Imports: latency by offered load", imports),
      "memory.svg": lineChart({
        title: "Memory of workerd under load",
        xUnit: "seconds",
        yUnit: "MiB",
        series: [{ name: "resident", points: memory.samples.map((mib, second) => [second, mib] as const) }],
      }),
    },
    notes: [
      `Each load was offered for ${SECONDS} s a round. The sender itself was late by ${lag([...calls, ...imports])} ms at its 99th percentile, in the median of all rounds.`,
      `Errors: ${errorsOf("calls", calls)}; ${errorsOf("imports", imports)}; ${memory.errors} of ${memory.sent} while memory was watched.`,
    ],
  };
}

/** What one contender made of the loads: one result for each round of each load. */
type Climb = { name: string; levels: { perSecond: number; rounds: LoadResult[] }[] };

/** Offers each load to each contender in alternating rounds, until a load is not carried by it. */
async function climb(loads: readonly number[], rounds: number, contenders: Contender[]): Promise<Climb[]> {
  for (const { act } of contenders) await offer(WARM_UP.perSecond, WARM_UP.seconds, act);
  const climbs = contenders.map(({ name }): Climb => ({ name, levels: [] }));
  for (const perSecond of loads) {
    const climbing = contenders.filter((_, index) => isCarried(climbs[index]?.levels.at(-1)?.rounds ?? []));
    const measured = await alternate(
      rounds,
      Object.fromEntries(climbing.map(({ name, act }) => [name, () => offer(perSecond, SECONDS, act)])),
    );
    for (const { name, levels } of climbs) {
      if (measured[name]) levels.push({ perSecond, rounds: measured[name] });
    }
  }
  return climbs;
}

function isCarried(rounds: readonly LoadResult[]): boolean {
  const carried = rounds.filter(
    ({ offeredPerSecond, achievedPerSecond, errors, p99 }) =>
      errors === 0 && achievedPerSecond >= CARRIED.share * offeredPerSecond && p99 <= CARRIED.p99Ms,
  );
  return carried.length >= rounds.length / 2;
}

function climbRows(what: string, [ours, other]: Climb[]): Row[] {
  if (!ours || !other) return [];
  const rows = ours.levels.flatMap((own) => {
    const its = other.levels.find(({ perSecond }) => perSecond === own.perSecond);
    if (!its || !isCarried(own.rounds)) return [];
    return PARTS.map(([part, name]) => {
      const of = (results: LoadResult[]) => results.map((result) => result[part]);
      const title = `${what}, ${own.perSecond} offered per second, ${name}`;
      return row(title, "ms", of(own.rounds), other.name, of(its.rounds));
    });
  });
  const most = ({ levels }: Climb) =>
    Math.max(0, ...levels.filter(({ rounds }) => isCarried(rounds)).map(({ perSecond }) => perSecond));
  const highest = `${what} per second, the highest load carried`;
  return [...rows, row(highest, "per second", [most(ours)], other.name, [most(other)])];
}

const PARTS = [
  ["p50", "p50"],
  ["p99", "p99"],
  ["p999", "p99.9"],
] as const;

function climbPlot(title: string, climbs: Climb[]): string {
  const line = ({ name, levels }: Climb, part: "p50" | "p99", isDashed: boolean) => ({
    name: `${name}, ${part}`,
    isDashed,
    points: levels.map(
      ({ perSecond, rounds }) => [perSecond, median(rounds.map((result) => result[part]))] as const,
    ),
  });
  return lineChart({
    title,
    xUnit: "offered per second",
    yUnit: "ms",
    isLogarithmic: true,
    series: climbs.flatMap((one) => [line(one, "p50", false), line(one, "p99", true)]),
  });
}

type Memory = { samples: number[]; errors: number; sent: number };

/** Calls and imports at a steady pace, with workerd's memory looked at each second. */
async function soak(pid: number, seconds: number, call: Act, importNumber: Act): Promise<Memory> {
  const samples: number[] = [];
  let isOver = false;
  const watch = (async () => {
    while (!isOver) {
      samples.push(memoryMiB(pid));
      await pause(1000);
    }
  })();
  const [calls, imports] = await Promise.all([
    offer(SOAK.callsPerSecond, seconds, call),
    offer(SOAK.importsPerSecond, seconds, importNumber),
  ]);
  isOver = true;
  await watch;
  return { samples, errors: calls.errors + imports.errors, sent: calls.sent + imports.sent };
}

/** The last quarter of the run against the quarter after its first: memory that grows for good shows there. */
function memoryRow({ samples }: Memory, seconds: number): Row {
  const quarter = Math.floor(samples.length / 4);
  const early = median(samples.slice(quarter, 2 * quarter));
  const late = median(samples.slice(-quarter));
  return row(`memory in the last quarter of ${seconds} s`, "MiB", [late], "the second quarter", [early], {
    atMost: 1.1,
  });
}

function lag(climbs: Climb[]): string {
  return median(roundsOf(climbs).map(({ senderLagP99 }) => senderLagP99)).toFixed(1);
}

function errorsOf(what: string, climbs: Climb[]): string {
  return climbs
    .map((one) => {
      const first = roundsOf([one]).find(({ errors }) => errors > 0);
      return first
        ? `${one.name} had its first errors with ${what} at ${first.offeredPerSecond} per second, ${first.errors} of ${first.sent}`
        : `${one.name} had none with ${what}`;
    })
    .join(", ");
}

function roundsOf(climbs: Climb[]): LoadResult[] {
  return climbs.flatMap(({ levels }) => levels.flatMap(({ rounds }) => rounds));
}
