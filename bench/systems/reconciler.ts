import { Miniflare } from "miniflare";
import { RECONCILIATION } from "../../src/queues.ts";
import { sendExpecting } from "../measure/client.ts";
import { type Heap, openHeap } from "../measure/heap.ts";
import { pause } from "../measure/pause.ts";
import { childNamed } from "../measure/process.ts";
import type { Progress } from "../workers/reconciling.ts";
import { small } from "./bundles.ts";
import { deployed, migrate, module, quiet } from "./deployed.ts";
import { scratch } from "./scratch.ts";

const CRON = "*/15 * * * *";
const NAME = "reconciling";

/** One workerd with the Worker, its D1 and its queue of reconciliation, and the naive loop beside it. */
export type Reconciler = {
  naiveUrl: string;
  d1: D1Database;
  encryptionKeys: string;
  heap: Heap;
  /** The process id of workerd. */
  pid: number;
  /** Runs the cron, and waits until the consumer has done what the cron sent. */
  run: (accounts: number) => Promise<void>;
  progress: () => Promise<Progress>;
  close: () => Promise<void>;
};

/** @param heapProbe who is asked to look at the consumer's heap, cleared of garbage, before each round trip to D1 */
export async function startReconciler(twilioUrl: string, heapProbe?: string): Promise<Reconciler> {
  const { common, worker, bindings, queueConsumers, code, secrets } = deployed(twilioUrl);
  const consumer = queueConsumers[RECONCILIATION];
  if (!consumer) throw new Error(`wrangler.toml has no consumer of ${RECONCILIATION}`);
  process.env.MINIFLARE_WORKERD_V8_FLAGS = heapProbe === undefined ? "" : "--expose-gc";
  const miniflare = new Miniflare({
    inspectorPort: 0,
    workers: [
      {
        ...worker,
        name: NAME,
        bindings: { ...bindings, ...(heapProbe !== undefined && { HEAP_PROBE: heapProbe }) },
        // Nobody looks at pages here.
        serviceBindings: { ASSETS: "naive" },
        // The events that are found are put on their queue, and delivered by nobody: that is not what is measured.
        queueConsumers: { [RECONCILIATION]: consumer },
        modules: [module("reconciling.js", await small("reconciling")), module("index.js", code)],
      },
      { ...common, name: "naive", modules: [module("naive.js", await small("naive"))] },
    ],
    d1Persist: scratch(crypto.randomUUID()),
    handleRuntimeStdio: quiet,
  });
  await miniflare.ready;
  const d1 = (await miniflare.getD1Database("DB", NAME)) as unknown as D1Database;
  await migrate(d1);
  const urlOf = async (name: string) => (await miniflare.unsafeGetDirectURL(name)).origin;
  const url = await urlOf(NAME);
  const progress = async (): Promise<Progress> =>
    JSON.parse(await sendExpecting(200, { method: "GET", url }));
  const heap = await openHeap(new URL(`/core:user:${NAME}`, await miniflare.getInspectorURL()));
  return {
    naiveUrl: await urlOf("naive"),
    d1,
    encryptionKeys: secrets.TOKEN_ENCRYPTION_KEYS,
    heap,
    pid: childNamed("workerd"),
    async run(accounts) {
      const before = (await progress()).messages;
      const { scheduled } = await miniflare.getWorker(NAME);
      const { outcome } = await scheduled({ cron: CRON });
      if (outcome !== "ok") throw new Error(`the cron ended with ${outcome}`);
      while ((await progress()).messages < before + accounts) await pause(20);
    },
    progress,
    async close() {
      heap.close();
      await miniflare.dispose();
    },
  };
}
