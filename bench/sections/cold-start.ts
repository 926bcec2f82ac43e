import { type HttpRequest, send } from "../measure/http.ts";
import { alternate, oneByOne } from "../measure/rounds.ts";
import { median } from "../measure/statistics.ts";
import type { Options } from "../options.ts";
import { row, type SectionReport } from "../report.ts";
import { deployable } from "../systems/bundles.ts";
import { answer, callableNumbers } from "../systems/calls.ts";
import { startSystems } from "../systems/systems.ts";
import { EMPTY } from "../systems/workerd.ts";

const STARTS_PER_ROUND = 3;

/** How soon a fresh isolate answers its first call. */
export async function measureColdStart({ rounds }: Options): Promise<SectionReport> {
  const { code, gzipKiB } = deployable();
  const systems = await startSystems({ worker: { code }, empty: { code: EMPTY } });
  const [call] = await callableNumbers(systems, systems.urls.isolates, 1);
  const start = (bundle: string, act: (request: HttpRequest) => Promise<unknown>) => async () => {
    const starting = { ...call, headers: { ...call.headers, "x-bundle": bundle } };
    return median(await oneByOne(Array(STARTS_PER_ROUND), () => act(starting)));
  };
  const measured = await alternate(rounds, {
    empty: start("empty", send),
    worker: start("worker", answer),
  });
  await systems.close();

  const first = "from the start of an isolate to its first call answered";
  return {
    title: "Cold start",
    rows: [row(first, "ms", measured.worker, "an empty Worker", measured.empty)],
    notes: [`The bundle is ${gzipKiB.toFixed(1)} KiB, gzip.`],
  };
}
