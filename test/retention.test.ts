import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { createLogger } from "../src/http/log.ts";
import { parseDefaultLimits } from "../src/limits.ts";
import { clearOldRecords } from "../src/retention.ts";
import { createIds } from "../src/vault/ids.ts";
import { createVault } from "../src/vault/vault.ts";
import { runCron } from "./support/consume.ts";
import { watchedDatabase } from "./support/database.ts";
import { logLines } from "./support/logs.ts";
import { recordedDatabase } from "./support/statements.ts";
import { createKey, rows } from "./support/worker.ts";

// What is due is deleted, however much it is; what is not, stays.

const DAY_MS = 24 * 60 * 60 * 1000;
const daysAgo = (days: number) => new Date(Date.now() - days * DAY_MS).toISOString();

const list = (count: number) => JSON.stringify(Array.from({ length: count }, (_, index) => index));

/** Requests that came with an Idempotency-Key, and until when their answers are kept. */
async function haveAnswers(count: number, expiresAt: string, prefix = "old"): Promise<void> {
  await env.DB.prepare(
    `INSERT INTO idempotency_keys (api_key_id, key, fingerprint, lease_holder, expires_at)
     SELECT ?4, ?1 || value, 'f', 'c', ?2 FROM json_each(?3)`,
  )
    .bind(prefix, expiresAt, list(count), (await createKey()).key_id)
    .run();
}

async function haveCreations(count: number): Promise<void> {
  await env.DB.prepare(
    "INSERT INTO key_creations (address_fingerprint, hour, count) SELECT 'a' || value, '2020-01-01T00', 1 FROM json_each(?1)",
  )
    .bind(list(count))
    .run();
}

const services = (db: D1Database, now: () => Date) => ({
  db,
  now,
  log: createLogger({ job: "clear_old_records" }),
  vault: createVault(env.TOKEN_ENCRYPTION_KEYS),
  ids: createIds(env.ID_SECRET),
  defaultLimits: parseDefaultLimits("{}"),
});

const warnings = () => logLines().filter(({ event }) => event === "retention_behind");

describe("what is kept no longer", () => {
  it("is deleted in one run, many batches or one, and says how much it was", async () => {
    await haveAnswers(6_203, daysAgo(1));
    await haveAnswers(3, daysAgo(-1), "new");
    await haveCreations(7);
    await runCron("*/15 * * * *");
    expect(await rows("idempotency_keys")).toHaveLength(3);
    expect(await rows("key_creations")).toEqual([]);
    expect(logLines()).toContainEqual(
      expect.objectContaining({ event: "old_records_cleared", records: "idempotency_keys", count: 6_203 }),
    );
    expect(warnings()).toEqual([]);
  });

  it("goes on in the next run where the time is over, and says so", async () => {
    await haveAnswers(1_600, daysAgo(1));
    await haveCreations(3);
    // Each look at the clock finds it a minute later.
    let time = Date.now();
    const clock = () => {
      time += 60_000;
      return new Date(time);
    };
    await clearOldRecords(services(recordedDatabase, clock), time + 6 * 60_000);
    expect(await rows("idempotency_keys")).toHaveLength(1_100);
    expect(await rows("key_creations")).toEqual([]);
    expect(warnings()).toEqual([
      expect.objectContaining({ level: "warn", records: expect.stringMatching(/idempotency_keys$/) }),
    ]);
    await clearOldRecords(
      services(recordedDatabase, () => new Date()),
      Infinity,
    );
    expect(await rows("idempotency_keys")).toEqual([]);
    expect(warnings()).toHaveLength(1);
  });

  it("leaves D1's thousand queries to the other jobs too, and gives every kind its turn", async () => {
    const cleared: Record<string, number> = {};
    const endless = {
      prepare: (sql: string) => ({
        bind: () => ({
          run: async () => {
            cleared[sql] = (cleared[sql] ?? 0) + 1;
            return { meta: { changes: 500 } };
          },
        }),
      }),
    } as unknown as D1Database;
    await clearOldRecords(
      services(endless, () => new Date()),
      Infinity,
    );
    const batches = Object.values(cleared);
    expect(batches.reduce((sum, count) => sum + count, 0)).toBe(500);
    expect(Math.max(...batches) - Math.min(...batches)).toBeLessThanOrEqual(1);
    expect(warnings()).toHaveLength(1);
  });

  it("is not kept for want of a connection that was lost in passing", async () => {
    await haveAnswers(3, daysAgo(1));
    const { DB } = watchedDatabase({ trip: 1, when: "before", times: 2, passing: true });
    await clearOldRecords(
      services(DB, () => new Date()),
      Infinity,
    );
    expect(await rows("idempotency_keys")).toEqual([]);
  });
});
