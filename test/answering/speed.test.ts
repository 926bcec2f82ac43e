import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { cachedRoute, loadRoute } from "../../src/answering/route-cache.ts";
import { createLogger } from "../../src/http/log.ts";
import worker from "../../src/index.ts";
import { parseDefaultLimits } from "../../src/limits.ts";
import { sign } from "../../src/twilio/signature.ts";
import { WEBHOOK_PATH } from "../../src/twilio/webhook-urls.ts";
import { createIds } from "../../src/vault/ids.ts";
import { createVault } from "../../src/vault/vault.ts";
import { haveImported, type Imported, tell, webhookUrl } from "../support/answering.ts";
import { startCustomer } from "../support/customer.ts";
import { watchedDatabase } from "../support/database.ts";
import { logLines } from "../support/logs.ts";
import { metered, newMeter } from "../support/metered-database.ts";
import { bindings, call } from "../support/worker.ts";

// What a caller waits for, counted in round trips to D1.

/**
 * Rings, and says how many trips were made before the answer and how many in all. Writes are held back until the answer
 * is there: one that waited for them would never come. The request's log line comes after it, too.
 */
async function trips({ id, account }: Imported, path = "voice", callSid = "CA1"): Promise<[number, number]> {
  const database = watchedDatabase();
  const answered = Promise.withResolvers<void>();
  const DB = {
    prepare: (query: string) => database.DB.prepare(query),
    batch: async (statements: D1PreparedStatement[]) => {
      await answered.promise;
      return database.DB.batch(statements);
    },
    withSession: (constraint: string) => database.DB.withSession(constraint),
  } as unknown as D1Database;
  const form = new URLSearchParams({ AccountSid: account.sid, CallSid: callSid, CallStatus: "ringing" });
  const headers = {
    "content-type": "application/x-www-form-urlencoded",
    "x-twilio-signature": await sign(account.authToken, webhookUrl(id, path), form),
  };
  const request = new Request(webhookUrl(id, path), { method: "POST", headers, body: form.toString() });
  const requestLines = () => logLines().filter(({ event }) => event === "request");
  const known = requestLines().length;
  const context = createExecutionContext();
  const response = await worker.fetch(
    request as Request<unknown, IncomingRequestCfProperties>,
    { ...bindings, DB },
    context,
  );
  expect(response.status).toBeLessThan(300);
  const before = database.trips();
  expect(requestLines()).toHaveLength(known);
  answered.resolve();
  await waitOnExecutionContext(context);
  expect(requestLines().slice(known)).toMatchObject([{ route: `${WEBHOOK_PATH}/:account/:id/${path}` }]);
  return [before, database.trips()];
}

describe("trips to D1 before a call is answered", () => {
  it("are one where the number is not in the cache, none where it is", async () => {
    const imported = await haveImported();
    expect((await trips(imported))[0]).toBe(1);
    expect((await trips(imported, "voice", "CA2"))[0]).toBe(0);
    expect((await trips(imported, "sms"))[0]).toBe(0);
    expect((await trips(imported, "status"))[0]).toBe(0);
  });

  it("leave the sign of life for afterwards, and within the hour nothing: events are none of D1's business", async () => {
    const customer = startCustomer();
    const imported = await haveImported({ webhook_url: customer.url });
    expect(await trips(imported)).toEqual([1, 2]);
    expect(await trips(imported, "voice", "CA2")).toEqual([0, 0]);
    expect(await trips(imported, "status", "CA2")).toEqual([0, 0]);
    expect(customer.events().map(({ event }) => event)).toEqual([
      "number.imported",
      "call.started",
      "call.started",
    ]);
  });

  it("write one row for a call with its events, none within the hour", async () => {
    const imported = await haveImported({ webhook_url: startCustomer().url });
    const written = async (CallSid: string) => {
      const meter = newMeter();
      const DB = metered(env.DB, meter);
      await tell(imported, "voice", { CallSid, CallStatus: "ringing" }, { env: { DB } });
      await tell(imported, "status", { CallSid, CallStatus: "completed" }, { env: { DB } });
      return meter.rowsWritten;
    };
    expect([await written("CA1"), await written("CA2")]).toEqual([1, 0]);
  });

  it("are one again after 30 seconds", async () => {
    const imported = await haveImported();
    await trips(imported);
    const now = Date.now();
    vi.useFakeTimers({ toFake: ["Date"], now: now + 29_000 });
    try {
      expect((await trips(imported, "voice", "CA2"))[0]).toBe(0);
      vi.setSystemTime(now + 31_000);
      expect((await trips(imported, "voice", "CA3"))[0]).toBe(1);
    } finally {
      vi.useRealTimers();
    }
  });

  it("are one again after a change made by this isolate", async () => {
    const imported = await haveImported();
    await trips(imported);
    await call("PUT", `/v1/agents/${imported.agentId}`, imported.key, { name: "Other" });
    expect((await trips(imported, "voice", "CA2"))[0]).toBe(1);
  });

  it("keep the cache bounded", async () => {
    await haveImported();
    const vault = createVault(env.TOKEN_ENCRYPTION_KEYS);
    // Every id leads to this one row.
    const found = await env.DB.prepare("SELECT * FROM twilio_accounts").first<Record<string, unknown>>();
    const DB = {
      prepare: () => ({
        bind: () => ({
          first: async () => ({
            ...found,
            twilio_account_id: found?.id,
            phone_number: "+1",
            account_reasons: "[]",
            inbound_enabled: 1,
            channels: '["voice","sms"]',
            agent_id: null,
            limits: null,
            call_log_parts: null,
            outbox_parts: null,
            countries: null,
            metadata: null,
            settings: null,
          }),
        }),
      }),
    } as unknown as D1Database;
    const services = {
      db: DB,
      vault,
      ids: createIds(env.ID_SECRET),
      defaultLimits: parseDefaultLimits("{}"),
      log: createLogger({}),
      now: () => new Date(),
      count: async () => undefined,
      onRefused: () => undefined,
    };
    for (let index = 0; index <= 1_000; index += 1) await loadRoute(`num_test_${index}`, "primary", services);
    expect(cachedRoute("num_test_0", new Date())).toBeUndefined();
    expect(cachedRoute("num_test_1", new Date())).toBeDefined();
    expect(cachedRoute("num_test_1000", new Date())).toBeDefined();
  });
});
