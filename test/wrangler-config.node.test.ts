import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { unstable_readConfig as readConfig } from "wrangler";
import { queueNames } from "../scripts/deployment.ts";
import { FORMER_DEAD_LETTERS, FORMER_EVENTS, RECONCILIATION } from "../src/queues.ts";
import { schedule } from "../src/schedule.ts";

// What stands in wrangler.toml and in the code is the same.

const config = readConfig({ config: "wrangler.toml" });
const consumers: { queue: string; max_retries?: number; dead_letter_queue?: string }[] =
  config.queues.consumers ?? [];

describe("wrangler.toml", () => {
  it("has exactly the cron triggers that have a job", () => {
    expect([...(config.triggers.crons ?? [])].sort()).toEqual(Object.keys(schedule).sort());
  });

  it("consumes exactly the queues that have a consumer", () => {
    expect(consumers.map(({ queue }) => queue).sort()).toEqual(
      [FORMER_EVENTS, FORMER_DEAD_LETTERS, RECONCILIATION].sort(),
    );
  });

  it("has them all made by a deployment, the dead letters too", () => {
    expect(queueNames().sort()).toEqual([FORMER_EVENTS, FORMER_DEAD_LETTERS, RECONCILIATION].sort());
  });

  it("sends nothing to the queues of the version before", () => {
    expect(config.queues.producers?.map(({ queue }) => queue)).toEqual([RECONCILIATION]);
  });

  it("keeps each object's data in SQLite, by the class that the Worker exports", () => {
    expect(config.durable_objects.bindings).toEqual([{ name: "EVENT_OUTBOX", class_name: "EventOutbox" }]);
    expect(config.migrations.flatMap(({ new_sqlite_classes }) => new_sqlite_classes)).toEqual([
      "EventOutbox",
    ]);
    expect(readFileSync("src/index.ts", "utf8")).toContain("export { EventOutbox }");
  });

  it("has observability on, telemetry off and smart placement", () => {
    expect(config.observability?.enabled).toBe(true);
    expect(config.send_metrics).toBe(false);
    expect(config.placement).toEqual({ mode: "smart" });
  });
});
