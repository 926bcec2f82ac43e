import { readdirSync, readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import { unstable_readConfig as readConfig } from "wrangler";
import { freshSecrets } from "../../scripts/fresh-secrets.ts";
import { deployable } from "./bundles.ts";

/** What Twilio is pointed at. Requests go to the runtime's own port, and signatures are over this address. */
export const PUBLIC_BASE_URL = "https://numbers.example.com";
export const DATABASE = "bench";

const CONFIG = "wrangler.toml";
const NO_LIMIT = 1_000_000_000;

// The part of wrangler's configuration that is handed on.
type Producer = { binding: string; queue: string };
type Consumer = {
  queue: string;
  max_batch_size?: number;
  max_batch_timeout?: number;
  dead_letter_queue?: string;
};

/** The Worker as wrangler.toml deploys it, in the words of Miniflare. */
export function deployed(twilioUrl: string) {
  const { compatibility_date, compatibility_flags, vars, queues, ratelimits, durable_objects } = readConfig({
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
  const objects: { name: string; class_name: string }[] = durable_objects?.bindings ?? [];
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
    durableObjects: Object.fromEntries(
      objects.map(({ name, class_name }) => [name, { className: class_name, useSQLite: true }]),
    ),
    // Pages are no part of what is measured.
    serviceBindings: { ASSETS: "empty" },
  };
  return { common, worker, bindings, queueConsumers, code, secrets };
}

export const module = (path: string, contents: string) => ({ type: "ESModule" as const, path, contents });
export const text = (path: string, contents: string) => ({ type: "Text" as const, path, contents });

/** Log lines are written as in production, and read by nobody. */
export function quiet(stdout: Readable, stderr: Readable): void {
  stdout.resume();
  stderr.resume();
}

export async function migrate(d1: D1Database): Promise<void> {
  for (const file of readdirSync("migrations").sort()) {
    const sql = readFileSync(`migrations/${file}`, "utf8").replace(/--.*$/gm, "");
    const statements = sql.split(/;\s*$/m).filter((statement) => statement.trim() !== "");
    await d1.batch(statements.map((statement) => d1.prepare(statement)));
  }
}
