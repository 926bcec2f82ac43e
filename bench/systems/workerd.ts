import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { readD1Migrations } from "@cloudflare/vitest-pool-workers";
import { Miniflare, type WorkerOptions } from "miniflare";
import { unstable_readConfig as readConfig } from "wrangler";
import { freshSecrets } from "../../scripts/fresh-secrets.ts";
import { childNamed } from "../measure/process.ts";

/** What Twilio is pointed at. Requests go to the runtime's own port, and signatures are over this address. */
export const PUBLIC_BASE_URL = "https://numbers.example.com";
const LIMITER = "limiter";
const EMPTY = "export default { fetch: () => new Response() };";

// In memory if the system has a place for that: how fast this machine's disk settles a write says nothing about D1.
const IN_MEMORY = "/dev/shm";
const folder = mkdtempSync(join(existsSync(IN_MEMORY) ? IN_MEMORY : tmpdir(), "nixflex-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const config = readConfig({ config: "wrangler.toml" });
// The newest date that Miniflare 4 takes, or an older one of wrangler.toml.
const MINIFLARE_DATE = "2026-05-03";
export const compatibilityDate = [config.compatibility_date ?? "", MINIFLARE_DATE].sort()[0] ?? "";

/** The Worker as wrangler.toml deploys it, in the words of Miniflare. */
export function deployed(twilioUrl: string, variables: Record<string, string> = {}) {
  const secrets = freshSecrets();
  const limits: { name: string }[] = config.ratelimits ?? [];
  const producers: { binding: string; queue: string }[] = config.queues.producers ?? [];
  const consumers: { queue: string }[] = config.queues.consumers ?? [];
  const objects: { name: string; class_name: string }[] = config.durable_objects?.bindings ?? [];
  const options = {
    bindings: {
      ...(config.vars as Record<string, string>),
      ...secrets,
      PUBLIC_BASE_URL,
      TWILIO_API_BASE_URL: twilioUrl,
      ...variables,
    },
    d1Databases: { DB: "bench" },
    queueProducers: Object.fromEntries(producers.map(({ binding, queue }) => [binding, queue])),
    queueConsumers: Object.fromEntries(consumers.map(({ queue, ...rest }) => [queue, camelCased(rest)])),
    durableObjects: Object.fromEntries(
      objects.map(({ name, class_name }) => [name, { className: class_name, useSQLite: true }]),
    ),
    // Counters beside the isolate, as Cloudflare keeps them, which say yes: the bench measures how fast it goes, not how fast
    // it may go. Miniflare's own are another Worker, which a call would wait for.
    wrappedBindings: Object.fromEntries(limits.map(({ name }) => [name, LIMITER])),
    // Pages are no part of what is measured.
    serviceBindings: { ASSETS: "empty" },
  };
  return { options, secrets };
}

function camelCased(options: object): Record<string, unknown> {
  const camel = (name: string) => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [camel(name), value]));
}

export const module = (path: string, contents: string) => ({ type: "ESModule" as const, path, contents });
export const text = (path: string, contents: string) => ({ type: "Text" as const, path, contents });

/**
 * Starts one workerd with these Workers, and an empty one, which does nothing: what any answer of this runtime costs.
 * Each has a port of its own: no request passes through anything but its runtime.
 *
 * @param owner the Worker whose D1 is migrated and given out
 */
export async function startWorkerd<Name extends string>(
  owner: NoInfer<Name>,
  workers: Record<Name, Omit<WorkerOptions, "name">>,
) {
  const all = { ...workers, empty: { modules: [module("empty.js", EMPTY)] } };
  const names = Object.keys(all) as (Name | "empty")[];
  const limiter = "export default () => ({ limit: async () => ({ success: true }) });";
  const miniflare = new Miniflare({
    workers: [
      ...names.map((name) => ({
        name,
        compatibilityDate,
        unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
        ...(all[name] as WorkerOptions),
      })),
      { name: LIMITER, modules: [module("limiter.js", limiter)] },
    ],
    d1Persist: join(folder, crypto.randomUUID()),
    durableObjectsPersist: join(folder, crypto.randomUUID()),
    // Log lines are written as in production, and read by nobody.
    handleRuntimeStdio(stdout: Readable, stderr: Readable) {
      stdout.resume();
      stderr.resume();
    },
  });
  await miniflare.ready;
  const d1 = (await miniflare.getD1Database("DB", owner)) as unknown as D1Database;
  for (const { queries } of await readD1Migrations("migrations")) {
    await d1.batch(queries.map((query) => d1.prepare(query)));
  }
  const urls = names.map(async (name) => [name, (await miniflare.unsafeGetDirectURL(name)).origin]);
  return {
    miniflare,
    urls: Object.fromEntries(await Promise.all(urls)) as Record<Name | "empty", string>,
    d1,
    pid: childNamed("workerd"),
  };
}
