import { describe, expect, it } from "vitest";
import { unstable_readConfig as readConfig } from "wrangler";
import { queueNames } from "../scripts/deployment.ts";
import { MAX_ATTEMPTS } from "../src/events/delivery.ts";
import { EVENTS, EVENTS_DEAD_LETTERS, RECONCILIATION } from "../src/queues.ts";
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
      [EVENTS, EVENTS_DEAD_LETTERS, RECONCILIATION].sort(),
    );
  });

  it("has them all made by a deployment, the dead letters too", () => {
    expect(queueNames().sort()).toEqual([EVENTS, EVENTS_DEAD_LETTERS, RECONCILIATION].sort());
  });

  it("gives an event as many attempts as the code plans, and a place for what is left over", () => {
    const consumer = consumers.find(({ queue }) => queue === EVENTS);
    expect(consumer).toMatchObject({
      max_retries: MAX_ATTEMPTS - 1,
      dead_letter_queue: EVENTS_DEAD_LETTERS,
    });
    expect(config.queues.producers).toContainEqual({ binding: "EVENTS", queue: EVENTS });
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
