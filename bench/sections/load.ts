import { setTimeout as pause } from "node:timers/promises";
import { type LoadResult, offer } from "../measure/open-loop.ts";
import { memoryMiB } from "../measure/process.ts";
import { alternate, inTurn } from "../measure/rounds.ts";
import { median } from "../measure/statistics.ts";
import type { Options } from "../options.ts";
import { type Row, row, type SectionReport } from "../report.ts";
import { answer, callableNumbers } from "../systems/calls.ts";
import { type Importer, startSystems } from "../systems/systems.ts";

/** Offered loads, per second, each higher than the one before. */
const CALLS_PER_SECOND = [100, 200, 400, 800, 1_600, 3_200];
const IMPORTS_PER_SECOND = [25, 50, 100, 200, 400];
/** For how long in each round. */
const SECONDS = 1;
const NUMBERS_CALLED = 50;
const WARM_UP = { perSecond: 50, seconds: 2 };
/** A load counts as carried if so much of it is answered in time, without an error, in most rounds. */
const CARRIED = { share: 0.9, p99Ms: 500 };
/** The load under which memory is watched. */
const SOAK = { callsPerSecond: 100, importsPerSecond: 10 };

type Act = () => Promise<unknown>;
/** What one system made of the loads: one result for each round of each load. */
type Climb = { name: string; act: Act; levels: LoadResult[][] };

/** How much it carries, how long the unlucky wait, and whether its memory stays. */
export async function measureLoad({ rounds, quick }: Options): Promise<SectionReport> {
  const systems = await startSystems();
  const { twilio, account, customer, peer, urls } = systems;
  const calling = async (importNumber: Importer, origin: string): Promise<Act> => {
    const next = inTurn(await callableNumbers(systems, importNumber, origin, NUMBERS_CALLED));
    return () => answer(next());
  };
  const importing = async (importNumber: Importer, count: number): Promise<Act> => {
    const next = inTurn(await twilio.addNumbers(account, count));
    return () => importNumber(account, next());
  };

  const call = await calling(customer, urls.worker);
  const calls = await climb(CALLS_PER_SECOND, rounds, call, await calling(peer.importNumber, peer.url));
  const perRound = IMPORTS_PER_SECOND.reduce((sum, rate) => sum + rate * SECONDS, 0);
  const most = WARM_UP.perSecond * WARM_UP.seconds + rounds * perRound;
  const ours = await importing(customer, most);
  const imports = await climb(IMPORTS_PER_SECOND, rounds, ours, await importing(peer.importNumber, most));
  const seconds = quick ? 10 : 45;
  const soaked = await importing(customer, SOAK.importsPerSecond * seconds);
  const memory = await soak(systems.pid, seconds, call, soaked);
  await systems.close();

  const all = [...calls, ...imports].flatMap(({ levels }) => levels.flat());
  const lag = median(all.map(({ senderLagP99 }) => senderLagP99)).toFixed(1);
  const errors = [...errorsOf("calls", calls), ...errorsOf("imports", imports), ...memory.errors];
  return {
    title: "Throughput and tail",
    rows: [...climbRows("calls", calls), ...climbRows("imports", imports), memory.row],
    notes: [
      `Each load was offered for ${SECONDS} s a round. The sender itself was late by ${lag} ms at its 99th percentile, in the median of all rounds.`,
      `Errors: ${errors.join("; ") || "none"}.`,
    ],
  };
}

/** Offers each load to both systems in alternating rounds, until a load is not carried by it. */
async function climb(loads: readonly number[], rounds: number, worker: Act, peer: Act) {
  const ours: Climb = { name: "the Worker", act: worker, levels: [] };
  const other: Climb = { name: "Express peer", act: peer, levels: [] };
  const both = [ours, other] as const;
  for (const { act } of both) await offer(WARM_UP.perSecond, WARM_UP.seconds, act);
  for (const perSecond of loads) {
    const climbing = both.filter(({ levels }) => isCarried(levels.at(-1) ?? []));
    const offers = climbing.map(({ name, act }) => [name, () => offer(perSecond, SECONDS, act)]);
    const measured: Record<string, LoadResult[]> = await alternate(rounds, Object.fromEntries(offers));
    for (const { name, levels } of climbing) levels.push(measured[name] ?? []);
  }
  return both;
}

function isCarried(rounds: readonly LoadResult[]): boolean {
  const carried = rounds.filter(
    ({ offeredPerSecond, achievedPerSecond, errors, p99 }) =>
      errors === 0 && achievedPerSecond >= CARRIED.share * offeredPerSecond && p99 <= CARRIED.p99Ms,
  );
  return carried.length >= rounds.length / 2;
}

function climbRows(what: string, [ours, other]: readonly [Climb, Climb]): Row[] {
  const rows = ours.levels.flatMap((own, level) => {
    const its = other.levels[level];
    if (!its || !isCarried(own)) return [];
    const offered = `${what}, ${own[0]?.offeredPerSecond} offered per second`;
    return (["p50", "p99", "p99.9"] as const).map((part) => {
      const of = (results: LoadResult[]) => results.map((result) => result[part]);
      return row(`${offered}, ${part}`, "ms", of(own), other.name, of(its));
    });
  });
  const most = ({ levels }: Climb) => levels.filter(isCarried).at(-1)?.[0]?.offeredPerSecond ?? 0;
  const highest = `${what} per second, the highest load carried`;
  return [...rows, row(highest, "per second", [most(ours)], other.name, [most(other)])];
}

function errorsOf(what: string, climbs: readonly Climb[]): string[] {
  return climbs.flatMap(({ name, levels }) => {
    const failed = levels.flat().filter(({ errors }) => errors > 0);
    return failed.map(
      ({ offeredPerSecond, errors, sent }) =>
        `${errors} of ${sent} ${what} by ${name} at ${offeredPerSecond} per second`,
    );
  });
}

/** Calls and imports at a steady pace, with workerd's memory looked at each second. */
async function soak(pid: number, seconds: number, call: Act, importNumber: Act) {
  const offers = [
    offer(SOAK.callsPerSecond, seconds, call),
    offer(SOAK.importsPerSecond, seconds, importNumber),
  ];
  const samples: number[] = [];
  for (let second = 0; second < seconds; second += 1) {
    samples.push(memoryMiB(pid));
    await pause(1000);
  }
  const failed = (await Promise.all(offers)).filter(({ errors }) => errors > 0);
  // The last quarter against the second: memory that grows for good shows there.
  const quarter = Math.floor(seconds / 4);
  const early = median(samples.slice(quarter, 2 * quarter));
  const late = median(samples.slice(-quarter));
  const name = `memory in the last quarter of ${seconds} s`;
  return {
    row: row(name, "MiB", [late], "the second quarter", [early], 1.1),
    errors: failed.map(({ errors, sent }) => `${errors} of ${sent} while memory was watched`),
  };
}
