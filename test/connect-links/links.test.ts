import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { ACCOUNTS, ALLOWED, credentialOf, sharedKey, signedBy } from "../support/api-key-account.ts";
import { begin, finish, haveAccounts, prepareBulk } from "../support/bulk.ts";
import { deliverQueued, runCron } from "../support/consume.ts";
import { startCustomer } from "../support/customer.ts";
import { databaseBefore, watchedDatabase } from "../support/database.ts";
import { prepareImport } from "../support/import.ts";
import { keepSecret, logLines } from "../support/logs.ts";
import { operations, twilio } from "../support/twilio.ts";
import {
  BASE,
  call,
  createAgent,
  createKey,
  expectError,
  get,
  type Key,
  post,
  rows,
  send,
} from "../support/worker.ts";
import { addApiKey } from "../twilio-simulator/api-keys.ts";
import { effects } from "../twilio-simulator/faults.ts";
import { addAccount, addNumber } from "../twilio-simulator/state.ts";

const LINKS = "/v1/connect-links";
const PAGE = "/v1/connect";
const NUMBERS = "/v1/phone-numbers";
const HOUR_MS = 60 * 60 * 1000;

type Made = { connect_link_id: string; url: string; expires_at: string };
type Account = { connected_at: string | null; consented_numbers: string | null };

/** A link, and its customer: what he asks for by its token. */
async function makeLink(key: Key, fields: Record<string, unknown>) {
  const response = await post(LINKS, fields, { key });
  expect(response.status, await response.clone().text()).toBe(201);
  const made = await response.json<Made>();
  const token = made.url.split("#")[1] ?? "";
  keepSecret(token);
  const headers: Record<string, string> = { authorization: `Bearer ${token}` };
  const requestOf = (method: string, path: string, body: unknown, by: Record<string, string>) =>
    new Request(`${BASE}${PAGE}${path}`, {
      method,
      headers: { ...by, ...(body !== undefined && { "content-type": "application/json" }) },
      body: body === undefined ? null : JSON.stringify(body),
    });
  const ask = async (method: string, path: string, body?: unknown, env: Partial<Env> = {}) => {
    const response = await send(requestOf(method, path, body, headers), env);
    const cookie = response.headers.get("set-cookie");
    if (cookie !== null) headers.cookie = cookie.split(";")[0] ?? "";
    return response;
  };
  /** The same of whoever has the token alone. */
  const askByToken = (method: string, path: string, body?: unknown) =>
    send(requestOf(method, path, body, { authorization: `Bearer ${token}` }));
  return {
    ...made,
    token,
    ask,
    askByToken,
    see: () => ask("GET", ""),
    connect: (twilio_sid: string, twilio_token: string) =>
      ask("POST", "/twilio-account", { twilio_sid, twilio_token }),
    available: () => ask("GET", "/available-numbers"),
    plan: (phone_number: string) => ask("POST", "/phone-numbers?dry_run=true", { phone_number }),
    bring: (phone_number: string, more: object = {}) =>
      ask("POST", "/phone-numbers", { phone_number, ...more }),
    shown: async () => (await get(`${LINKS}/${made.connect_link_id}`, key)).json<Record<string, unknown>>(),
  };
}

/** A reseller with an agent, and the customer's account at Twilio with two numbers. */
async function haveCustomer(fields: Record<string, unknown> = {}) {
  const { account, number, key, body } = await prepareImport();
  const other = addNumber(twilio.state, account, { phone_number: "+447446466848" });
  const reseller = startCustomer();
  await call("PUT", "/v1/webhooks/url", key, { url: reseller.url });
  const link = await makeLink(key, { agent_id: body.agent_id, ...fields });
  return {
    account,
    key,
    reseller,
    link,
    agentId: body.agent_id,
    number: number.phone_number,
    other: other.phone_number,
  };
}

const accounts = () => rows<Account>("twilio_accounts");

describe("a connect link", () => {
  it("brings a customer's number from credentials to an event, and no door ever has the secret again", async () => {
    const { account, key, reseller, link, number, other, agentId } = await haveCustomer({
      external_id: "dentist-17",
      label: "Acme Dental",
      metadata: { crm: "4711" },
      brandName: "Acme",
      channels: ["voice"],
      redirect_url: "https://reseller.example/done",
    });
    expect(link.url).toBe(`${BASE}/connect#${link.token}`);
    expect(JSON.stringify(await rows("connect_links"))).not.toContain(link.token);
    expect(await (await link.see()).json()).toMatchObject({
      status: "open",
      key_name: "test",
      brand_name: "Acme",
      agent_name: "Receptionist",
      channels: ["voice"],
      numbers_left: 1,
      credentials: ["auth_token"],
      twilio_account: null,
      redirect_url: "https://reseller.example/done",
    });
    await expectError(await link.available(), 404, "account_not_found");
    await expectError(await link.plan(number), 404, "account_not_found");
    expect(operations()).toEqual([]);

    const connected = await link.connect(account.sid, account.authToken);
    expect([connected.status, await connected.json()]).toMatchObject([
      200,
      { twilio_account: { twilio_sid: account.sid } },
    ]);
    const requestsBefore = logLines().length;
    const list = await (await link.available()).json<{ available_numbers: { phone_number: string }[] }>();
    expect(list.available_numbers.map(({ phone_number }) => phone_number).sort()).toEqual([number, other]);
    const plan = await (await link.plan(number)).json<{
      plan_hash: string;
      answered_by: object;
      changes: object[];
    }>();
    expect(plan).toMatchObject({ dry_run: true, phone_number: { phone_number: number, agent_id: agentId } });
    await expectError(await link.bring(number, { plan_hash: "k1.0" }), 409, "plan_changed");
    const brought = await link.bring(number, { plan_hash: plan.plan_hash });
    expect([brought.status, await brought.json()]).toMatchObject([
      201,
      {
        status: "completed",
        numbers_left: 0,
        phone_numbers: [{ phone_number: number, imported: true, first_inbound_at: null }],
      },
    ]);
    // Once more, as if the answer had been lost.
    expect((await link.bring(number)).status).toBe(201);
    await expectError(await link.bring(other), 410, "connect_link_used");
    await expectError(await link.connect(account.sid, account.authToken), 410, "connect_link_used");
    await expectError(await link.available(), 410, "connect_link_used");
    await expectError(await link.plan(other), 410, "connect_link_used");

    expect(await link.shown()).toMatchObject({
      status: "completed",
      external_id: "dentist-17",
      twilio_sid: account.sid,
      phone_numbers: [{ phone_number: number, imported: true }],
      refused_credentials: 0,
    });
    const { phone_number } = await (await get(`${NUMBERS}/${number}`, key)).json<{ phone_number: object }>();
    expect(phone_number).toMatchObject({
      agent_id: agentId,
      channels: ["voice"],
      external_id: "dentist-17",
      label: "Acme Dental",
      metadata: { crm: "4711" },
      connect_link_id: link.connect_link_id,
    });
    await vi.waitFor(() =>
      expect(
        reseller
          .events()
          .map(({ event, connect_link_id }) => [event, connect_link_id])
          .sort(),
      ).toEqual([
        ["connect_link.completed", link.connect_link_id],
        ["number.imported", link.connect_link_id],
      ]),
    );
    expect(reseller.events()).toContainEqual(
      expect.objectContaining({
        event: "connect_link.completed",
        external_id: "dentist-17",
        phone_numbers: [number],
      }),
    );

    // It rings: the reseller's agent has it, and its customer sees so.
    await twilio.ring(number, { from: "+441632960999" });
    expect((await (await link.see()).json<{ phone_numbers: object[] }>()).phone_numbers).toMatchObject([
      { phone_number: number, first_inbound_at: expect.any(String) },
    ]);
    await vi.waitFor(() =>
      expect(reseller.events().filter(({ event }) => event === "call.completed")).toMatchObject([
        { connect_link_id: link.connect_link_id, external_id: "dentist-17" },
      ]),
    );
    // Nothing that a reseller gets, a log line or a table has the token; the request that connected it had it alone.
    const tables = [
      "twilio_accounts",
      "connect_links",
      "phone_numbers",
      "pending_events",
      "idempotency_keys",
    ];
    const kept = JSON.stringify([
      await Promise.all(tables.map((table) => rows(table))),
      reseller.received.map(({ body }) => body),
      logLines(),
      await link.shown(),
      await (await get(`/v1/twilio-accounts/${account.sid}`, key)).json(),
    ]);
    expect(logLines().length).toBeGreaterThan(requestsBefore);
    for (const secret of [account.authToken, link.token]) expect(kept).not.toContain(secret);
    const released = await call("DELETE", `${NUMBERS}/${number}`, key);
    expect(released.status).toBe(200);
    await vi.waitFor(() =>
      expect(reseller.events().at(-1)).toMatchObject({
        event: "number.released",
        connect_link_id: link.connect_link_id,
      }),
    );
    expect(await accounts()).toEqual([]);
    expect((await link.shown()).phone_numbers).toMatchObject([{ phone_number: number, imported: false }]);
  });

  it("opens no subaccount to the retry of a bulk import from before", async () => {
    const { parent, accounts: all } = haveAccounts(1, 1);
    const { key, agentId, body } = await prepareBulk(parent);
    const { twilio_sid, twilio_token } = body;
    expect((await post(ACCOUNTS, { twilio_sid, twilio_token }, { key })).status).toBe(201);
    const items = [{ phone_number: "+15000000001", twilio_sid: all[1]?.sid }];
    twilio.faults.add({ operation: "update", effect: effects.invalidUrl });
    const id = await begin(key, { agent_id: agentId, items });
    expect((await finish(key, id)).counts).toMatchObject({ failed: 1 });
    const link = await makeLink(key, { agent_id: agentId });
    parent.authToken = "d".repeat(32);
    keepSecret(parent.authToken);
    expect((await link.connect(parent.sid, parent.authToken)).status).toBe(200);
    const retried = await call("POST", `/v1/phone-number-imports/${id}/retry`, key, {});
    await expectError(retried, 403, "not_consented");
  });

  it("is for the numbers that its customer picked: every other door to the account's others is closed", async () => {
    const { account, key, link, number, other, agentId } = await haveCustomer();
    await link.connect(account.sid, account.authToken);
    expect((await link.bring(number)).status).toBe(201);
    const before = operations().length;
    const available = await get(`/v1/twilio-accounts/${account.sid}/available-numbers`, key);
    expect(await available.json()).toMatchObject({
      available_numbers: [{ phone_number: number, imported: true }],
    });
    const body = { phone_number: other, agent_id: agentId };
    const imports = "/v1/phone-number-imports";
    for (const [path, sent] of [
      [NUMBERS, body],
      [`${NUMBERS}?dry_run=true`, { ...body, twilio_sid: account.sid }],
      [imports, { agent_id: agentId, all: true }],
      [imports, { agent_id: agentId, items: [{ phone_number: other }], include_subaccounts: true }],
      [imports, { agent_id: agentId, items: [{ phone_number: other, twilio_sid: `AC${"9".repeat(32)}` }] }],
    ] as const)
      await expectError(await post(path, sent, { key }), 403, "not_consented");
    await expectError(
      await get(`/v1/twilio-accounts/${account.sid}/available-numbers?include_subaccounts=true`, key),
      403,
      "not_consented",
    );
    expect(operations().length - before).toBe(1);

    // Another link adds another number; nothing of the first is lost.
    const second = await makeLink(key, { agent_id: agentId });
    await second.connect(account.sid, account.authToken);
    expect((await second.bring(other)).status).toBe(201);
    expect(JSON.parse((await accounts())[0]?.consented_numbers ?? "")).toEqual([number, other]);

    // Whoever has the Auth Token needs nobody's consent.
    const { phone_number: third } = addNumber(twilio.state, account, { phone_number: "+447446466849" });
    const token = { twilio_sid: account.sid, twilio_token: account.authToken };
    expect((await post(NUMBERS, { ...body, phone_number: third, ...token }, { key })).status).toBe(201);
    expect((await accounts())[0]?.consented_numbers).not.toBeNull();
    expect((await post("/v1/twilio-accounts", token, { key })).status).toBe(201);
    expect((await accounts())[0]?.consented_numbers).toBeNull();
  });

  it("is for the channels that it named, at every door", async () => {
    const { account, key, link, number, other, agentId } = await haveCustomer({
      max_numbers: 2,
      channels: ["sms"],
    });
    await link.connect(account.sid, account.authToken);
    expect((await link.bring(number)).status).toBe(201);
    expect((await link.bring(other)).status).toBe(201);
    const before = operations().length;
    const channels = (wanted: string[], query = "") =>
      call("PATCH", `${NUMBERS}/${number}${query}`, key, { channels: wanted });
    for (const query of ["", "?dry_run=true"])
      await expectError(await channels(["voice", "sms"], query), 403, "not_consented");
    await expectError(await channels(["voice"]), 403, "not_consented");
    expect(operations().length).toBe(before);
    expect((await channels(["sms"])).status).toBe(200);
    // Neither does it help to release it, to import it anew, and to delete the link.
    await call("DELETE", `${NUMBERS}/${number}`, key);
    await call("DELETE", `${LINKS}/${link.connect_link_id}`, key);
    const again = (more: object) =>
      post(NUMBERS, { phone_number: number, agent_id: agentId, ...more }, { key });
    await expectError(await again({}), 403, "not_consented");
    await expectError(await again({ channels: ["voice"] }), 403, "not_consented");
    expect((await again({ channels: ["sms"] })).status).toBe(201);
    await expectError(await channels(["voice", "sms"]), 403, "not_consented");
    // A link for all that it can is another consent.
    const second = await makeLink(key, { agent_id: agentId });
    await call("DELETE", `${NUMBERS}/${number}`, key);
    await second.connect(account.sid, account.authToken);
    expect((await second.bring(number)).status).toBe(201);
    expect((await channels(["sms"])).status).toBe(200);
    expect((await channels(["voice", "sms"])).status).toBe(200);
  });

  it("opens its account only to the browser that sent the credentials, whoever else has the link", async () => {
    const { account, key, link, number, other, agentId } = await haveCustomer({ max_numbers: 2 });
    const set = (await link.connect(account.sid, account.authToken)).headers.get("set-cookie") ?? "";
    expect(set).toMatch(
      /^__Host-nixflex_connect=[^;]+; Max-Age=3\d{3}; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
    );
    const expectShut = async (ask: typeof link.askByToken) => {
      expect(await (await ask("GET", "")).json()).toMatchObject({ twilio_account: null });
      for (const [method, path, sent] of [
        ["GET", "/available-numbers", undefined],
        ["POST", "/phone-numbers?dry_run=true", { phone_number: other }],
        ["POST", "/phone-numbers", { phone_number: other }],
      ] as const)
        await expectError(await ask(method, path, sent), 404, "account_not_found");
    };
    await expectShut(link.askByToken);
    expect((await link.bring(number)).status).toBe(201);
    // Who it is about is no secret of its own; what else there is stays shut.
    const again = await link.askByToken("POST", "/phone-numbers", { phone_number: number });
    expect([again.status, await again.json()]).toMatchObject([201, { twilio_account: null }]);
    await expectShut(link.askByToken);
    expect(await rows("phone_numbers")).toHaveLength(1);
    // The cookie is of one link and one account.
    const second = await makeLink(key, { agent_id: agentId });
    await second.connect(account.sid, account.authToken);
    const stranger = await prepareImport({ phone_number: "+447446466901" }, key);
    const before = await (await link.see()).json<{ twilio_account: { twilio_sid: string } }>();
    expect(before.twilio_account.twilio_sid).toBe(account.sid);
    await link.askByToken("POST", "/twilio-account", {
      twilio_sid: stranger.account.sid,
      twilio_token: stranger.account.authToken,
    });
    await expectShut(link.ask);
  });

  it("is for them also after the reseller has sent a SharedKey for the stored API key", async () => {
    const { account, key, link, number, other, agentId } = await haveCustomer();
    const apiKey = addApiKey(account);
    keepSecret(apiKey.secret);
    const credential = { ...credentialOf(account, apiKey), ...signedBy(sharedKey()) };
    expect((await link.ask("POST", "/twilio-account", credential, ALLOWED)).status).toBe(200);
    expect((await link.bring(number)).status).toBe(201);
    const alone = { twilio_sid: account.sid, ...signedBy(sharedKey()) };
    expect((await post(ACCOUNTS, alone, { key, env: ALLOWED })).status).toBe(200);
    expect(await accounts()).toMatchObject([
      { connected_at: null, consented_numbers: JSON.stringify([number]) },
    ]);
    const body = { phone_number: other, agent_id: agentId };
    await expectError(await post(NUMBERS, body, { key }), 403, "not_consented");
  });

  it("of an account whose numbers are released, but not given back yet, is as of one that is not known", async () => {
    const { account, key, link, number, agentId } = await haveCustomer();
    const token = { twilio_sid: account.sid, twilio_token: account.authToken };
    await post(NUMBERS, { phone_number: number, agent_id: agentId, ...token }, { key });
    twilio.faults.add({ effect: effects.serverErrorHtml, times: null });
    expect((await call("DELETE", `${NUMBERS}/${number}`, key)).status).toBe(200);
    twilio.faults.clear();
    expect((await link.connect(account.sid, account.authToken)).status).toBe(200);
    expect(await accounts()).toMatchObject([{ connected_at: expect.any(String), consented_numbers: "[]" }]);
  });

  it("of an account that the reseller knew by the same token takes nothing away; a new token is for what was there", async () => {
    const { account, key, link, number, other, agentId } = await haveCustomer({ max_numbers: 2 });
    const token = { twilio_sid: account.sid, twilio_token: account.authToken };
    expect((await post(NUMBERS, { phone_number: other, agent_id: agentId, ...token }, { key })).status).toBe(
      201,
    );
    await link.connect(account.sid, account.authToken);
    expect(await accounts()).toMatchObject([{ connected_at: null, consented_numbers: null }]);
    account.authToken = "d".repeat(32);
    keepSecret(account.authToken);
    await link.connect(account.sid, account.authToken);
    expect(await accounts()).toMatchObject([
      { connected_at: null, consented_numbers: JSON.stringify([other]) },
    ]);
    expect((await link.bring(number)).status).toBe(201);
    expect(await link.shown()).toMatchObject({ status: "open", phone_numbers: [{ phone_number: number }] });
  });

  it("is locked by ten refused credentials, and by nothing else; what was brought stays", async () => {
    const { account, key, reseller, link } = await haveCustomer();
    const wrong = () => link.connect(account.sid, "0".repeat(32));
    const first = await expectError(await wrong(), 401, "twilio_auth_failed");
    expect(first.details).toMatchObject({ attempts_left: 9, reason: "wrong_token" });
    // A good one forgives none: whoever has one could try others for ever. A Twilio that is down does not count.
    expect((await link.connect(account.sid, account.authToken)).status).toBe(200);
    twilio.faults.add({ effect: effects.serverErrorHtml, times: null });
    await expectError(await wrong(), 502, "twilio_unavailable");
    twilio.faults.clear();
    for (let left = 8; left > 0; left -= 1)
      expect((await expectError(await wrong(), 401, "twilio_auth_failed")).details.attempts_left).toBe(left);
    await expectError(await wrong(), 410, "connect_link_locked");
    const before = operations().length;
    await expectError(await link.connect(account.sid, account.authToken), 410, "connect_link_locked");
    await expectError(await link.see(), 410, "connect_link_locked");
    expect(operations().length).toBe(before);
    expect(await link.shown()).toMatchObject({ status: "locked", refused_credentials: 10 });
    await vi.waitFor(() =>
      expect(reseller.events()).toMatchObject([
        { event: "connect_link.locked", connect_link_id: link.connect_link_id, phone_numbers: [] },
      ]),
    );
    expect(logLines()).toContainEqual(
      expect.objectContaining({ event: "connect_link_locked", key_id: key.key_id }),
    );
  });

  it("takes an API key where the operator allows it, and a SharedKey alone only for its own account", async () => {
    const { account, key, link } = await haveCustomer();
    const alone = {
      twilio_sid: account.sid,
      webhook_signing_key_id: "K",
      webhook_signing_key: "secret-of-the-key",
    };
    await expectError(await link.ask("POST", "/twilio-account", alone), 403, "api_keys_disabled");
    const env = { ALLOW_API_KEYS: "true" } as Partial<Env>;
    await expectError(await link.ask("POST", "/twilio-account", alone, env), 404, "account_not_found");
    await link.connect(account.sid, account.authToken);
    // Another account of the same reseller, whose API key is stored.
    const theirs = addAccount(twilio.state);
    const stored = credentialOf(theirs, addApiKey(theirs));
    expect((await post("/v1/twilio-accounts", stored, { key, env })).status).toBe(201);
    const other = { ...alone, twilio_sid: theirs.sid };
    await expectError(await link.ask("POST", "/twilio-account", other, env), 400, "missing_field");
    expect(await (await link.ask("GET", "", undefined, env)).json()).toMatchObject({
      credentials: ["api_key", "auth_token"],
      twilio_account: { twilio_sid: account.sid, status: "connected" },
    });
  });

  it("expires, and one that was used says so; a deleted one and a revoked key's are not known", async () => {
    const { account, key, link, number, agentId } = await haveCustomer({ expires_in_seconds: 7_200 });
    const short = await makeLink(key, { agent_id: agentId });
    await link.connect(account.sid, account.authToken);
    await link.bring(number);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + HOUR_MS + 1_000 });
    expect((await link.see()).status).toBe(200);
    await expectError(await short.see(), 410, "connect_link_expired");
    await expectError(await short.connect(account.sid, account.authToken), 410, "connect_link_expired");
    expect(await short.shown()).toMatchObject({ status: "expired" });
    vi.setSystemTime(Date.now() + HOUR_MS);
    await expectError(await link.see(), 410, "connect_link_used");
    vi.useRealTimers();
    const gone = await call("DELETE", `${LINKS}/${link.connect_link_id}`, key);
    expect(await gone.json()).toEqual({ connect_link_id: link.connect_link_id, deleted: true });
    await expectError(await link.see(), 401, "invalid_connect_link");
    await expectError(await get(`${LINKS}/${link.connect_link_id}`, key), 404, "connect_link_not_found");
    expect((await get(`${NUMBERS}/${number}`, key)).status).toBe(200);
    expect(await (await get(LINKS, key)).json()).toMatchObject({
      count: 1,
      connect_links: [{ status: "open" }],
    });
  });

  it("that ends without a number leaves no credentials: if it is deleted, or when two days are over", async () => {
    const { account, key, link, agentId } = await haveCustomer();
    await link.connect(account.sid, account.authToken);
    expect(await accounts()).toMatchObject([{ connected_at: expect.any(String), consented_numbers: "[]" }]);
    expect((await call("DELETE", `${LINKS}/${link.connect_link_id}`, key)).status).toBe(200);
    expect(await accounts()).toEqual([]);
    const second = await makeLink(key, { agent_id: agentId });
    await second.connect(account.sid, account.authToken);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 49 * HOUR_MS });
    await runCron("*/15 * * * *");
    expect([(await accounts()).length, (await rows("connect_links")).length]).toEqual([0, 1]);
    vi.setSystemTime(Date.now() + 90 * 24 * HOUR_MS);
    await runCron("*/15 * * * *");
    expect(await rows("connect_links")).toEqual([]);
    vi.useRealTimers();
  });
});

describe("making a link", () => {
  it.each([
    ["no agent", { agent_id: undefined }, 400, "missing_field"],
    ["another key's agent", { agent_id: `agent_${"0".repeat(16)}` }, 404, "agent_not_found"],
    ["a domain as a name", { brand_name: "paypal.com" }, 400, "invalid_field"],
    ["a URL as a name", { brand_name: "https://x" }, 400, "invalid_field"],
    ["a name that turns the text around", { brand_name: "a\u202eb" }, 400, "invalid_field"],
    ["too long a name", { brand_name: "x".repeat(61) }, 400, "invalid_field"],
    ["too many numbers", { max_numbers: 101 }, 400, "invalid_field"],
    ["too long a life", { expires_in_seconds: 86_401 }, 400, "invalid_field"],
    ["an http address", { redirect_url: "http://reseller.example" }, 400, "invalid_url"],
    ["an address with a password", { redirect_url: "https://a:b@reseller.example" }, 400, "invalid_url"],
    ["no channel", { channels: [] }, 400, "invalid_field"],
  ])("refuses %s", async (_, fields, status, code) => {
    const key = await createKey();
    const agent_id = await createAgent(key);
    await expectError(await post(LINKS, { agent_id, ...fields }, { key }), status, code);
    expect(await rows("connect_links")).toEqual([]);
  });

  it("is possible 10,000 times; a link counts until it is deleted, or forgotten", async () => {
    const { key, link, agentId: agent_id } = await haveCustomer();
    await env.DB.prepare(
      `INSERT INTO connect_links (id, token_hash, api_key_id, agent_id, max_numbers, expires_at, created_at)
        SELECT 'link_' || value, 'h' || value, ?1, ?2, 1, '2026', '2026' FROM json_each(?3)`,
    )
      .bind(key.key_id, agent_id, JSON.stringify([...Array(9_999).keys()]))
      .run();
    const { details } = await expectError(await post(LINKS, { agent_id }, { key }), 403, "limit_reached");
    expect(details).toEqual({ name: "connect_links", limit: 10_000, used: 10_000 });
    await call("DELETE", `${LINKS}/${link.connect_link_id}`, key);
    expect((await post(LINKS, { agent_id }, { key })).status).toBe(201);
  });

  it("needs an operator who allows it, and never where anyone has a key", async () => {
    const { key, link, agentId: agent_id } = await haveCustomer();
    for (const env of [
      { CONNECT_LINKS: "false" },
      { CONNECT_LINKS: "true", OPEN_SIGNUP: "true" },
    ] as Partial<Env>[]) {
      await expectError(await post(LINKS, { agent_id }, { key, env }), 403, "connect_links_disabled");
      await expectError(await link.ask("GET", "", undefined, env), 403, "connect_links_disabled");
    }
  });
});

describe("two requests, or half of one", () => {
  it("by the same link do not exceed it: the second waits", async () => {
    const { account, link, number, other } = await haveCustomer();
    await link.connect(account.sid, account.authToken);
    const answers = await Promise.all([link.bring(number), link.bring(other)]);
    const [busy] = answers.filter(({ status }) => status !== 201);
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(busy?.headers.get("retry-after")).toBe("5");
    await expectError(busy as Response, 409, "connect_link_busy");
    expect(await rows("phone_numbers")).toHaveLength(1);
  });

  it("by a link whose lease has run out bring no more than it may: the late one is undone", async () => {
    const { account, link, number, other } = await haveCustomer();
    await link.connect(account.sid, account.authToken);
    const DB = databaseBefore("UPDATE connect_links SET numbers", async () => {
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 120_000 });
      expect((await link.bring(other)).status).toBe(201);
    });
    const late = await link.ask("POST", "/phone-numbers", { phone_number: number }, { DB });
    await expectError(late, 409, "connect_link_busy");
    await expectError(await link.bring(number), 410, "connect_link_used");
    expect(await link.shown()).toMatchObject({
      status: "completed",
      phone_numbers: [{ phone_number: other, imported: true }],
    });
    vi.setSystemTime(Date.now() + 120_000);
    await runCron("*/15 * * * *");
    await deliverQueued();
    vi.useRealTimers();
    expect(await rows("phone_numbers")).toMatchObject([{ phone_number: other, state: "active" }]);
    const isIt = ({ phone_number }: { phone_number: string }) => phone_number === number;
    expect(twilio.state.numbers.of(account.sid).find(isIt)?.voice_url ?? "").not.toContain(BASE);
    expect((await accounts())[0]?.consented_numbers).toBe(JSON.stringify([other]));
  });

  it("by a link that is deleted meanwhile is told to have come, and no other can", async () => {
    const { account, key, link, number, other } = await haveCustomer({ max_numbers: 2 });
    await link.connect(account.sid, account.authToken);
    const DB = databaseBefore("UPDATE connect_links SET numbers", () =>
      call("DELETE", `${LINKS}/${link.connect_link_id}`, key),
    );
    const brought = await link.ask("POST", "/phone-numbers", { phone_number: number }, { DB });
    expect([brought.status, await brought.json()]).toMatchObject([201, { status: "completed" }]);
    expect((await get(`${NUMBERS}/${number}`, key)).status).toBe(200);
    await expectError(await link.bring(other), 401, "invalid_connect_link");
  });

  it("a number that cannot come uses nothing up", async () => {
    const { account, link, number, other } = await haveCustomer();
    await link.connect(account.sid, account.authToken);
    const stranger = await prepareImport({ phone_number: "+447446466900" });
    const body = {
      ...stranger.body,
      phone_number: number,
      twilio_sid: account.sid,
      twilio_token: account.authToken,
    };
    expect((await post(NUMBERS, body, { key: stranger.key })).status).toBe(201);
    await expectError(await link.bring(number), 409, "number_already_imported");
    await expectError(await link.bring("+447446466999"), 404, "number_not_in_twilio");
    twilio.faults.add({ effect: effects.invalidUrl, operation: "update" });
    await expectError(await link.bring(other), 422, "twilio_update_rejected");
    expect((await link.bring(other)).status).toBe(201);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9])("if D1 loses the answer of trip %i, nothing is lost", async (trip) => {
    const { account, link, number } = await haveCustomer();
    await link.connect(account.sid, account.authToken);
    const { DB } = watchedDatabase({ trip, when: "after" });
    await link.ask("POST", "/phone-numbers", { phone_number: number }, { DB });
    // A lease that nobody knows to have ends by itself.
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 120_000 });
    expect((await link.bring(number)).status).toBe(201);
    vi.useRealTimers();
    expect(await link.shown()).toMatchObject({
      status: "completed",
      phone_numbers: [{ phone_number: number }],
    });
    expect(await rows("phone_numbers")).toMatchObject([{ state: "active" }]);
    expect(await rows("twilio_accounts")).toMatchObject([{ consented_numbers: JSON.stringify([number]) }]);
  });
});
