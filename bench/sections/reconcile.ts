import { openProbe, peakDuring } from "../measure/heap.ts";
import { cpuMs, memoryMiB } from "../measure/process.ts";
import { quantile } from "../measure/statistics.ts";
import type { Options } from "../options.ts";
import { lineChart } from "../report/line-chart.ts";
import { type Goal, type Row, row, type SectionReport } from "../report/row.ts";
import { PUBLIC_BASE_URL } from "../systems/deployed.ts";
import { type Fleet, startFleet, type Taken } from "../systems/fleet.ts";
import { runNaively } from "../systems/naive.ts";
import { type Reconciler, startReconciler } from "../systems/reconciler.ts";
import { seed } from "../systems/seed.ts";
import type { Progress } from "../workers/reconciling.ts";

type Size = { accounts: number; numbersEach: number };

const SIZES: readonly Size[] = [20, 60, 200].map((accounts) => ({ accounts, numbersEach: 500 }));
/** As many numbers as the largest size has, over five times as many accounts. */
const SPREAD: Size = { accounts: 1_000, numbersEach: 100 };
/** All in one account: what a consumer keeps in mind of each number. */
const SINGLE: readonly Size[] = [10_000, 50_000].map((numbersEach) => ({ accounts: 1, numbersEach }));
/** Of so many numbers one was edited by somebody. */
const ONE_DRIFTED_IN = 100;

const MANY_TIMES_FEWER: Goal = { atMost: 1 / 90 };
const MAX_ROWS_READ_PER_NUMBER = 3;
const MAX_HEAP_MIB = 64;
const FLAT: Goal = { atMost: 1.1 };

/** Every account of many compared with Twilio once, against one request for each number. */
export async function measureReconciliation({ quick }: Options): Promise<SectionReport> {
  const sizes = quick ? SIZES.slice(0, 2) : SIZES;
  const spread = quick ? { accounts: 100, numbersEach: 300 } : SPREAD;
  const fleet = await startFleet();
  const runs: Run[] = [];
  for (const size of sizes) runs.push(await measure(fleet, size, true));
  const thin = await measure(fleet, spread, false);
  const heaps: number[] = [];
  for (const size of SINGLE) heaps.push((await heapWithoutGarbage(fleet, size, 0)).p99);
  const [firstSingle, lastSingle] = SINGLE;
  const drifted = firstSingle ? (await heapWithoutGarbage(fleet, firstSingle, 1)).p99 : Number.NaN;
  fleet.close();

  const [first, last] = [runs[0], runs.at(-1)];
  if (!first || !last || !firstSingle || !lastSingle) throw new Error("nothing was measured");
  const bytesEach = (2 ** 20 * difference(heaps)) / (lastSingle.numbersEach - firstSingle.numbersEach);
  const bytesEachDrifted = bytesEach + (2 ** 20 * (drifted - (heaps[0] ?? 0))) / firstSingle.numbersEach;
  return {
    title: "Reconciliation",
    rows: [
      ...runs.flatMap(rowsOf),
      row(
        "D1 rows read for each further number",
        "rows",
        [slope(first, last)],
        "the most there may be",
        [MAX_ROWS_READ_PER_NUMBER],
        { atMost: 1 },
      ),
      peakRow(thin),
      memoryRow(first, last),
      memoryRow(last, thin),
      row(
        `heap left after garbage, one account of ${count(lastSingle.numbersEach)} numbers`,
        "MiB",
        [heaps[1] ?? Number.NaN],
        "the most there may be",
        [MAX_HEAP_MIB],
        { atMost: 1 },
      ),
    ],
    plots: plots(runs, thin),
    notes: [
      `One number in ${ONE_DRIFTED_IN} had its voice URL edited; all of them were mended, by the naive loop and by the Worker, ` +
        `and no account had more than ${Math.max(...runs.map(({ ours }) => ours.mostUnderWay))} request under way at once.`,
      `${name(thin)}: ${count(reads(thin.ours))} lists and ${count(thin.ours.updates)} repairs. A list is a call for up to a ` +
        "thousand numbers of one account, so small accounts gain less.",
      `Of a number in order the consumer keeps ${Math.round(bytesEach)} bytes while it checks the account, and of one that is ` +
        `not in order, ${Math.round(bytesEachDrifted)}.`,
      `What is left after garbage is the 99th percentile of all round trips to D1; the most at any of them was ` +
        `${Math.max(...[...runs, thin].map(({ heap }) => heap.withoutGarbage.most)).toFixed(1)} MiB.`,
      `${name(last)}: ${(last.cpuMs / numbersOf(last)).toFixed(2)} ms on a core for each number in the whole of workerd, D1 and ` +
        `queues included, whose resident memory went from ${Math.round(last.rss.before)} to ${Math.round(last.rss.peak)} MiB ` +
        "meanwhile, most of it D1's.",
    ],
  };
}

/** MiB. The most is a moment of V8's own now and then, such as compiling something. */
type LeftOver = { p99: number; most: number };

type Run = {
  size: Size;
  ours: Taken;
  naive: Taken;
  /** Seconds. */
  took: { ours: number; naive: number };
  d1: Progress;
  /** MiB. */
  heap: { peak: number; withoutGarbage: LeftOver };
  rss: { before: number; peak: number };
  cpuMs: number;
};

async function measure(fleet: Fleet, size: Size, withNaive: boolean): Promise<Run> {
  const accounts = await fleet.fill(size.accounts, size.numbersEach, PUBLIC_BASE_URL);
  const reconciler = await startReconciler(fleet.url);
  await seed(reconciler, accounts);

  await fleet.drift(ONE_DRIFTED_IN);
  const naive = await timed(async () => {
    if (withNaive) await runNaively(reconciler.naiveUrl, fleet.url, accounts);
  });
  const naiveTaken = await fleet.take();
  if (withNaive && naiveTaken.drifted > 0) throw new Error("the naive loop has left numbers as they were");

  await fleet.drift(ONE_DRIFTED_IN);
  const rss = { before: memoryMiB(reconciler.pid), peak: 0 };
  const cpuBefore = cpuMs(reconciler.pid);
  let peak = 0;
  const ours = await timed(async () => {
    peak = await peakDuring(
      () => {
        rss.peak = Math.max(rss.peak, memoryMiB(reconciler.pid));
        return reconciler.heap.used();
      },
      () => reconciler.run(size.accounts),
    );
  });
  const run = {
    size,
    ours: await takeMended(fleet, reconciler),
    naive: naiveTaken,
    took: { ours, naive },
    d1: await reconciler.progress(),
    rss,
    cpuMs: cpuMs(reconciler.pid) - cpuBefore,
  };
  await reconciler.close();
  return { ...run, heap: { peak, withoutGarbage: await heapWithoutGarbage(fleet, size, ONE_DRIFTED_IN) } };
}

async function takeMended(fleet: Fleet, { d1 }: Reconciler): Promise<Taken> {
  const taken = await fleet.take();
  const unchecked = await d1
    .prepare("SELECT COUNT(*) AS count FROM twilio_accounts WHERE checked_at IS NULL")
    .first("count");
  if (taken.drifted > 0 || unchecked !== 0) throw new Error("numbers or accounts were left as they were");
  return taken;
}

/**
 * What the consumer holds at its round trips to D1, when its garbage was collected just before.
 *
 * @param oneDriftedIn 0 for none
 */
async function heapWithoutGarbage(fleet: Fleet, size: Size, oneDriftedIn: number): Promise<LeftOver> {
  let heap: Reconciler["heap"] | undefined;
  const probe = await openProbe(async () => (heap ? heap.used() : 0));
  const accounts = await fleet.fill(size.accounts, size.numbersEach, PUBLIC_BASE_URL);
  const reconciler = await startReconciler(fleet.url, probe.url);
  heap = reconciler.heap;
  await seed(reconciler, accounts);
  if (oneDriftedIn > 0) await fleet.drift(oneDriftedIn);
  await reconciler.run(size.accounts);
  await fleet.take();
  await reconciler.close();
  probe.close();
  return { p99: quantile(probe.seen, 0.99), most: Math.max(...probe.seen) };
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}

const numbersOf = ({ size }: Pick<Run, "size">) => size.accounts * size.numbersEach;
const reads = ({ lists, fetches }: Taken) => lists + fetches;
const calls = (taken: Taken) => reads(taken) + taken.updates;
const rowsRead = ({ d1 }: Run) => d1.cron.rowsRead + d1.consumer.rowsRead;
const rowsWritten = ({ d1 }: Run) => d1.cron.rowsWritten + d1.consumer.rowsWritten;
const slope = (first: Run, last: Run) =>
  (rowsRead(last) - rowsRead(first)) / (numbersOf(last) - numbersOf(first));
const difference = ([first = 0, last = 0]: readonly number[]) => last - first;
const count = (value: number) => value.toLocaleString("en-US");
const name = (run: Pick<Run, "size">) =>
  `${count(numbersOf(run))} numbers in ${count(run.size.accounts)} accounts`;

function rowsOf(run: Run): Row[] {
  const { ours, naive, took, size } = run;
  const what = name(run);
  const loop = "one GET per number";
  return [
    row(`${what}: calls to Twilio that read`, "calls", [reads(ours)], loop, [reads(naive)], MANY_TIMES_FEWER),
    row(
      `${what}: all calls to Twilio`,
      "calls",
      [calls(ours)],
      `${loop}, and the same repairs`,
      [calls(naive)],
      MANY_TIMES_FEWER,
    ),
    row(`${what}: time in all`, "s", [took.ours], `${loop}, and the same repairs`, [took.naive]),
    row(`${what}: D1 rows read`, "rows", [rowsRead(run)], "numbers", [numbersOf(run)]),
    row(`${what}: D1 rows written`, "rows", [rowsWritten(run)], "numbers mended", [ours.updates]),
    row(`${what}: round trips to D1`, "trips", [run.d1.consumer.trips], "accounts, and numbers mended", [
      size.accounts + ours.updates,
    ]),
    peakRow(run),
  ];
}

function peakRow(run: Run): Row {
  return row(
    `${name(run)}: heap of the consumer at its peak, garbage and all`,
    "MiB",
    [run.heap.peak],
    "the most there may be",
    [MAX_HEAP_MIB],
    { atMost: 1 },
  );
}

function memoryRow(few: Run, many: Run): Row {
  return row(
    `heap left after garbage, ${name(many)}`,
    "MiB",
    [many.heap.withoutGarbage.p99],
    name(few),
    [few.heap.withoutGarbage.p99],
    FLAT,
  );
}

function plots(runs: readonly Run[], thin: Run): Record<string, string> {
  const over = (value: (run: Run) => number) => runs.map((run) => [numbersOf(run), value(run)] as const);
  const all = [...runs, thin];
  const byAccounts = (value: (run: Run) => number) =>
    all.map((run) => [run.size.accounts, value(run)] as const);
  return {
    "reconcile-calls.svg": lineChart({
      title: "Calls to Twilio of one check of everything",
      xUnit: "numbers, 500 in each account",
      yUnit: "",
      isLogarithmic: true,
      series: [
        { name: "the Worker, all calls", points: over(({ ours }) => calls(ours)) },
        { name: "the Worker, without repairs", points: over(({ ours }) => reads(ours)), isDashed: true },
        { name: "one GET per number", points: over(({ naive }) => calls(naive)) },
      ],
    }),
    "reconcile-rows.svg": lineChart({
      title: "Rows of D1 in one check of everything",
      xUnit: "numbers, 500 in each account",
      yUnit: "",
      series: [
        { name: "read", points: over(rowsRead) },
        { name: "written", points: over(rowsWritten) },
        {
          name: "three for each number",
          points: over((run) => MAX_ROWS_READ_PER_NUMBER * numbersOf(run)),
          isDashed: true,
        },
      ],
    }),
    "reconcile-memory.svg": lineChart({
      title: "Heap of the consumer",
      xUnit: `accounts, the last with ${thin.size.numbersEach} numbers each and the others with 500`,
      yUnit: "MiB",
      series: [
        { name: "left after garbage", points: byAccounts(({ heap }) => heap.withoutGarbage.p99) },
        { name: "at its peak, garbage and all", points: byAccounts(({ heap }) => heap.peak) },
        { name: "the most there may be", points: byAccounts(() => MAX_HEAP_MIB), isDashed: true },
      ],
    }),
  };
}
