import { sendExpecting } from "../measure/client.ts";
import { oneByOne } from "../measure/closed-loop.ts";
import { alternate } from "../measure/rounds.ts";
import { median } from "../measure/statistics.ts";
import type { Options } from "../options.ts";
import { barChart } from "../report/bar-chart.ts";
import { type Row, row, type SectionReport } from "../report/row.ts";
import { createCustomer } from "../systems/customer.ts";
import { floorRequest } from "../systems/floor.ts";
import { startPeer } from "../systems/peer.ts";
import { startRuntime } from "../systems/runtime.ts";
import { startSimulator } from "../systems/simulator.ts";
import { countImports } from "./import-counts.ts";

const LATENCIES_MS = [0, 50, 100];
const IMPORTS_PER_ROUND = 8;
const WARM_UP = 20;

/** How long an import takes beyond what Twilio itself takes. */
export async function measureImport({ rounds }: Options): Promise<SectionReport> {
  const simulator = await startSimulator();
  const runtime = await startRuntime(simulator.url);
  const peer = await startPeer(simulator.url);
  const customer = await createCustomer(runtime);
  const account = await simulator.addAccount();

  const systems = {
    worker: async (count: number) => {
      const numbers = await simulator.addNumbers(account, count);
      return oneByOne(count, (index) => customer.importNumber(account, at(numbers, index)));
    },
    floor: async (count: number) => {
      const numbers = await simulator.addNumbers(account, count);
      const requests = numbers.map((number) =>
        floorRequest(runtime.urls.floor, simulator.url, account, number),
      );
      return oneByOne(count, (index) => sendExpecting(204, at(requests, index)));
    },
    peer: async (count: number) => {
      const numbers = await simulator.addNumbers(account, count);
      return oneByOne(count, (index) => peer.importNumber(account, at(numbers, index)));
    },
  };
  for (const act of Object.values(systems)) await act(WARM_UP);

  const rows: Row[] = [];
  for (const latency of LATENCIES_MS) {
    await simulator.setLatency(latency);
    const { worker, floor, peer } = await alternate(rounds, {
      worker: async () => median(await systems.worker(IMPORTS_PER_ROUND)),
      floor: async () => median(await systems.floor(IMPORTS_PER_ROUND)),
      peer: async () => median(await systems.peer(IMPORTS_PER_ROUND)),
    });
    const name = `import, Twilio answering after ${latency} ms`;
    const toFloor = latency === 100 ? { atMost: 1.05 } : undefined;
    rows.push(row(name, "ms", worker, "floor: two calls to Twilio", floor, toFloor));
    rows.push(row(name, "ms", worker, "Express peer", peer, { atMost: 1 }));
  }

  peer.close();
  await runtime.close();
  simulator.close();
  rows.push(...(await countImports()));
  return { title: "Import", rows, plots: { "import.svg": plot(rows) }, notes: [] };
}

function plot(rows: Row[]): string {
  const groups = LATENCIES_MS.map((latency, index) => {
    const [toFloor, toPeer] = rows.slice(index * 2);
    return {
      label: `Twilio after ${latency} ms`,
      bars: [toFloor?.other, toFloor?.ours, toPeer?.other].flatMap((summary) => (summary ? [summary] : [])),
    };
  });
  return barChart({
    title: "One import, wall time",
    unit: "ms",
    series: ["floor: two calls to Twilio", "the Worker", "Express peer"],
    groups,
  });
}

function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index % items.length];
  if (item === undefined) throw new Error("nothing to choose from");
  return item;
}
