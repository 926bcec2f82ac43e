import { openHeapProbe } from "../measure/heap.ts";
import { cpuMs } from "../measure/process.ts";
import { quantile } from "../measure/statistics.ts";
import type { Options } from "../options.ts";
import { type Row, row, type SectionReport } from "../report.ts";
import { startReconciler } from "../systems/reconciler.ts";
import { startTwilio, type Twilio } from "../systems/twilio.ts";
import type { Progress } from "../workers/reconciling.ts";

type Size = { accounts: number; numbersEach: number };

const SIZES: readonly Size[] = [20, 60, 200].map((accounts) => ({ accounts, numbersEach: 500 }));
/** As many numbers as the largest size has, over five times as many accounts. */
const SPREAD: Size = { accounts: 1_000, numbersEach: 100 };
/** All in one account: what a consumer keeps in mind of each number. */
const SINGLE: Size = { accounts: 1, numbersEach: 50_000 };
/** Of so many numbers one was edited by somebody; a check mends no more than 150 of an account. */
const ONE_DRIFTED_IN = 100;

/** Calls to Twilio, against one for each number. */
const FEWER = 1 / 90;
const MAX_ROWS_READ_PER_NUMBER = 3;
const MAX_HEAP_MIB = 64;
const FLAT = 1.1;
const MOST = "the most there may be";

/** Every account of many compared with Twilio once, against one request for each number. */
export async function measureReconciliation({ quick }: Options): Promise<SectionReport> {
  const checks: Check[] = [];
  for (const size of quick ? SIZES.slice(0, 2) : SIZES) checks.push(await check(size));
  const [few, many] = [checks[0], checks.at(-1)];
  if (!few || !many) throw new Error("nothing was measured");
  const spread = await check(quick ? { accounts: 100, numbersEach: 300 } : SPREAD);
  const single = await check(quick ? { accounts: 1, numbersEach: 10_000 } : SINGLE, { isDrifted: false });
  // Looking at the heap takes time, so that the time is taken apart.
  const plain = await check(many.size, { withHeap: false });

  const slope = (rowsRead(many) - rowsRead(few)) / (numbersOf(many) - numbersOf(few));
  const left = (of: Check) => `heap left after garbage, ${nameOf(of)}`;
  const rows = [
    ...checks.flatMap(rowsOf),
    row("D1 rows read for each further number", "rows", [slope], MOST, [MAX_ROWS_READ_PER_NUMBER], 1),
    row(left(many), "MiB", [many.heap], nameOf(few), [few.heap], FLAT),
    row(left(spread), "MiB", [spread.heap], nameOf(many), [many.heap], FLAT),
    row(left(single), "MiB", [single.heap], MOST, [MAX_HEAP_MIB], 1),
  ];
  const cpuEach = (plain.cpuMs / numbersOf(plain)).toFixed(2);
  const notes = [
    `One number in ${ONE_DRIFTED_IN} had its voice URL edited; all of them were mended.`,
    `${nameOf(spread)}: ${count(spread.taken.reads)} lists and ${count(spread.taken.updates)} repairs. A list is a call for up to a thousand numbers of one account, so small accounts gain less.`,
    "What is left after garbage is the 99th percentile of all round trips to D1.",
    `${nameOf(plain)}: ${plain.seconds.toFixed(1)} s in all, and ${cpuEach} ms on a core for each number in the whole of workerd, D1 and queues included.`,
  ];
  return { title: "Reconciliation", rows, notes };
}

type Check = {
  size: Size;
  taken: Awaited<ReturnType<Twilio["take"]>>;
  d1: Progress;
  seconds: number;
  cpuMs: number;
  /** MiB that the consumer held at its round trips to D1, its garbage just collected: their 99th percentile. */
  heap: number;
};

async function check(size: Size, { isDrifted = true, withHeap = true } = {}): Promise<Check> {
  const twilio = await startTwilio();
  const probe = withHeap ? await openHeapProbe() : undefined;
  const { d1, pid, fill, run, close } = await startReconciler(twilio, probe);
  await fill(size.accounts, size.numbersEach);
  if (isDrifted) await twilio.drift(ONE_DRIFTED_IN);

  const [startedAt, cpuBefore] = [performance.now(), cpuMs(pid)];
  const progress = await run();
  const seconds = (performance.now() - startedAt) / 1000;
  const cpu = cpuMs(pid) - cpuBefore;

  const taken = await twilio.take();
  const unchecked = "SELECT COUNT(*) AS count FROM twilio_accounts WHERE checked_at IS NULL";
  const isAllChecked = (await d1.prepare(unchecked).first("count")) === 0;
  await close();
  probe?.close();
  twilio.close();
  if (!isAllChecked || taken.drifted > 0) throw new Error("numbers or accounts were left as they were");
  return { size, taken, d1: progress, seconds, cpuMs: cpu, heap: quantile(probe?.seen ?? [], 0.99) };
}

const numbersOf = ({ size }: Check) => size.accounts * size.numbersEach;
const rowsRead = ({ d1 }: Check) => d1.cron.rowsRead + d1.consumer.rowsRead;
const count = (value: number) => value.toLocaleString("en-US");
const accountsOf = ({ size }: Check) =>
  size.accounts === 1 ? "one account" : `${count(size.accounts)} accounts`;
const nameOf = (check: Check) => `${count(numbersOf(check))} numbers in ${accountsOf(check)}`;

function rowsOf(check: Check): Row[] {
  const { size, taken, d1 } = check;
  const { reads, updates } = taken;
  const numbers = numbersOf(check);
  const written = d1.cron.rowsWritten + d1.consumer.rowsWritten;
  const loop = "one GET per number";
  const compare = (part: string, unit: string, ours: number, than: string, other: number, atMost?: number) =>
    row(`${nameOf(check)}: ${part}`, unit, [ours], than, [other], atMost);
  return [
    compare("calls to Twilio that read", "calls", reads, loop, numbers, FEWER),
    compare(
      "all calls to Twilio",
      "calls",
      reads + updates,
      `${loop}, and repairs`,
      numbers + updates,
      FEWER,
    ),
    compare("D1 rows read", "rows", rowsRead(check), "numbers", numbers),
    compare("D1 rows written", "rows", written, "numbers mended", updates),
    compare("round trips to D1", "trips", d1.consumer.trips, "accounts and repairs", size.accounts + updates),
  ];
}
