import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { SEALED_COLUMNS, statusStatements } from "../../src/rotation/columns.ts";
import { haveImported, tell } from "../support/answering.ts";
import { deliverQueued, runCron } from "../support/consume.ts";
import { startCustomer } from "../support/customer.ts";
import { expectErrorLog } from "../support/logs.ts";
import { call } from "../support/worker.ts";

const OLD = env.TOKEN_ENCRYPTION_KEYS;
const NEW = "next:HhwaGBYUEhAODAoIBgQCAB8dGxkXFRMRDw0LCQcFAwE";
const rotated = { TOKEN_ENCRYPTION_KEYS: `${NEW},${OLD}` };
const onlyNew = { TOKEN_ENCRYPTION_KEYS: NEW };
const CRON = "*/15 * * * *";

type Count = { sealed: string; key_id: string; count: number };
const counts = async () => {
  const results = await env.DB.batch<Count>(statusStatements().map((sql) => env.DB.prepare(sql)));
  return results.flatMap(({ results: found }) => found);
};
const keyIds = async () => [...new Set((await counts()).map(({ key_id }) => key_id))];

async function haveEverything() {
  const customer = startCustomer();
  const imported = await haveImported({ webhook_url: customer.url, welcome_message: "Welcome" });
  const { key, account } = imported;
  for (const _ of [1, 2]) await call("POST", "/v1/webhooks/secret", key);
  await call("POST", "/v1/agents", key, { name: "x" }, { headers: { "idempotency-key": "abc" } });
  account.secondaryAuthToken = "e".repeat(32);
  await call("PATCH", "/v1/phone-numbers/%2B447446466847", key, { twilio_token: account.secondaryAuthToken });
  return { customer, ...imported };
}

describe("a new key that comes first in TOKEN_ENCRYPTION_KEYS", () => {
  it("seals everything anew, and the old key may go", async () => {
    const imported = await haveEverything();
    expect(await keyIds()).toEqual(["test"]);
    expect((await counts()).map(({ sealed }) => sealed).sort()).toEqual(
      SEALED_COLUMNS.map(({ table, column }) => `${table}.${column}`).sort(),
    );
    await runCron(CRON, rotated);
    expect(await keyIds()).toEqual(["next"]);

    const { account, key, customer } = imported;
    const call1 = await tell(imported, "voice", { CallSid: "CA1" }, { env: onlyNew });
    expect(await call1.text()).toContain("Welcome");
    await deliverQueued(undefined, onlyNew);
    expect(customer.events().map(({ event }) => event)).toContain("number.imported");
    const headers = { "idempotency-key": "abc" };
    const replayed = await call("POST", "/v1/agents", key, { name: "x" }, { headers, env: rotated });
    expect(replayed.headers.get("idempotent-replayed")).toBe("true");
    const released = await call("DELETE", "/v1/phone-numbers/%2B447446466847", key, undefined, {
      env: onlyNew,
    });
    expect(await released.json()).toMatchObject({ phone_number: { twilio: { voice: "cleared" } } });
    expect(account.secondaryAuthToken).toBeDefined();
  });

  it("costs one query once it is done, and begins anew with the next key", async () => {
    await haveEverything();
    await runCron(CRON, rotated);
    await runCron(CRON, rotated);
    const { results } = await env.DB.prepare("SELECT done_at FROM reseal_progress").all<{
      done_at: string | null;
    }>();
    expect(results).toHaveLength(SEALED_COLUMNS.length);
    expect(results.every(({ done_at }) => done_at !== null)).toBe(true);
    await runCron(CRON, { TOKEN_ENCRYPTION_KEYS: `${OLD},${NEW}` });
    expect(await keyIds()).toEqual(["test"]);
  });

  it("goes through many rows by batches, and is not stopped by one that does not open", async () => {
    expectErrorLog("not_resealed");
    const { key } = await haveEverything();
    const insert = env.DB.prepare(
      `INSERT INTO events (id, api_key_id, agent_id, type, payload_sealed, state, attempts_left, created_at, updated_at)
       VALUES (?1, ?2, 'agent_x', 'webhook.test', 'v1.gone.AAAA.AAAA', 'failed', 0, '9999', '9999')`,
    );
    const ids = Array.from({ length: 250 }, (_, index) => `evt_${String(index).padStart(32, "0")}`);
    await env.DB.batch(ids.map((id) => insert.bind(id, key.key_id)));
    await runCron(CRON, rotated);
    expect((await counts()).filter(({ key_id }) => key_id === "test")).toEqual([]);
    expect((await counts()).find(({ key_id }) => key_id === "gone")).toMatchObject({ count: 250 });
  });
});

describe("the list of sealed columns", () => {
  it("has every column that is called sealed", async () => {
    const tables = "SELECT name, sql FROM sqlite_master WHERE type = 'table'";
    const { results } = await env.DB.prepare(tables).all<{ name: string; sql: string }>();
    const sealed = results.flatMap(({ name, sql }) =>
      [...sql.matchAll(/^\s*(\w+_sealed) TEXT|, (\w+_sealed) TEXT/gm)].map(([, a, b]) => `${name}.${a ?? b}`),
    );
    expect(sealed.sort()).toEqual(SEALED_COLUMNS.map(({ table, column }) => `${table}.${column}`).sort());
  });
});
