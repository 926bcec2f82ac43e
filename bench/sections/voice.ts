import { type HttpRequest, send } from "../measure/client.ts";
import { oneByOne } from "../measure/closed-loop.ts";
import { cpuMs } from "../measure/process.ts";
import { alternate } from "../measure/rounds.ts";
import { difference, median, pairwise } from "../measure/statistics.ts";
import type { Options } from "../options.ts";
import { barChart } from "../report/bar-chart.ts";
import { row, type SectionReport } from "../report/row.ts";
import { answer } from "../systems/call.ts";
import { createCustomer } from "../systems/customer.ts";
import { startPeer } from "../systems/peer.ts";
import { startRuntime } from "../systems/runtime.ts";
import { startSimulator } from "../systems/simulator.ts";
import { callableNumbers, inTurn } from "./callable.ts";

const CALLS_PER_ROUND = 250;
const COLD_CALLS_PER_ROUND = 60;
const WARM_UP = 1_000;
/** Calls do not come back to back: what the Worker does after its answer is over when the next one comes. */
const REST_MS = 2;
const GOAL = { atMost: 0.5 };

/** What one block of calls took: each of them on the clock, and all of them of the process's time on a core. */
type Block = { wallMs: number; cpuMs: number };

/** What answering a call costs beyond an empty answer of the same runtime. */
export async function measureVoice({ rounds }: Options): Promise<SectionReport> {
  const simulator = await startSimulator();
  const runtime = await startRuntime(simulator.url);
  const peer = await startPeer(simulator.url);
  const account = await simulator.addAccount();
  const customer = await createCustomer(runtime);
  const to = (importer: Parameters<typeof callableNumbers>[2], origin: string, count: number) =>
    callableNumbers(simulator, account, importer, origin, count);

  const warm = await to(customer, runtime.urls.worker, 1);
  // A number whose call the isolate has not seen: each is called once and never again.
  const cold = await to(customer, runtime.urls.worker, (rounds + 1) * COLD_CALLS_PER_ROUND);
  const express = await to(peer, peer.url, 1);
  const emptyWorker = { ...warm[0], url: runtime.urls.empty } as HttpRequest;
  const emptyExpress = { ...express[0], url: `${peer.url}/empty` } as HttpRequest;

  const nextWarm = inTurn(warm);
  const nextCold = inTurn(cold);
  const nextExpress = inTurn(express);
  const acts = {
    empty: { pid: runtime.pid, count: CALLS_PER_ROUND, act: () => send(emptyWorker) },
    warm: { pid: runtime.pid, count: CALLS_PER_ROUND, act: () => answer(nextWarm()) },
    cold: { pid: runtime.pid, count: COLD_CALLS_PER_ROUND, act: () => answer(nextCold()) },
    emptyExpress: { pid: peer.pid, count: CALLS_PER_ROUND, act: () => send(emptyExpress) },
    express: { pid: peer.pid, count: CALLS_PER_ROUND, act: () => answer(nextExpress()) },
  };
  for (const { act, count } of Object.values(acts))
    await oneByOne(count === CALLS_PER_ROUND ? WARM_UP : count, act);

  const block = (name: keyof typeof acts) => () => measureBlock(acts[name]);
  const measured = await alternate(rounds, {
    empty: block("empty"),
    warm: block("warm"),
    cold: block("cold"),
    emptyExpress: block("emptyExpress"),
    express: block("express"),
  });
  peer.close();
  await runtime.close();
  simulator.close();

  const above = (blocks: Block[], empty: Block[], of: keyof Block) =>
    pairwise(
      blocks.map((one) => one[of]),
      empty.map((one) => one[of]),
      difference,
    );
  const cost = (of: keyof Block) => ({
    warm: above(measured.warm, measured.empty, of),
    cold: above(measured.cold, measured.empty, of),
    express: above(measured.express, measured.emptyExpress, of),
  });
  const wall = cost("wallMs");
  const cpu = cost("cpuMs");
  const rows = [
    row("voice answer above an empty one, warm cache", "ms", wall.warm, "Express peer", wall.express, GOAL),
    row("voice answer above an empty one, cold cache", "ms", wall.cold, "Express peer", wall.express, GOAL),
    row(
      "the same in time on a core, what follows the answer included, warm cache",
      "ms",
      cpu.warm,
      "Express peer",
      cpu.express,
    ),
    row(
      "the same in time on a core, what follows the answer included, cold cache",
      "ms",
      cpu.cold,
      "Express peer",
      cpu.express,
    ),
    row(
      "whole voice answer, warm cache",
      "ms",
      measured.warm.map(({ wallMs }) => wallMs),
      "Express peer",
      measured.express.map(({ wallMs }) => wallMs),
    ),
    row(
      "empty answer",
      "ms",
      measured.empty.map(({ wallMs }) => wallMs),
      "empty Express handler",
      measured.emptyExpress.map(({ wallMs }) => wallMs),
    ),
  ];
  const [warmRow, coldRow] = rows;
  const plot = barChart({
    title: "Answering a call, above an empty answer of the same runtime",
    unit: "ms",
    series: ["the Worker", "Express peer"],
    groups: [
      { label: "warm cache", bars: warmRow ? [warmRow.ours, warmRow.other] : [] },
      { label: "cold cache", bars: coldRow ? [coldRow.ours, coldRow.other] : [] },
    ],
  });
  return { title: "Voice answer", rows, plots: { "voice.svg": plot }, notes: [] };
}

async function measureBlock({
  pid,
  count,
  act,
}: {
  pid: number;
  count: number;
  act: () => Promise<unknown>;
}): Promise<Block> {
  const before = cpuMs(pid);
  const times = await oneByOne(count, act, REST_MS);
  return { wallMs: median(times), cpuMs: (cpuMs(pid) - before) / count };
}
