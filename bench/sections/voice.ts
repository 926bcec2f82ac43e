import { send } from "../measure/http.ts";
import { cpuMs } from "../measure/process.ts";
import { alternate, inTurn, oneByOne } from "../measure/rounds.ts";
import { difference, median, pairwise } from "../measure/statistics.ts";
import type { Options } from "../options.ts";
import { row, type SectionReport } from "../report.ts";
import { answer, callableNumbers } from "../systems/calls.ts";
import { startSystems } from "../systems/systems.ts";

const CALLS_PER_ROUND = 250;
const COLD_CALLS_PER_ROUND = 60;
const WARM_UP = 1_000;
/** Calls do not come back to back: what the Worker does after its answer is over when the next one comes. */
const REST_MS = 2;
const GOAL = 0.5;
const PEER = "Express peer";

/** What one block of calls took: each of them on the clock, and all of them of the process's time on a core. */
type Block = { wallMs: number; cpuMs: number };

/** What answering a call costs beyond an empty answer of the same runtime. */
export async function measureVoice({ rounds }: Options): Promise<SectionReport> {
  const systems = await startSystems();
  const { customer, peer, urls } = systems;
  const [warm] = await callableNumbers(systems, customer, urls.worker, 1);
  // A number whose call the isolate has not seen: each is called once and never again.
  const count = (rounds + 1) * COLD_CALLS_PER_ROUND;
  const nextCold = inTurn(await callableNumbers(systems, customer, urls.worker, count));
  const [express] = await callableNumbers(systems, peer.importNumber, peer.url, 1);

  const ofWorkerd = { pid: systems.pid, calls: CALLS_PER_ROUND, warmUp: WARM_UP };
  const ofExpress = { ...ofWorkerd, pid: peer.pid };
  const ofCold = { ...ofWorkerd, calls: COLD_CALLS_PER_ROUND, warmUp: COLD_CALLS_PER_ROUND };
  const measured = await alternate(rounds, {
    empty: await blocksOf(ofWorkerd, () => send({ ...warm, url: urls.empty })),
    warm: await blocksOf(ofWorkerd, () => answer(warm)),
    cold: await blocksOf(ofCold, () => answer(nextCold())),
    emptyExpress: await blocksOf(ofExpress, () => send({ ...express, url: `${peer.url}/empty` })),
    express: await blocksOf(ofExpress, () => answer(express)),
  });
  await systems.close();

  const of = (name: keyof typeof measured, part: keyof Block) => measured[name].map((block) => block[part]);
  const above = (name: "warm" | "cold", part: keyof Block) =>
    pairwise(of(name, part), of("empty", part), difference);
  const peerAbove = (part: keyof Block) =>
    pairwise(of("express", part), of("emptyExpress", part), difference);
  const wall = "voice answer above an empty one";
  const cpu = "the same in time on a core, what follows the answer included";
  const rows = [
    row(`${wall}, warm cache`, "ms", above("warm", "wallMs"), PEER, peerAbove("wallMs"), GOAL),
    row(`${wall}, cold cache`, "ms", above("cold", "wallMs"), PEER, peerAbove("wallMs"), GOAL),
    row(`${cpu}, warm cache`, "ms", above("warm", "cpuMs"), PEER, peerAbove("cpuMs")),
    row(`${cpu}, cold cache`, "ms", above("cold", "cpuMs"), PEER, peerAbove("cpuMs")),
    row("whole voice answer, warm cache", "ms", of("warm", "wallMs"), PEER, of("express", "wallMs")),
    row("empty answer", "ms", of("empty", "wallMs"), "empty Express handler", of("emptyExpress", "wallMs")),
  ];
  return { title: "Voice answer", rows, notes: [] };
}

type BlockOptions = { pid: number; calls: number; warmUp: number };

/** Warms up, and then measures a block of calls each time that it is asked. */
async function blocksOf({ pid, calls, warmUp }: BlockOptions, act: () => Promise<unknown>) {
  await oneByOne(Array(warmUp), act);
  return async (): Promise<Block> => {
    const before = cpuMs(pid);
    const times = await oneByOne(Array(calls), act, REST_MS);
    return { wallMs: median(times), cpuMs: (cpuMs(pid) - before) / calls };
  };
}
