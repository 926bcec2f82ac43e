import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { configOf } from "../scripts/target.ts";
import { RECONCILIATION } from "../src/queues.ts";
import { MAX_CHECKERS } from "../src/reconciliation/schedule.ts";
import { schedule } from "../src/schedule.ts";

// What stands in wrangler.toml and in the code is the same.

const config = configOf({ environment: "", config: "wrangler.toml" });
type Binding = { name: string; class_name: string };
const consumers: { queue: string; max_retries?: number; dead_letter_queue?: string }[] =
  config.queues.consumers ?? [];

const OTHER_LIMITS = 2;

describe("wrangler.toml", () => {
  it("has exactly the cron triggers that have a job", () => {
    expect([...(config.triggers.crons ?? [])].sort()).toEqual(Object.keys(schedule).sort());
  });

  it("consumes exactly the queue that has a consumer, and produces for it, so that wrangler creates it", () => {
    const producers: { queue: string }[] = config.queues.producers ?? [];
    expect([consumers, producers].map((list) => list.map(({ queue }) => queue))).toEqual([
      [RECONCILIATION],
      [RECONCILIATION],
    ]);
  });

  it("keeps each object's data in SQLite, by the class that the Worker exports", () => {
    const bindings: Binding[] = config.durable_objects.bindings;
    const names = bindings.map(({ name, class_name }) => [name, class_name]);
    expect(names).toEqual([
      ["EVENT_OUTBOX", "EventOutbox"],
      ["CONVERSATIONS", "Conversation"],
      ["TEXT_THREADS", "TextThread"],
      ["CALL_LOG", "CallLog"],
      ["ACCOUNT_PACE", "AccountPace"],
      ["BULK_IMPORTS", "BulkImport"],
      ["BACKGROUND", "Background"],
    ]);
    const migrations: { new_sqlite_classes?: string[] }[] = config.migrations;
    const classes = migrations.flatMap(({ new_sqlite_classes = [] }) => new_sqlite_classes);
    expect(classes).toEqual(names.map(([, className]) => className));
    const index = readFileSync("src/index.ts", "utf8");
    for (const className of classes) expect(index).toContain(`export { ${className} }`);
  });

  it("lets all checkers that the cron starts work at once", () => {
    const consumer = consumers.find(({ queue }) => queue === RECONCILIATION);
    expect(consumer).toMatchObject({ max_batch_size: 1, max_concurrency: MAX_CHECKERS });
  });

  it("keeps our own log lines, and none of Cloudflare's, which have URLs", () => {
    expect(config.observability?.logs).toMatchObject({
      enabled: true,
      invocation_logs: false,
      head_sampling_rate: 1,
    });
    expect(config.observability?.traces).toEqual({ enabled: false });
    expect(config.send_metrics).toBe(false);
  });

  it("asks the Worker for pages that are given a key: over http, they are redirected", () => {
    expect(config.assets?.run_worker_first).toEqual(expect.arrayContaining(["/", "/console", "/docs"]));
  });

  it("runs where Twilio's webhooks leave from", () => {
    expect(config.placement).toEqual({ region: "aws:us-east-1" });
  });
});

describe("[env.staging]", () => {
  const staging = configOf({ environment: "staging", config: "wrangler.toml" });
  const { topLevelName: _, targetEnvironment: __, ...rest } = staging;

  it("has everything that the top level has, under names of its own", () => {
    const renamed: unknown = JSON.parse(
      JSON.stringify(rest, (key, value) => {
        if (key === "namespace_id") return String(Number(value) - OTHER_LIMITS);
        return typeof value === "string" ? value.replace(/[-_]staging$/, "") : value;
      }),
    );
    const { topLevelName: _, targetEnvironment: __, ...top } = config;
    expect(renamed).toEqual(JSON.parse(JSON.stringify(top)));
  });

  it("shares no database, queue, limit or data set with it", () => {
    const namesOf = ({
      name,
      d1_databases,
      queues,
      ratelimits,
      analytics_engine_datasets,
      services,
    }: typeof config) =>
      [
        name,
        ...d1_databases.map(({ database_name }: { database_name?: string }) => database_name),
        ...[...(queues.producers ?? []), ...(queues.consumers ?? [])].map(
          ({ queue }: { queue: string }) => queue,
        ),
        ...ratelimits.map(({ namespace_id }: { namespace_id: string }) => namespace_id),
        ...analytics_engine_datasets.map(({ dataset }: { dataset?: string }) => dataset),
        ...(services ?? []).map(({ service }: { service: string }) => service),
      ] as string[];
    const names = new Set(namesOf(config));
    expect(names.size).toBeGreaterThan(4);
    expect(namesOf(staging).filter((name) => names.has(name))).toEqual([]);
  });
});
