import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { runCron } from "../support/consume.ts";
import { watchedDatabase } from "../support/database.ts";

// D1 allows a thousand queries in one invocation. https://developers.cloudflare.com/d1/platform/limits/
const BUDGET = 1_000;

const KEYS = 20_000;
const WAITING = 5_000;
const numbers = (count: number) => JSON.stringify(Array.from({ length: count }, (_, index) => index));
const idOf = (prefix: string) => `'${prefix}_' || printf('%032d', value)`;

it("one run of the cron stays under its budget with 20,000 keys, a rotation and an outage behind it", async () => {
  await env.DB.batch([
    env.DB.prepare(
      `INSERT INTO api_keys (id, name, created_at, has_objects) SELECT ${idOf("nxf")}, '', '2026', 1 FROM json_each(?1)`,
    ).bind(numbers(KEYS)),
    env.DB.prepare(
      `INSERT INTO pending_events (id, api_key_id, agent_id, lane, type, payload_sealed, created_at)
       SELECT ${idOf("evt")}, ${idOf("nxf")}, 'a', 'l', 'webhook.test', 'v1.test.AAAA.AAAA', '2026' FROM json_each(?1)`,
    ).bind(numbers(WAITING)),
  ]);
  let calls = 0;
  const object = {
    accept: async () => ({ works: [], moved: null }),
    reseal: async () => {
      calls += 1;
      return { found: 1, position: null };
    },
  };
  const namespace = { idFromName: (name: string) => name, get: () => object, getByName: () => object };
  const { DB, trips } = watchedDatabase();
  const overrides = { DB, EVENT_OUTBOX: namespace, CALL_LOG: namespace } as unknown as Partial<Env>;
  await runCron("*/15 * * * *", overrides);
  expect(calls).toBe(1_000);
  expect(await env.DB.prepare("SELECT COUNT(*) AS count FROM pending_events").first("count")).toBe(0);
  expect(trips()).toBeLessThan(BUDGET / 2);
  await runCron("*/15 * * * *", overrides);
  expect(calls).toBe(2_000);
});
