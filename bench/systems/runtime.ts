import { Miniflare, type WorkerOptions } from "miniflare";
import { childNamed } from "../measure/process.ts";
import type { IsolateBundles } from "../workers/isolate-host.ts";
import { small } from "./bundles.ts";
import { DATABASE, deployed, migrate, module, quiet, text } from "./deployed.ts";
import { scratch } from "./scratch.ts";

/** One workerd with the Worker, and beside it the small ones it is compared with. */
export type Runtime = {
  /** Where the Worker answers, the one whose D1 trips are counted, the empty Worker and the floor. */
  urls: { worker: string; counting: string; empty: string; floor: string; isolates: string };
  adminToken: string;
  d1: D1Database;
  /** The process id of workerd. */
  pid: number;
  close: () => Promise<void>;
};

/**
 * Starts workerd with the Worker as it is deployed. Each Worker has a port of its own, so that no request passes
 * through anything but its runtime.
 *
 * @param isolates what the isolate host can start
 */
export async function startRuntime(twilioUrl: string, isolates: IsolateBundles = {}): Promise<Runtime> {
  const { common, worker, bindings, queueConsumers, code, secrets } = deployed(twilioUrl);
  const workers: WorkerOptions[] = [
    { ...worker, name: "worker", queueConsumers, modules: [module("index.js", code)] },
    {
      ...worker,
      name: "counting",
      modules: [module("counting.js", await small("counting")), module("index.js", code)],
    },
    { ...common, name: "empty", modules: [module("empty.js", await small("empty"))] },
    { ...common, name: "floor", modules: [module("floor.js", await small("floor"))] },
    {
      ...common,
      name: "isolates",
      bindings: {
        VARIABLES: bindings,
        QUEUES: Object.keys(worker.queueProducers),
        LIMITS: Object.keys(worker.ratelimits),
        OBJECTS: Object.keys(worker.durableObjects),
        COMPATIBILITY_DATE: common.compatibilityDate,
      },
      d1Databases: { DB: DATABASE },
      workerLoaders: { LOADER: {} },
      modules: [
        module("isolate-host.js", await small("isolate-host")),
        text("bundles.txt", JSON.stringify(isolates)),
        text("shell.txt", await small("isolate-shell")),
      ],
    },
  ];
  const miniflare = new Miniflare({
    workers,
    d1Persist: scratch(crypto.randomUUID()),
    handleRuntimeStdio: quiet,
  });
  await miniflare.ready;
  const d1 = (await miniflare.getD1Database("DB", "worker")) as unknown as D1Database;
  await migrate(d1);

  const urlOf = async (name: string) => (await miniflare.unsafeGetDirectURL(name)).origin;
  return {
    urls: {
      worker: await urlOf("worker"),
      counting: await urlOf("counting"),
      empty: await urlOf("empty"),
      floor: await urlOf("floor"),
      isolates: await urlOf("isolates"),
    },
    adminToken: secrets.ADMIN_TOKEN,
    d1,
    pid: childNamed("workerd"),
    close: () => miniflare.dispose(),
  };
}
