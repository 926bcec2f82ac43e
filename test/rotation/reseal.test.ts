import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { readConfig } from "../../src/config.ts";
import { payloadSlot } from "../../src/events/event.ts";
import { baseServices } from "../../src/http/base-services.ts";
import { createLogger } from "../../src/http/log.ts";
import { OUTBOXES, objectsStatus, SEALED_COLUMNS, statusStatements } from "../../src/rotation/columns.ts";
import { resealOldest } from "../../src/rotation/reseal.ts";
import { credentialSlot } from "../../src/twilio-accounts/credential.ts";
import { createVault } from "../../src/vault/vault.ts";
import { haveImported, tell } from "../support/answering.ts";
import { runCron } from "../support/consume.ts";
import { startCustomer } from "../support/customer.ts";
import { expectErrorLog, logLines } from "../support/logs.ts";
import { breakOutboxes, outboxRows, withConfig, withStorage } from "../support/outbox.ts";
import { BASE, call, expectError, send } from "../support/worker.ts";

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
/** Which sealing keys hold the events in the outboxes. */
const outboxKeyIds = async () => {
  const rows = await outboxRows<{ payload_sealed: string }>();
  return [...new Set(rows.map(({ payload_sealed }) => payload_sealed.split(".")[1]))];
};
/** The cron, with a keyring that the outboxes have, too. */
const cron = (keys: typeof rotated) =>
  withConfig({ tokenEncryptionKeys: keys.TOKEN_ENCRYPTION_KEYS }, () => runCron(CRON, keys));
const progress = async () => {
  const sql = "SELECT position, found, done_at FROM reseal_progress WHERE column_name = ?1";
  return env.DB.prepare(sql).bind(OUTBOXES).first<{ position: string; done_at: string | null }>();
};

const sealed = (id: string) => createVault(OLD).seal("{}", payloadSlot(id));

async function haveEverything() {
  const customer = startCustomer();
  const imported = await haveImported({ webhook_url: customer.url, welcome_message: "Welcome" });
  const { key, account } = imported;
  for (const _ of [1, 2]) await call("POST", "/v1/webhooks/secret", key);
  await call("POST", "/v1/agents", key, { name: "x" }, { headers: { "idempotency-key": "abc" } });
  account.secondaryAuthToken = "e".repeat(32);
  await call("PATCH", "/v1/phone-numbers/%2B447446466847", key, { twilio_token: account.secondaryAuthToken });
  const { id } = (await env.DB.prepare("SELECT id FROM twilio_accounts").first<{ id: string }>()) ?? {
    id: "",
  };
  const signingKeys = await createVault(OLD).seal("[]", credentialSlot({ id }));
  await env.DB.batch([
    env.DB.prepare("UPDATE twilio_accounts SET signing_keys_sealed = ?1").bind(signingKeys),
    // As another number of the account would have left it a moment ago.
    env.DB.prepare(
      `INSERT INTO released_numbers (id, twilio_account_id, api_key_id, agent_id, phone_number, account_sid, region,
         auth_token_sealed, previous_auth_token_sealed, auth_token_changed_at, signing_keys_sealed, released_at)
       SELECT 'num_released', id, api_key_id, NULL, '+15005550001', account_sid, region,
         auth_token_sealed, previous_auth_token_sealed, auth_token_changed_at, signing_keys_sealed, '2999' FROM twilio_accounts`,
    ),
    env.DB.prepare(
      `INSERT INTO pending_events (id, api_key_id, agent_id, lane, type, payload_sealed, created_at)
       VALUES ('evt_waiting', ?1, ?2, 'x', 'webhook.test', ?3, '2026')`,
    ).bind(key.key_id, imported.agentId, await sealed("evt_waiting")),
  ]);
  return { customer, ...imported };
}

describe("a new key that comes first in TOKEN_ENCRYPTION_KEYS", () => {
  it("seals everything anew, and the old key may go", async () => {
    const imported = await haveEverything();
    expect(await keyIds()).toEqual(["test"]);
    expect((await counts()).map(({ sealed }) => sealed).sort()).toEqual(
      SEALED_COLUMNS.map(({ table, column }) => `${table}.${column}`).sort(),
    );
    expect(await outboxKeyIds()).toEqual(["test"]);
    await cron(rotated);
    expect([await keyIds(), await outboxKeyIds()]).toEqual([["next"], ["next"]]);

    const { account, key } = imported;
    const call1 = await tell(imported, "voice", { CallSid: "CA1" }, { env: onlyNew });
    expect(await call1.text()).toContain("Welcome");
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
    await cron(rotated);
    await cron(rotated);
    const { results } = await env.DB.prepare("SELECT done_at FROM reseal_progress").all<{
      done_at: string | null;
    }>();
    expect(results).toHaveLength(SEALED_COLUMNS.length + 2);
    expect(results.every(({ done_at }) => done_at !== null)).toBe(true);
    await cron({ TOKEN_ENCRYPTION_KEYS: `${OLD},${NEW}` });
    expect([await keyIds(), await outboxKeyIds()]).toEqual([["test"], ["test"]]);
  });

  it("goes through many rows by batches, and is not stopped by one that does not open", async () => {
    expectErrorLog("not_resealed");
    const { key } = await haveEverything();
    const insert = env.DB.prepare(
      `INSERT INTO idempotency_keys (key, api_key_id, fingerprint, lease_holder, response_sealed, expires_at)
       VALUES (?1, ?2, '', '', 'v1.gone.AAAA.AAAA', '9999')`,
    );
    const ids = Array.from({ length: 250 }, (_, index) => `key-${index}`);
    await env.DB.batch(ids.map((id) => insert.bind(id, key.key_id)));
    await cron(rotated);
    expect((await counts()).filter(({ key_id }) => key_id === "test")).toEqual([]);
    expect((await counts()).find(({ key_id }) => key_id === "gone")).toMatchObject({ count: 250 });
    // One line for each batch, and no line for each row.
    const lines = logLines().filter(({ column }) => column === "idempotency_keys.response_sealed");
    expect(lines.flatMap(({ event, count }) => (event === "not_resealed" ? [count] : []))).toContain(100);
  });
});

describe("GET /healthz", () => {
  const health = (keys: Partial<Env>) => send(new Request(`${BASE}/healthz`), keys);

  it("overwrites nothing that was written meanwhile, and looks once more for what another isolate sealed", async () => {
    await haveImported();
    const stored = "SELECT id, auth_token_sealed AS sealed FROM twilio_accounts";
    const row = await env.DB.prepare(stored).first<{ id: string; sealed: string }>();
    const write = (sealed: string) =>
      env.DB.prepare("UPDATE twilio_accounts SET auth_token_sealed = ?1").bind(sealed).run();
    const vault = createVault(rotated.TOKEN_ENCRYPTION_KEYS);
    const slot = credentialSlot({ id: row?.id ?? "" });
    const byAnother = await createVault(OLD).seal("another token", slot);
    let isWritten = false;
    const services = {
      ...baseServices(env, readConfig({ ...env, ...rotated }), createLogger({})),
      vault: {
        ...vault,
        open: async (...values: Parameters<typeof vault.open>) => {
          const opened = await vault.open(...values);
          // Read by then, and not replaced yet.
          if (values[1] === slot && !isWritten) {
            isWritten = true;
            await write(byAnother);
          }
          return opened;
        },
      },
    };
    await resealOldest(services, Number.POSITIVE_INFINITY);
    const now = await env.DB.prepare(stored).first<{ sealed: string }>();
    expect(now?.sealed.split(".")[1]).toBe("next");
    expect(await vault.open(now?.sealed ?? "", slot)).toBe("another token");
  });

  it("misses the sealing key without which something does not open, also while a pass is under way", async () => {
    await haveEverything();
    await cron({ TOKEN_ENCRYPTION_KEYS: OLD });
    expect((await health({})).status).toBe(200);
    expectErrorLog("request_failed");
    const error = await expectError(await health(onlyNew), 503, "service_misconfigured");
    expect(error.message).toContain('no key "test" in the keyring');
    breakOutboxes({ methods: ["reseal"], times: 2 });
    expectErrorLog("job_failed");
    await expect(cron(rotated)).rejects.toThrow("reseal_objects");
    await expectError(await health(onlyNew), 503, "service_misconfigured");
    await cron(rotated);
    expect((await health(onlyNew)).status).toBe(200);
  });

  it("goes on missing a key that is lost, however often the cron has run", async () => {
    await haveEverything();
    await cron({ TOKEN_ENCRYPTION_KEYS: OLD });
    expectErrorLog("not_resealed");
    expectErrorLog("request_failed");
    await cron(onlyNew);
    await cron(onlyNew);
    await expectError(await health(onlyNew), 503, "service_misconfigured");
  });
});

describe("the outboxes", () => {
  it("are gone through one after the other, and one that does not answer stops the pass there", async () => {
    expectErrorLog("job_failed");
    await haveEverything();
    breakOutboxes({ methods: ["reseal"], times: 2 });
    await expect(cron(rotated)).rejects.toThrow("reseal_objects");
    await cron(rotated);
    expect(await outboxKeyIds()).toEqual(["next"]);
    expect(await progress()).toMatchObject({ done_at: expect.any(String) });
    expect(await env.DB.prepare(objectsStatus()).first()).toMatchObject({ key_id: "next", keys: 1 });
  });

  it("leave what does not open as it is", async () => {
    expectErrorLog("not_resealed");
    await haveEverything();
    await withStorage((sql) => sql.exec("UPDATE events SET payload_sealed = 'v1.gone.AAAA.AAAA'"));
    await cron(rotated);
    expect(await outboxKeyIds()).toContain("gone");
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
