import { send } from "../measure/http.ts";
import { cpuMs } from "../measure/process.ts";
import { alternate, inTurn, oneByOne } from "../measure/rounds.ts";
import { median } from "../measure/statistics.ts";
import type { Options } from "../options.ts";
import { row, type SectionReport } from "../report.ts";
import { answer, callableNumbers } from "../systems/calls.ts";
import { startSystems } from "../systems/systems.ts";

const CALLS_PER_ROUND = 250;
const COLD_CALLS_PER_ROUND = 60;
const WARM_UP = 1_000;
/** Calls do not come back to back: what the Worker does after its answer is over when the next one comes. */
const REST_MS = 2;

/** What one block of calls took: each of them on the clock, and all of them of the process's time on a core. */
type Block = { wallMs: number; cpuMs: number };

/** What answering a call costs beyond an empty answer of the same runtime. */
export async function measureVoice({ rounds }: Options): Promise<SectionReport> {
  const systems = await startSystems();
  const { urls } = systems;
  const [warm] = await callableNumbers(systems, urls.worker, 1);
  // A number whose call the isolate has not seen: each is called once and never again.
  const count = (rounds + 1) * COLD_CALLS_PER_ROUND;
  const nextCold = inTurn(await callableNumbers(systems, urls.worker, count));

  const warmBlocks = (act: () => Promise<unknown>) => blocksOf(systems.pid, CALLS_PER_ROUND, WARM_UP, act);
  const measured = await alternate(rounds, {
    empty: await warmBlocks(() => send({ ...warm, url: urls.empty })),
    warm: await warmBlocks(() => answer(warm)),
    cold: await blocksOf(systems.pid, COLD_CALLS_PER_ROUND, COLD_CALLS_PER_ROUND, () => answer(nextCold())),
  });
  await systems.close();

  const of = (name: keyof typeof measured, part: keyof Block) => measured[name].map((block) => block[part]);
  const than = "an empty answer";
  const rows = [
    row("a call answered, its number cached", "ms", of("warm", "wallMs"), than, of("empty", "wallMs")),
    row("a call answered, its number not cached", "ms", of("cold", "wallMs"), than, of("empty", "wallMs")),
    row(
      "time on a core, what follows included, cached",
      "ms",
      of("warm", "cpuMs"),
      than,
      of("empty", "cpuMs"),
    ),
    row("the same, not cached", "ms", of("cold", "cpuMs"), than, of("empty", "cpuMs")),
  ];
  return { title: "Voice answer", rows, notes: [] };
}

/** Warms up, and then measures a block of calls each time that it is asked. */
async function blocksOf(pid: number, calls: number, warmUp: number, act: () => Promise<unknown>) {
  await oneByOne(Array(warmUp), act);
  return async (): Promise<Block> => {
    const before = cpuMs(pid);
    const times = await oneByOne(Array(calls), act, REST_MS);
    return { wallMs: median(times), cpuMs: (cpuMs(pid) - before) / calls };
  };
}
