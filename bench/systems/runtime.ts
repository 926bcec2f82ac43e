import { readdirSync, readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import { Miniflare, type WorkerOptions } from "miniflare";
import { unstable_readConfig as readConfig } from "wrangler";
import { freshSecrets } from "../../scripts/fresh-secrets.ts";
import { childNamed } from "../measure/process.ts";
import type { IsolateBundles } from "../workers/isolate-host.ts";
import { deployable, small } from "./bundles.ts";
import { scratch } from "./scratch.ts";

/** What Twilio is pointed at. Requests go to the runtime's own port, and signatures are over this address. */
export const PUBLIC_BASE_URL = "https://numbers.example.com";

const CONFIG = "wrangler.toml";
const DATABASE = "bench";
const NO_LIMIT = 1_000_000_000;

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

// The part of wrangler's configuration that is handed on.
type Producer = { binding: string; queue: string };
type Consumer = {
  queue: string;
  max_batch_size?: number;
  max_batch_timeout?: number;
  dead_letter_queue?: string;
};

/**
 * Starts workerd with the Worker as it is deployed. Each Worker has a port of its own, so that no request passes
 * through anything but its runtime.
 *
 * @param isolates what the isolate host can start
 */
export async function startRuntime(twilioUrl: string, isolates: IsolateBundles = {}): Promise<Runtime> {
  const { compatibility_date, compatibility_flags, vars, queues, ratelimits } = readConfig({
    config: CONFIG,
  });
  const secrets = freshSecrets();
  const bindings = {
    ...(vars as Record<string, string>),
    ...secrets,
    PUBLIC_BASE_URL,
    TWILIO_API_BASE_URL: twilioUrl,
  };
  const common = {
    compatibilityDate: compatibility_date ?? "",
    compatibilityFlags: compatibility_flags ?? [],
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  };
  const { code } = deployable(CONFIG);
  const producers: Producer[] = queues.producers ?? [];
  const consumers: Consumer[] = queues.consumers ?? [];
  const queueProducers = Object.fromEntries(producers.map(({ binding, queue }) => [binding, queue]));
  const queueConsumers = Object.fromEntries(
    consumers.map(({ queue, ...consumer }) => [
      queue,
      {
        ...(consumer.max_batch_size !== undefined && { maxBatchSize: consumer.max_batch_size }),
        ...(consumer.max_batch_timeout !== undefined && { maxBatchTimeout: consumer.max_batch_timeout }),
        ...(consumer.dead_letter_queue !== undefined && { deadLetterQueue: consumer.dead_letter_queue }),
      },
    ]),
  );
  const limits: { name: string; namespace_id: string }[] = ratelimits ?? [];
  const worker = {
    ...common,
    bindings,
    d1Databases: { DB: DATABASE },
    queueProducers,
    // They are asked as in production, and say yes: the bench measures how fast it goes, not how fast it may go.
    ratelimits: Object.fromEntries(
      limits.map(({ name, namespace_id }) => [
        name,
        { namespace_id, simple: { limit: NO_LIMIT, period: 60 } },
      ]),
    ),
    // Pages are no part of what is measured.
    serviceBindings: { ASSETS: "empty" },
  };
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
        QUEUES: Object.keys(queueProducers),
        LIMITS: limits.map(({ name }) => name),
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
    // Log lines are written as in production, and read by nobody.
    handleRuntimeStdio: (stdout: Readable, stderr: Readable) => {
      stdout.resume();
      stderr.resume();
    },
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

const module = (path: string, contents: string) => ({ type: "ESModule" as const, path, contents });
const text = (path: string, contents: string) => ({ type: "Text" as const, path, contents });

async function migrate(d1: D1Database): Promise<void> {
  for (const file of readdirSync("migrations").sort()) {
    const sql = readFileSync(`migrations/${file}`, "utf8").replace(/--.*$/gm, "");
    const statements = sql.split(/;\s*$/m).filter((statement) => statement.trim() !== "");
    await d1.batch(statements.map((statement) => d1.prepare(statement)));
  }
}
