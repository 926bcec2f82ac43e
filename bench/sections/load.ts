import { type LoadResult, offer } from "../measure/open-loop.ts";
import { pause } from "../measure/pause.ts";
import { memoryMiB } from "../measure/process.ts";
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
const CALLS_PER_SECOND = [100, 200, 400, 800, 1200, 1600, 2400, 3200];
const IMPORTS_PER_SECOND = [25, 50, 100, 150, 200, 300, 400];
const SECONDS = 3;
const QUICK_SECONDS = 2;
const NUMBERS_CALLED = 50;
const WARM_UP = { perSecond: 50, seconds: 2 };
/** A load counts as carried where so much of it is answered, and the slowest hundredth within so long. */
const CARRIED = { share: 0.97, p99Ms: 500 };
/** The load under which memory is watched. */
const SOAK = { callsPerSecond: 100, importsPerSecond: 10 };

type Act = (index: number) => Promise<unknown>;
type Contender = { name: string; act: Act };

/** How much it carries, how long the unlucky wait, and whether its memory stays. */
export async function measureLoad({ quick, soakSeconds }: Options): Promise<SectionReport> {
  const seconds = quick ? QUICK_SECONDS : SECONDS;
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
  const calls = await climb(CALLS_PER_SECOND, seconds, [
    { name: "the Worker", act: callWorker },
    { name: "Express peer", act: () => answer(nextPeerCall()) },
  ]);

  const fresh = async (count: number) => inTurn(await simulator.addNumbers(account, count));
  const most =
    IMPORTS_PER_SECOND.reduce((sum, rate) => sum + rate, 0) * seconds + WARM_UP.perSecond * WARM_UP.seconds;
  const [nextNumber, nextPeerNumber] = [await fresh(most), await fresh(most)];
  const imports = await climb(IMPORTS_PER_SECOND, seconds, [
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
      `Each load was offered for ${seconds} s. The sender itself was late by at most ${lag([...calls, ...imports])} ms at its 99th percentile.`,
      `Errors: ${errorsOf("calls", calls)}; ${errorsOf("imports", imports)}; ${memory.errors} of ${memory.sent} while memory was watched.`,
    ],
  };
}

type Climb = { name: string; results: LoadResult[] };

/** Offers each load to each contender in turn, until a load is not carried by it. */
async function climb(loads: readonly number[], seconds: number, contenders: Contender[]): Promise<Climb[]> {
  const climbs = contenders.map(({ name, act }) => ({ name, act, results: [] as LoadResult[] }));
  for (const { act } of climbs) await offer(WARM_UP.perSecond, WARM_UP.seconds, act);
  for (const perSecond of loads) {
    for (const { results, act } of climbs) {
      const last = results.at(-1);
      if (last && !isCarried(last)) continue;
      results.push(await offer(perSecond, seconds, act));
    }
  }
  return climbs;
}

function isCarried({ offeredPerSecond, achievedPerSecond, errors, p99 }: LoadResult): boolean {
  return errors === 0 && achievedPerSecond >= CARRIED.share * offeredPerSecond && p99 <= CARRIED.p99Ms;
}

function climbRows(what: string, [ours, other]: Climb[]): Row[] {
  if (!ours || !other) return [];
  const rows = ours.results.flatMap((own) => {
    const its = other.results.find(({ offeredPerSecond }) => offeredPerSecond === own.offeredPerSecond);
    if (!its || !isCarried(own)) return [];
    return (["p50", "p99", "p999"] as const).map((part) =>
      row(
        `${what}, ${own.offeredPerSecond} offered per second, ${percentile(part)}`,
        "ms",
        [own[part]],
        other.name,
        [its[part]],
      ),
    );
  });
  const most = ({ results }: Climb) =>
    Math.max(0, ...results.filter(isCarried).map(({ offeredPerSecond }) => offeredPerSecond));
  return [
    ...rows,
    row(`${what} per second, the highest load carried`, "per second", [most(ours)], other.name, [
      most(other),
    ]),
  ];
}

const percentile = (part: "p50" | "p99" | "p999") => (part === "p999" ? "p99.9" : part);

function climbPlot(title: string, climbs: Climb[]): string {
  const line = ({ name, results }: Climb, part: "p50" | "p99", isDashed: boolean) => ({
    name: `${name}, ${part}`,
    isDashed,
    points: results.map((result) => [result.offeredPerSecond, result[part]] as const),
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
  return Math.max(
    ...climbs.flatMap(({ results }) => results.map(({ senderLagP99 }) => senderLagP99)),
  ).toFixed(1);
}

function errorsOf(what: string, climbs: Climb[]): string {
  return climbs
    .map(({ name, results }) => {
      const first = results.find(({ errors }) => errors > 0);
      return first
        ? `${name} ${first.errors} of ${first.sent} ${what} at ${first.offeredPerSecond} per second`
        : `${name} none of its ${what}`;
    })
    .join(", ");
}
