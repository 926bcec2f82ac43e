import { alternate, oneByOne } from "../measure/rounds.ts";
import { median } from "../measure/statistics.ts";
import type { Options } from "../options.ts";
import { type Row, row, type SectionReport } from "../report.ts";
import { type Importer, startSystems } from "../systems/systems.ts";

const LATENCIES_MS = [0, 50, 100];
const IMPORTS_PER_ROUND = 8;
const WARM_UP = 20;
const FLOOR = "its two calls to Twilio alone";

/** How long an import takes beyond what Twilio itself takes. */
export async function measureImport({ rounds }: Options): Promise<SectionReport> {
  const systems = await startSystems();
  const { twilio, account } = systems;

  /** Imports new numbers one by one. */
  const importing = (importNumber: Importer) => async (count: number) =>
    oneByOne(await twilio.addNumbers(account, count), (number) => importNumber(account, number));
  const worker = importing(systems.customer);
  const floor = importing(systems.floor);

  for (const system of [worker, floor]) await system(WARM_UP);

  const rows: Row[] = [];
  for (const latency of LATENCIES_MS) {
    await twilio.setLatency(latency);
    const timed = (system: typeof worker) => async () => median(await system(IMPORTS_PER_ROUND));
    const contenders = { worker: timed(worker), floor: timed(floor) };
    const measured = await alternate(rounds, contenders);
    const name = `import, Twilio answering after ${latency} ms`;
    rows.push(row(name, "ms", measured.worker, FLOOR, measured.floor, latency === 100 ? 1.05 : undefined));
  }
  await systems.close();
  return { title: "Import", rows, notes: [] };
}
