import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { RECONCILIATION } from "../../src/queues.ts";
import { haveImported } from "../support/answering.ts";
import { deliverQueued, runCron } from "../support/consume.ts";
import { startCustomer } from "../support/customer.ts";
import { brokenDatabase, watchedDatabase } from "../support/database.ts";
import { takeQueued } from "../support/queue.ts";
import { reconcile } from "../support/reconciliation.ts";
import { operations, twilio } from "../support/twilio.ts";
import { call, createAgent, expectError, get, type Key, rows } from "../support/worker.ts";
import { effects } from "../twilio-simulator/faults.ts";
import { addNumber } from "../twilio-simulator/state.ts";

// What two that are at work on the same thing at once must not do to each other, and one thing to the others.

const NUMBER = "/v1/phone-numbers/%2B447446466847";

const healthOf = async (key: Key) =>
  (await (await get(NUMBER, key)).json<{ phone_number: { health: string } }>()).phone_number.health;

const check = (key: Key) => call("POST", `${NUMBER}/check`, key);

async function prepare() {
  const imported = await haveImported();
  const number = [...twilio.state.numbers.values()].find(
    ({ phone_number }) => phone_number === imported.phoneNumber,
  );
  if (!number) throw new Error("no number");
  twilio.state.requests.length = 0;
  return { ...imported, number };
}

describe("a number that somebody is repairing", () => {
  it("is not released meanwhile, and a check does not end the reservation", async () => {
    const { key, number } = await prepare();
    const lease = new Date(Date.now() + 30_000).toISOString();
    await env.DB.prepare("UPDATE phone_numbers SET lease_expires_at = ?1").bind(lease).run();
    await check(key);
    number.voice_url = "https://elsewhere.example";
    await check(key);
    expect(operations()).toEqual(["fetch", "fetch"]);
    await expectError(await call("DELETE", NUMBER, key), 409, "release_in_progress");
  });

  it("is planned anew from what it is by then", async () => {
    const { key, number } = await prepare();
    number.voice_url = "https://elsewhere.example";
    const { fetch } = twilio;
    twilio.fetch = async (request) => {
      twilio.fetch = fetch;
      const response = await fetch(request);
      // Between the list and the repair its owner says that nothing is to be repaired.
      await call("PATCH", NUMBER, key, { drift_policy: "report" });
      return response;
    };
    await reconcile();
    expect(operations()).toEqual(["list"]);
    await reconcile();
    expect(await healthOf(key)).toBe("url_mismatch");
  });
});

describe("a number that was imported anew while the list was read", () => {
  it("is not judged by the list, which has its old state", async () => {
    const { key, body, account, number } = await prepare();
    const customer = startCustomer();
    const agent_id = await createAgent(key, { webhook_url: customer.url });
    const { phone_number } = addNumber(twilio.state, account, { phone_number: "+15005550001" });
    await call("POST", "/v1/phone-numbers", key, { ...body, phone_number });
    number.voice_url = "https://elsewhere.example";
    const { fetch } = twilio;
    twilio.fetch = async (request) => {
      twilio.fetch = fetch;
      const list = await fetch(request);
      expect((await call("DELETE", NUMBER, key)).status).toBe(200);
      expect((await call("POST", "/v1/phone-numbers", key, { ...body, agent_id })).status).toBe(201);
      twilio.state.requests.length = 0;
      return list;
    };
    await reconcile();
    // It asks only whether the number's texts will arrive.
    expect(operations()).toEqual(["services"]);
    expect(customer.events().map(({ event }) => event)).toEqual(["number.imported"]);
  });
});

describe("an account that is well again", () => {
  it("is known to be as soon as a check or a token says so", async () => {
    const { key, account } = await prepare();
    twilio.faults.add({ effect: effects.serverErrorHtml, times: null });
    await reconcile();
    expect(await healthOf(key)).toBe("unreachable");
    twilio.faults.clear();
    await check(key);
    expect(await healthOf(key)).toBe("ok");

    twilio.faults.add({ effect: effects.authenticate, times: null });
    await reconcile();
    expect(await healthOf(key)).toBe("credentials_rejected");
    twilio.faults.clear();
    expect((await call("PATCH", NUMBER, key, { twilio_token: account.authToken })).status).toBe(200);
    expect(await healthOf(key)).toBe("ok");
  });

  it("is not called rejected by a check that still used the token before", async () => {
    const { key, account } = await prepare();
    const token = "n".repeat(32);
    const { fetch } = twilio;
    let isReplaced = false;
    twilio.fetch = async (request) => {
      if (!isReplaced && request.url.includes("PageSize=1000")) {
        isReplaced = true;
        account.authToken = token;
        await call("PATCH", NUMBER, key, { twilio_token: token });
      }
      return fetch(request);
    };
    await reconcile();
    expect(isReplaced).toBe(true);
    expect(await healthOf(key)).toBe("ok");
  });
});

describe("one number", () => {
  it("that Twilio refuses twice holds up no other", async () => {
    const { key, account, body, number } = await prepare();
    const other = addNumber(twilio.state, account, { phone_number: "+15005550001" });
    await call("POST", "/v1/phone-numbers", key, { ...body, phone_number: "+15005550001" });
    for (const { sid } of [number, other]) {
      const drifted = twilio.state.numbers.get(sid);
      if (drifted) Object.assign(drifted, { voice_url: "https://elsewhere.example", sms_url: "" });
    }
    twilio.faults.add({ operation: "update", effect: effects.cannotText });
    twilio.faults.add({ operation: "update", effect: effects.invalidUrl });
    await reconcile();
    const mended = [...twilio.state.numbers.values()].filter(({ voice_url }) =>
      voice_url?.includes("/voice#"),
    );
    expect(mended).toHaveLength(1);
    const left = await rows<{ lease_expires_at: string | null; changing_channel: string | null }>(
      "phone_numbers",
    );
    // One cannot text: recovery gives that channel back, when the lease is over.
    expect(left.filter(({ changing_channel }) => changing_channel === "sms")).toHaveLength(1);
    for (const { lease_expires_at, changing_channel } of left)
      expect(lease_expires_at === null).toBe(changing_channel === null);
  });
});

describe("an account with many numbers that are gone", () => {
  it("is worked through run by run, and costs nothing more once that is known", async () => {
    const { key } = await prepare();
    const [account] = await rows<{ id: string }>("twilio_accounts");
    const insert = env.DB.prepare(
      `INSERT INTO phone_numbers (id, phone_number, api_key_id, twilio_account_id, twilio_number_sid, state, lease_holder,
         previous_configuration_sealed, created_at, updated_at)
       VALUES (?1, ?2, ?3, ?4, ?5, 'active', 'c', 'x', '2020', '2020')`,
    );
    const gone = Array.from({ length: 200 }, (_, index) => String(index).padStart(4, "0"));
    await env.DB.batch(
      gone.map((n) =>
        insert.bind(`num_${n}`, `+1500555${n}`, key.key_id, account?.id, `PN${n.padStart(32, "0")}`),
      ),
    );
    const check = async (overrides: Partial<Env> = {}) => {
      await env.DB.prepare("UPDATE twilio_accounts SET next_check_at = '2020'").run();
      await env.DB.prepare(
        `INSERT OR REPLACE INTO reseal_progress (column_name, key_id, position, found, done_at, canary)
         VALUES ('phone_numbers.previous_configuration_sealed', 'test', '[]', 0, '2020', '')`,
      ).run();
      await runCron("*/15 * * * *");
      await deliverQueued(RECONCILIATION, overrides);
    };
    const missing = async () =>
      (await rows<{ health: string }>("phone_numbers")).filter(({ health }) => health === "number_missing")
        .length;
    await check();
    expect(await missing()).toBe(150);
    // The message has sent itself on.
    await deliverQueued(RECONCILIATION);
    expect(await missing()).toBe(200);
    await check();
    takeQueued(RECONCILIATION);
    twilio.state.requests.length = 0;
    const { DB, trips } = watchedDatabase();
    await check({ DB });
    expect(operations()).toEqual(["list"]);
    // The claim, the SIDs, the rows, the end, and a claim that finds nothing more.
    expect(trips()).toBe(5);
  });
});

describe("a check that fails", () => {
  it("lets go of its account", async () => {
    await prepare();
    await env.DB.prepare("UPDATE twilio_accounts SET next_check_at = '2020'").run();
    await runCron("*/15 * * * *");
    await deliverQueued(RECONCILIATION, { DB: watchedDatabase({ trip: 2, when: "before" }).DB });
    expect(await rows("twilio_accounts")).toEqual([
      expect.objectContaining({ check_lease_expires_at: null }),
    ]);
  });

  it("is taken up by the queue again if not even a claim gets through", async () => {
    await prepare();
    await env.DB.prepare("UPDATE twilio_accounts SET next_check_at = '2020'").run();
    await runCron("*/15 * * * *");
    const { retried } = await deliverQueued(RECONCILIATION, { DB: brokenDatabase });
    expect(retried).toEqual([{ message: expect.objectContaining({ kind: "check_due" }), delaySeconds: 120 }]);
  });
});

describe("the lease of a check", () => {
  const leaseEnd = async () =>
    Date.parse(
      (await rows<{ check_lease_expires_at: string }>("twilio_accounts"))[0]?.check_lease_expires_at ?? "",
    );

  // Whoever reads a long list is not taken for dead, and does not write for each page.
  it.each([
    [14, false],
    [16, true],
  ])("%i seconds later is renewed: %s", async (seconds, isRenewed) => {
    const { number } = await prepare();
    number.voice_url = "https://elsewhere.example";
    const start = Date.now();
    vi.useFakeTimers({ toFake: ["Date"], now: start });
    const { fetch } = twilio;
    const ends: number[] = [];
    twilio.fetch = async (request) => {
      ends.push(await leaseEnd());
      if (ends.length === 1) vi.setSystemTime(start + seconds * 1_000);
      return fetch(request);
    };
    await reconcile();
    expect(operations()).toEqual(["list", "update"]);
    const [atFirst = 0, atLast = 0] = ends;
    expect(atLast - atFirst).toBe(isRenewed ? seconds * 1_000 : 0);
  });
});
