import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { newId } from "../../src/ids.ts";
import { RECONCILIATION } from "../../src/queues.ts";
import { credentialSlot } from "../../src/twilio-accounts/credential.ts";
import { createVault } from "../../src/vault/vault.ts";
import { haveImported, tell } from "../support/answering.ts";
import { deliverQueued, runCron } from "../support/consume.ts";
import { startCustomer } from "../support/customer.ts";
import { watchedDatabase } from "../support/database.ts";
import { expectErrorLog, expectLine, logLines } from "../support/logs.ts";
import { breakQueue, enqueueIn, queued, takeQueued } from "../support/queue.ts";
import { reconcile } from "../support/reconciliation.ts";
import { requiresApiKey } from "../support/security.ts";
import { operations, twilio } from "../support/twilio.ts";
import { call, createKey, expectError, get, type Key, rows } from "../support/worker.ts";
import { type Effect, effects } from "../twilio-simulator/faults.ts";
import type { NumberResource } from "../twilio-simulator/resource.ts";
import { addAccount, addNumber } from "../twilio-simulator/state.ts";

const NUMBER = "/v1/phone-numbers/%2B447446466847";

async function prepare(agent: Record<string, unknown> = {}) {
  const customer = startCustomer();
  const imported = await haveImported({ webhook_url: customer.url, ...agent });
  customer.received.length = 0;
  const number = [...twilio.state.numbers.values()].find(
    ({ phone_number }) => phone_number === imported.phoneNumber,
  );
  if (!number) throw new Error("no number");
  const edit = (fields: Partial<NumberResource>) => Object.assign(number, fields);
  const told = () => customer.events().map(({ event }) => event);
  twilio.state.requests.length = 0;
  return { customer, ...imported, number, edit, told, inOrder: structuredClone(number) };
}

type Entry = { health: string; health_reasons: string[]; checked_at: string | null; drift_policy: string };
const entry = async (key: Key) =>
  (await (await get(NUMBER, key)).json<{ phone_number: Entry }>()).phone_number;

const withoutDate = ({ date_updated: _, ...number }: NumberResource) => number;

describe("a number that somebody changed at Twilio", () => {
  const edits: [Partial<NumberResource>, string][] = [
    [{ voice_url: "https://elsewhere.example/voice" }, "url_mismatch"],
    [{ sms_method: "GET" }, "wrong_method"],
    [{ trunk_sid: `TK${"9".repeat(32)}` }, "overridden_by_trunk"],
    [{ voice_fallback_url: "" }, "fallback_missing"],
    [{ status_callback: "" }, "url_mismatch"],
    [{ voice_receive_mode: "fax" }, "receives_fax"],
  ];
  it.each(edits)("is mended: %j", async (change, reason) => {
    const { edit, key, number, inOrder, told, customer } = await prepare();
    edit(change);
    await reconcile();
    expect(withoutDate(number)).toEqual(withoutDate(inOrder));
    expect(operations()).toEqual(["list", "update"]);
    expect(told()).toEqual(["number.repaired"]);
    expect(customer.events()[0]).toMatchObject({ reasons: [reason], phone_number: "+447446466847" });
    expect(await entry(key)).toMatchObject({
      health: "ok",
      health_reasons: [],
      checked_at: expect.any(String),
    });
  });

  it("is mended by what differs and nothing else", async () => {
    const { edit } = await prepare();
    edit({ voice_url: "https://elsewhere.example/voice" });
    await reconcile();
    const update = twilio.state.requests.find(({ operation }) => operation === "update");
    expect(Object.keys(update?.parameters ?? {})).toEqual(["VoiceUrl"]);
  });

  it("is not mended for want of connection overrides, which come with the next repair", async () => {
    const { edit, number, inOrder, told } = await prepare();
    const plain = (url: string | null) => (url ?? "").replace(/#.*/, "");
    edit({ voice_url: plain(number.voice_url), sms_url: plain(number.sms_url) });
    await reconcile();
    expect(operations()).toEqual(["list"]);
    edit({ sms_url: "https://elsewhere.example/sms" });
    await reconcile();
    expect(number.sms_url).toBe(inOrder.sms_url);
    expect(number.voice_url).toBe(plain(inOrder.voice_url));
    expect(await told()).toEqual(["number.repaired"]);
  });

  it("is only reported where its owner says so, once per change", async () => {
    const { edit, key, told, number } = await prepare();
    expect((await call("PATCH", NUMBER, key, { drift_policy: "report" })).status).toBe(200);
    edit({ voice_url: "https://elsewhere.example/voice" });
    for (let run = 0; run < 3; run += 1) await reconcile();
    expect(operations()).toEqual(["list", "list", "list"]);
    expect(number.voice_url).toBe("https://elsewhere.example/voice");
    expect(told()).toEqual(["number.changed", "number.drifted"]);
    expect(await entry(key)).toMatchObject({ health: "url_mismatch", health_reasons: ["url_mismatch"] });
    edit({ sms_url: "", voice_method: "GET" });
    await reconcile();
    expect(told()).toEqual(["number.changed", "number.drifted", "number.drifted"]);
  });

  it("is only reported if its key was revoked: nobody could release it", async () => {
    const { edit, key, number } = await prepare();
    const headers = { authorization: `Bearer ${env.ADMIN_TOKEN}` };
    await call("DELETE", `/v1/keys/${key.key_id}`, key, undefined, { headers });
    edit({ voice_url: "https://elsewhere.example/voice" });
    await reconcile();
    expect(number.voice_url).toBe("https://elsewhere.example/voice");
    expect((await rows<{ health: string }>("phone_numbers"))[0]?.health).toBe("url_mismatch");
  });

  it("three times and again is left alone, and its owner is told", async () => {
    const { edit, key, told, number } = await prepare();
    for (let round = 0; round < 5; round += 1) {
      edit({ voice_url: "https://fighter.example" });
      await reconcile();
    }
    expect(told()).toEqual(["number.repaired", "number.repaired", "number.repaired", "number.drifted"]);
    expect(number.voice_url).toBe("https://fighter.example");
    expect((await entry(key)).health_reasons).toEqual(["url_mismatch", "repair_contested"]);
    // Setting the policy anew ends the contest.
    await call("PATCH", NUMBER, key, { drift_policy: "repair" });
    await reconcile();
    expect(number.voice_url).toContain("/voice");
    expect(await entry(key)).toMatchObject({ health: "ok" });
  });

  it("and back is in order again, without a word", async () => {
    const { edit, key, told, inOrder } = await prepare();
    await call("PATCH", NUMBER, key, { drift_policy: "report" });
    edit({ voice_url: "https://elsewhere.example/voice" });
    await reconcile();
    edit({ voice_url: inOrder.voice_url });
    await reconcile();
    expect(await entry(key)).toMatchObject({ health: "ok", health_reasons: [] });
    expect(told()).toEqual(["number.changed", "number.drifted"]);
  });

  it.each<[string, Effect]>([
    ["refused", effects.invalidUrl],
    ["ignored", effects.ignored],
    ["down", effects.serverErrorHtml],
  ])("stays as it is where the repair is %s, and others are not held up", async (_, effect) => {
    const { edit, key, told, account, body } = await prepare();
    const other = addNumber(twilio.state, account, { phone_number: "+15005550001" });
    expect(
      (await call("POST", "/v1/phone-numbers", key, { ...body, phone_number: "+15005550001" })).status,
    ).toBe(201);
    edit({ voice_url: "https://elsewhere.example/voice" });
    other.voice_url = "https://elsewhere.example/voice";
    twilio.faults.add({ operation: "update", effect });
    await reconcile();
    const pointing = [...twilio.state.numbers.values()].filter(({ voice_url }) =>
      voice_url?.includes("/webhooks/"),
    );
    expect(pointing).toHaveLength(1);
    expect(told().sort()).toEqual(["number.drifted", "number.imported", "number.repaired"]);
  });

  it("that cannot text and does not say so is in order", async () => {
    const { number, key, told } = await prepare();
    Object.assign(number, { capabilities: null, sms_url: "", sms_fallback_url: "" });
    twilio.faults.add({ operation: "update", effect: effects.cannotText, times: null });
    await reconcile();
    expect(await entry(key)).toMatchObject({ health: "ok" });
    expect(told()).toEqual([]);
  });
});

describe("a number that its account does not have any more", () => {
  it("is number_missing, once", async () => {
    const { key, number, told } = await prepare();
    twilio.state.numbers.delete(number.sid);
    await reconcile();
    await reconcile();
    expect(await entry(key)).toMatchObject({ health: "number_missing", health_reasons: ["number_missing"] });
    expect(told()).toEqual(["number.missing"]);
    expect(operations()).toEqual(["list", "fetch", "list"]);
  });

  it("is asked for by itself before it is called missing", async () => {
    const { key, number, told } = await prepare();
    const list = Response.json({ incoming_phone_numbers: [], next_page_uri: null });
    twilio.faults.add({
      operation: "list",
      effect: { kind: "respond", status: 200, body: await list.text() },
    });
    await reconcile();
    expect(operations()).toEqual(["list", "fetch"]);
    expect(await entry(key)).toMatchObject({ health: "ok" });
    expect(told()).toEqual([]);
    expect(number.voice_url).toContain("/voice");
  });

  it("is not missing because its entry is strange", async () => {
    const { key, number } = await prepare();
    Object.assign(number, { voice_url: 17 });
    await reconcile();
    expect(await entry(key)).toMatchObject({ health: "ok" });
  });
});

describe("an account", () => {
  it("whose credentials Twilio refuses is told of once, and looked at ever more seldom", async () => {
    const { key, account, told, customer } = await prepare();
    account.authToken = "0".repeat(32);
    await reconcile();
    // At once: no later run of the cron is needed for it.
    expect(told()).toEqual(["credentials.rejected"]);
    expect(await rows("pending_events")).toEqual([]);
    await reconcile();
    expect(told()).toEqual(["credentials.rejected"]);
    expect(customer.events()[0]).toMatchObject({ twilio_sid: account.sid, reason: "credentials_rejected" });
    expect(await entry(key)).toMatchObject({
      health: "credentials_rejected",
      health_reasons: ["credentials_rejected"],
      checked_at: null,
    });
    const [row] = await rows<{ next_check_at: string; check_failures: number }>("twilio_accounts");
    expect(row?.check_failures).toBe(2);
    expect(Date.parse(row?.next_check_at ?? "") - Date.now()).toBeGreaterThan(3.3 * 3_600_000);
    // No answer does not say that they are right again.
    twilio.faults.add({ effect: effects.reset, times: null });
    await reconcile();
    expect(await entry(key)).toMatchObject({ health: "credentials_rejected" });
    twilio.faults.clear();
    // A new token is tried at once.
    await call("PATCH", NUMBER, key, { twilio_token: account.authToken });
    await reconcile();
    expect(await entry(key)).toMatchObject({ health: "ok" });
  });

  it.each<[string, Effect]>([
    ["down", effects.serverErrorHtml],
    ["limiting", effects.tooManyRequestsRetryAfter(60)],
    ["gone", effects.reset],
  ])("is unreachable while Twilio is %s, and nothing is said of its numbers", async (_, effect) => {
    const { key, told, edit, account } = await prepare();
    edit({ voice_url: "" });
    twilio.faults.add({ effect, times: null });
    await reconcile();
    expect(await entry(key)).toMatchObject({ health: "unreachable" });
    const fields = { account_sid: account.sid, health: "unreachable", error_message: expect.any(String) };
    expectLine("account_not_checked", { level: "warn", ...fields });
    twilio.faults.clear();
    await reconcile();
    expect(await entry(key)).toMatchObject({ health: "ok" });
    expect(told()).toEqual(["number.repaired"]);
  });

  it("costs one request for each thousand numbers, and one for each that is not in order", async () => {
    const { account, key, body, edit } = await prepare();
    for (let index = 0; index < 2_100; index += 1) {
      addNumber(twilio.state, account, { phone_number: `+1500555${String(index).padStart(4, "0")}` });
    }
    for (const phone_number of ["+15005550000", "+15005550001"]) {
      await call("POST", "/v1/phone-numbers", key, { ...body, phone_number });
    }
    twilio.state.requests.length = 0;
    edit({ voice_url: "https://elsewhere.example" });
    await reconcile();
    // And, once a week, one for what Twilio says of the texts of American numbers.
    expect(operations()).toEqual(["list", "list", "list", "update", "services"]);
  });

  it("writes nothing for numbers that are in order", async () => {
    await prepare();
    await reconcile();
    const before = await rows("phone_numbers");
    await reconcile();
    expect(await rows("phone_numbers")).toEqual(before);
  });

  it("is checked by one at a time, and by at most two keys at once", async () => {
    await prepare();
    const lease = new Date(Date.now() + 60_000).toISOString();
    await env.DB.prepare("UPDATE twilio_accounts SET check_lease_expires_at = ?1").bind(lease).run();
    await reconcile();
    expect(operations()).toEqual([]);
    await env.DB.prepare("UPDATE twilio_accounts SET check_lease_expires_at = '2020'").run();
    await reconcile();
    expect(operations()).toEqual(["list"]);
  });

  it("whose token does not open is left for the operator", async () => {
    expectErrorLog("stored_token_unreadable");
    expectErrorLog("not_resealed");
    await prepare();
    await env.DB.prepare("UPDATE twilio_accounts SET auth_token_sealed = 'v1.gone.AAAA.AAAA'").run();
    await reconcile();
    expect(operations()).toEqual([]);
  });
});

const makeDue = () => env.DB.prepare("UPDATE twilio_accounts SET next_check_at = '2020'").run();

/** The accounts that were listed at Twilio, in order. */
const listed = () =>
  twilio.state.requests
    .filter(({ operation }) => operation === "list")
    .map(({ path }) => /AC[0-9a-f]{32}/.exec(path)?.[0]);

/** Accounts with a good token and no number, each due a second after the one before. @returns their SIDs */
async function haveAccounts(count: number, sealed?: string): Promise<string[]> {
  const key = await createKey();
  const vault = createVault(env.TOKEN_ENCRYPTION_KEYS);
  const insert = env.DB.prepare(
    `INSERT INTO twilio_accounts (id, api_key_id, account_sid, region, auth_token_sealed, next_check_at, created_at,
       updated_at) VALUES (?5, ?1, ?2, '', ?3, ?4, '2020', '2020')`,
  );
  const accounts = Array.from({ length: count }, () => addAccount(twilio.state));
  const statements = accounts.map(async ({ sid, authToken }, index) => {
    const id = newId("twilioAccount");
    const slot = credentialSlot({ id });
    const dueAt = new Date(Date.now() - (count - index) * 1000).toISOString();
    return insert.bind(key.key_id, sid, sealed ?? (await vault.seal(authToken, slot)), dueAt, id);
  });
  await env.DB.batch(await Promise.all(statements));
  return accounts.map(({ sid }) => sid);
}

describe("the schedule", () => {
  it("starts a checker if an account is due, and none if none is", async () => {
    await prepare();
    await runCron("*/15 * * * *");
    expect(queued(RECONCILIATION)).toEqual([]);
    await makeDue();
    await runCron("*/15 * * * *");
    expect(queued(RECONCILIATION)).toEqual([{ kind: "check_due", until: expect.stringMatching(/Z$/) }]);
    await deliverQueued(RECONCILIATION);
    expect(operations()).toEqual(["list"]);
    await runCron("*/15 * * * *");
    expect(queued(RECONCILIATION)).toEqual([]);
    const [row] = await rows<{ next_check_at: string }>("twilio_accounts");
    expect(Date.parse(row?.next_check_at ?? "") - Date.now()).toBeGreaterThan(45 * 60 * 1000);
  });

  it("checks each account once, whoever gets which message how often", async () => {
    await prepare();
    await makeDue();
    await runCron("*/15 * * * *");
    enqueueIn(RECONCILIATION, ...queued(RECONCILIATION), ...queued(RECONCILIATION));
    await deliverQueued(RECONCILIATION);
    expect(operations()).toEqual(["list"]);
  });

  it("takes all accounts in turn, the longest due first, with messages that send themselves on", async () => {
    const sids = await haveAccounts(45);
    await runCron("*/15 * * * *");
    expect(queued(RECONCILIATION)).toHaveLength(3);
    const [message] = takeQueued(RECONCILIATION);
    if (!message) throw new Error("no message");
    enqueueIn(RECONCILIATION, message);
    for (const checked of [20, 40, 45]) {
      await deliverQueued(RECONCILIATION);
      expect(listed()).toEqual(sids.slice(0, checked));
    }
    expect(queued(RECONCILIATION)).toEqual([]);
  });

  it("starts 20 checkers at most, for any number of accounts", async () => {
    expectErrorLog("not_resealed");
    await haveAccounts(1_000, "unreadable");
    await runCron("*/15 * * * *");
    expect(queued(RECONCILIATION)).toHaveLength(20);
  });

  it("ends with the time for which it was started", async () => {
    await haveAccounts(45);
    enqueueIn(RECONCILIATION, { kind: "check_due", until: new Date(Date.now() - 1).toISOString() });
    await deliverQueued(RECONCILIATION);
    expect(listed()).toHaveLength(20);
    expect(queued(RECONCILIATION)).toEqual([]);
  });

  it("looks at twenty accounts with one message although Twilio refuses all of them", async () => {
    await haveAccounts(21);
    twilio.faults.add({ effect: effects.authenticate, times: null });
    enqueueIn(RECONCILIATION, { kind: "check_due", until: new Date(Date.now() + 60_000).toISOString() });
    await deliverQueued(RECONCILIATION);
    expect(new Set(listed()).size).toBe(20);
    expect(queued(RECONCILIATION)).toHaveLength(1);
  });

  it("goes on behind an account that fails, which is due again later", async () => {
    const sids = await haveAccounts(3);
    await runCron("*/15 * * * *");
    // The first trip is the claim of the first account, the second its first read.
    const { DB } = watchedDatabase({ trip: 2, when: "before" });
    await deliverQueued(RECONCILIATION, { DB });
    expect(listed()).toEqual(sids.slice(1));
    const [failed] = (await rows<{ account_sid: string; next_check_at: string }>("twilio_accounts")).filter(
      ({ account_sid }) => account_sid === sids[0],
    );
    expect(Date.parse(failed?.next_check_at ?? "")).toBeGreaterThan(Date.now() + 45 * 60 * 1000);
    expect(logLines()).toContainEqual(
      expect.objectContaining({ event: "reconciliation_postponed", account_sid: sids[0] }),
    );
  });

  it("warns if an account has been due for over an hour", async () => {
    await haveAccounts(1);
    const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
    const warned = async (minutes: number) => {
      await env.DB.prepare("UPDATE twilio_accounts SET next_check_at = ?1").bind(ago(minutes)).run();
      await runCron("*/15 * * * *");
      return logLines().filter(({ event }) => event === "checks_behind").length;
    };
    expect(await warned(59)).toBe(0);
    expect(await warned(61)).toBe(1);
  });

  it("tries again where the queue takes nothing", async () => {
    expectErrorLog("job_failed");
    await prepare();
    await makeDue();
    breakQueue();
    await expect(runCron("*/15 * * * *")).rejects.toThrow("schedule_checks");
    breakQueue(false);
    await runCron("*/15 * * * *");
    expect(queued(RECONCILIATION)).toHaveLength(1);
  });

  it("is resumed where D1 fails in the middle of a check", async () => {
    const { edit, number, inOrder } = await prepare();
    for (const trip of [1, 2, 3, 4, 5, 6]) {
      for (const when of ["before", "after"] as const) {
        edit({ voice_url: "https://elsewhere.example" });
        await env.DB.prepare("UPDATE phone_numbers SET repairs = 0, lease_expires_at = NULL").run();
        await env.DB.prepare(
          "UPDATE twilio_accounts SET next_check_at = '2020', check_lease_expires_at = NULL",
        ).run();
        await runCron("*/15 * * * *");
        await deliverQueued(RECONCILIATION, { DB: watchedDatabase({ trip, when, times: 99 }).DB });
        await env.DB.prepare("UPDATE phone_numbers SET lease_expires_at = NULL").run();
        await env.DB.prepare("UPDATE twilio_accounts SET check_lease_expires_at = NULL").run();
        await reconcile();
        expect(number.voice_url).toBe(inOrder.voice_url);
      }
    }
  });
});

describe("a burst of refused signatures", () => {
  it("raises signatures.refused, and has the account checked at once", async () => {
    const imported = await prepare();
    const { key, told, customer } = imported;
    const refused = () => tell(imported, "voice", { CallSid: "CA1" }, { token: "promoted elsewhere" });
    await refused();
    await refused();
    expect(told()).toEqual([]);
    // One that fits says that the token is good, and that the others were forged.
    expect((await tell(imported, "voice", { CallSid: "CA1" })).status).toBe(200);
    await refused();
    await refused();
    const before = told();
    expect(before).not.toContain("signatures.refused");
    for (let index = 0; index < 3; index += 1) await refused();
    expect(told().slice(before.length)).toEqual(["signatures.refused"]);
    expect(customer.events().at(-1)).toMatchObject({ reason: "signatures_refused" });
    expect(await entry(key)).toMatchObject({ health: "signatures_refused" });
    await runCron("*/15 * * * *");
    expect(queued(RECONCILIATION)).toHaveLength(1);
  });
});

describe("POST /v1/phone-numbers/{number}/check", () => {
  it("looks at the number now, mends it, and says how it is", async () => {
    const { edit, key, number, inOrder, told } = await prepare();
    const response = await call("POST", `${NUMBER}/check`, key);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      phone_number: { health: "ok", health_reasons: [], checked_at: expect.stringMatching(/Z$/) },
    });
    edit({ voice_url: "https://elsewhere.example" });
    await call("POST", `${NUMBER}/check`, key);
    expect(number.voice_url).toBe(inOrder.voice_url);
    expect(operations()).toEqual(["fetch", "fetch", "update"]);
    expect(told()).toEqual(["number.repaired"]);
  });

  it("says what keeps it from looking", async () => {
    const { key, account, number } = await prepare();
    const health = async () =>
      (await (await call("POST", `${NUMBER}/check`, key)).json<{ phone_number: Entry }>()).phone_number
        .health;
    twilio.faults.add({ effect: effects.serverErrorHtml, times: null });
    expect(await health()).toBe("unreachable");
    twilio.faults.clear();
    const token = account.authToken;
    account.authToken = "0".repeat(32);
    expect(await health()).toBe("credentials_rejected");
    account.authToken = token;
    twilio.state.numbers.delete(number.sid);
    expect(await health()).toBe("number_missing");
  });

  it("knows nobody else's number", async () => {
    await prepare();
    const other = await createKey();
    await expectError(await call("POST", `${NUMBER}/check`, other), 404, "number_not_found");
    await expectError(await call("POST", "/v1/phone-numbers/x/check", other), 400, "invalid_phone_format");
    expect(operations()).toEqual([]);
  });

  it("and a release at the same time leave nothing of ours at Twilio", async () => {
    const { edit, key, number } = await prepare();
    edit({ sms_url: "" });
    const responses = await Promise.all([call("POST", `${NUMBER}/check`, key), call("DELETE", NUMBER, key)]);
    const again = await call("DELETE", NUMBER, key);
    expect([200, 404]).toContain(again.status);
    expect(responses.every(({ status }) => status < 500)).toBe(true);
    expect(JSON.stringify(number)).not.toContain("/webhooks/twilio/");
  });
});

describe("GET /v1/account/health", () => {
  it("sums up what a key has", async () => {
    const { key, account, edit } = await prepare();
    const health = async (by = key) => (await get("/v1/account/health", by)).json();
    expect(await health()).toEqual({
      status: "ok",
      phone_numbers: { count: 1, by_health: { ok: 1 } },
      twilio_accounts: [
        {
          twilio_sid: account.sid,
          region: "us1",
          health: "ok",
          health_reasons: [],
          checked_at: null,
          next_check_at: expect.stringMatching(/Z$/),
          warnings: [],
        },
      ],
    });
    await call("PATCH", NUMBER, key, { drift_policy: "report" });
    edit({ voice_url: "" });
    await reconcile();
    expect(await health()).toMatchObject({
      status: "attention",
      phone_numbers: { by_health: { url_mismatch: 1 } },
    });
    // An account that is left, though its last number could not be restored yet.
    twilio.faults.add({ effect: effects.authenticate, times: null });
    await reconcile();
    await call("DELETE", NUMBER, key);
    expect(await health()).toMatchObject({
      status: "ok",
      phone_numbers: { count: 0 },
      twilio_accounts: [{ health: "credentials_rejected" }],
    });
    const empty = { status: "ok", phone_numbers: { count: 0, by_health: {} }, twilio_accounts: [] };
    expect(await health(await createKey())).toEqual(empty);
  });
});

requiresApiKey("POST", `${NUMBER}/check`);
requiresApiKey("GET", "/v1/account/health");
