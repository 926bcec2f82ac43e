import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { unstable_readConfig as readConfig } from "wrangler";
import { queueNames } from "../scripts/deployment.ts";
import { RECONCILIATION } from "../src/queues.ts";
import { MAX_CHECKERS } from "../src/reconciliation/schedule.ts";
import { schedule } from "../src/schedule.ts";

// What stands in wrangler.toml and in the code is the same.

const config = readConfig({ config: "wrangler.toml" });
type Binding = { name: string; class_name: string };
const consumers: { queue: string; max_retries?: number; dead_letter_queue?: string }[] =
  config.queues.consumers ?? [];

describe("wrangler.toml", () => {
  it("has exactly the cron triggers that have a job", () => {
    expect([...(config.triggers.crons ?? [])].sort()).toEqual(Object.keys(schedule).sort());
  });

  it("produces for exactly the queue that it consumes, which a deployment makes", () => {
    expect(consumers.map(({ queue }) => queue)).toEqual([RECONCILIATION]);
    expect(config.queues.producers?.map(({ queue }: { queue: string }) => queue)).toEqual([RECONCILIATION]);
    expect(queueNames()).toEqual([RECONCILIATION]);
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

  it("runs where Twilio's webhooks leave from", () => {
    expect(config.placement).toEqual({ region: "aws:us-east-1" });
  });
});
