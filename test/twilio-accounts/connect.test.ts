import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { haveImportedByKey } from "../support/api-key-account.ts";
import { begin, finish, haveAccounts, objectOf, prepareBulk, resultsOf } from "../support/bulk.ts";
import { databaseBefore, watchedDatabase } from "../support/database.ts";
import { prepareImport } from "../support/import.ts";
import { logLines } from "../support/logs.ts";
import { connect as connectClient } from "../support/mcp.ts";
import { reconcile } from "../support/reconciliation.ts";
import { operations, twilio } from "../support/twilio.ts";
import { call, createKey, expectError, get, type Key, post, rows } from "../support/worker.ts";
import { effects } from "../twilio-simulator/faults.ts";
import { addAccount, addNumber } from "../twilio-simulator/state.ts";

const PATH = "/v1/twilio-accounts";
const NUMBERS = "/v1/phone-numbers";
const ADMIN = { authorization: `Bearer ${env.ADMIN_TOKEN}` };

type Shown = { twilio_account_id: string; numbers: number; status: string; health: string };
type Row = { id: string; connected_at: string | null; next_check_at: string | null };

const list = async (key: Key) =>
  (await get(PATH, key)).json<{ twilio_accounts: Shown[]; count: number; limit: number }>();
const shown = async (response: Response) => (await response.json<{ twilio_account: Shown }>()).twilio_account;

/** A number at Twilio, whose account the key has connected, and the body of an import without a token. */
async function haveConnected() {
  const { key, body: sent, account, number } = await prepareImport();
  const { twilio_token, ...body } = sent;
  const connect = { twilio_sid: body.twilio_sid, twilio_token };
  const response = await post(PATH, connect, { key });
  expect(response.status).toBe(201);
  return { key, body, account, number, connect, accountId: (await shown(response)).twilio_account_id };
}

describe("connecting an account", () => {
  it("tries it at Twilio, keeps it sealed, and shows it without its token", async () => {
    const { key, account, connect, accountId } = await haveConnected();
    expect(operations()).toEqual(["list", "account"]);
    const one = await get(`${PATH}/${accountId}`, key);
    const expected = {
      twilio_account_id: expect.stringMatching(/^twa_[0-9a-f]{32}$/),
      twilio_sid: account.sid,
      region: "us1",
      credential: "auth_token",
      signed_by: "auth_token",
      status: "connected",
      to_do: [],
      not_made: null,
      health: "ok",
      friendly_name: expect.stringContaining("Account"),
      numbers: 0,
      created_at: expect.any(String),
    };
    expect(await shown(one)).toEqual(expected);
    expect(await shown(await get(`${PATH}/${account.sid}`, key))).toEqual(expected);
    expect(await list(key)).toMatchObject({ twilio_accounts: [expected], count: 1, limit: 25 });
    expect(JSON.stringify(await rows("twilio_accounts"))).not.toContain(connect.twilio_token);
  });

  it("again is a 200, and replaces the token as a PATCH does: the old one verifies for a day", async () => {
    const { key, account, connect } = await haveConnected();
    const again = await post(
      PATH,
      { twilioSid: account.sid, twilioAuthToken: connect.twilio_token },
      { key },
    );
    expect(again.status).toBe(200);
    expect(await rows("twilio_accounts")).toMatchObject([{ previous_auth_token_sealed: null }]);
    account.authToken = "d".repeat(32);
    expect((await post(PATH, { ...connect, twilio_token: account.authToken }, { key })).status).toBe(200);
    expect(await rows("twilio_accounts")).toMatchObject([{ previous_auth_token_sealed: expect.any(String) }]);
    await expectError(await post(PATH, connect, { key }), 401, "twilio_auth_failed");
  });

  it("says what is wrong with a request, and asks Twilio for nothing", async () => {
    const key = await createKey();
    const fields = { twilio_sid: `AC${"1".repeat(32)}`, twilio_token: "t" };
    expect((await expectError(await post(PATH, {}, { key }), 400, "missing_field")).details).toMatchObject({
      fields: ["twilio_sid", "twilio_token"],
    });
    await expectError(await post(PATH, { ...fields, twilio_sid: "SK1" }, { key }), 400, "invalid_twilio_sid");
    const region = await expectError(
      await post(PATH, { ...fields, region: "mars" }, { key }),
      400,
      "invalid_field",
    );
    expect(region.details.problems).toEqual([
      { field: "region", problem: "not_allowed", allowed: ["us1", "ie1", "au1"] },
    ]);
    await expectError(await post(PATH, { ...fields, dry_run: true }, { key }), 400, "unknown_parameter");
    await expectError(await call("POST", `${PATH}?dry_run=1`, key, fields), 400, "unknown_parameter");
    expect(operations()).toEqual([]);
  });

  it("finds the Region, or takes the named one; a SID in two Regions is named by its id", async () => {
    const { key, account, connect, accountId } = await haveConnected();
    const there = addAccount(twilio.regions.ie1, { sid: account.sid, authToken: "e".repeat(32) });
    const found = await post(PATH, { ...connect, twilio_token: there.authToken }, { key });
    expect([found.status, await shown(found)]).toMatchObject([201, { region: "ie1" }]);
    const named = { ...connect, twilio_token: there.authToken, region: "ie1" };
    expect((await post(PATH, named, { key })).status).toBe(200);
    await expectError(await post(PATH, { ...named, region: "us1" }, { key }), 401, "twilio_auth_failed");
    const error = await expectError(await get(`${PATH}/${account.sid}`, key), 404, "account_not_found");
    expect(error.details.twilio_account_ids).toHaveLength(2);
    expect(error.details.twilio_account_ids).toContain(accountId);
  });

  it("twice at once makes one account, and both tokens verify", async () => {
    const { key, account, body } = await prepareImport();
    account.secondaryAuthToken = "d".repeat(32);
    const tokens = [account.authToken, account.secondaryAuthToken];
    const answers = await Promise.all(
      tokens.map((twilio_token) => post(PATH, { twilio_sid: body.twilio_sid, twilio_token }, { key })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 201]);
    expect(await rows("twilio_accounts")).toMatchObject([{ previous_auth_token_sealed: expect.any(String) }]);
  });

  it("of a key that is revoked meanwhile stores nothing, and a revoked key keeps no credentials without numbers", async () => {
    const { key, connect } = await haveConnected();
    const revoked = await call("DELETE", `/v1/keys/${key.key_id}`, key, undefined, { headers: ADMIN });
    expect(revoked.status).toBe(200);
    expect(await rows("twilio_accounts")).toEqual([]);
    const other = await createKey();
    const DB = databaseBefore("SET connected_at", () =>
      env.DB.prepare("UPDATE api_keys SET revoked_at = '2026-01-01T00:00:00.000Z'").run(),
    );
    await expectError(await post(PATH, connect, { key: other, env: { DB } }), 404, "account_not_found");
    expect(await rows("twilio_accounts")).toEqual([]);
  });
});

describe("an import through a known account", () => {
  it("needs no token, and no SID if it is the key's only account", async () => {
    const { key, body, account } = await haveConnected();
    const { twilio_sid: _, ...bare } = body;
    expect((await post(`${NUMBERS}?dry_run=true`, bare, { key })).status).toBe(200);
    expect((await post(NUMBERS, bare, { key })).status).toBe(201);
    addNumber(twilio.state, account, { phone_number: "+15005550001" });
    expect((await post(NUMBERS, { ...body, phone_number: "+15005550001" }, { key })).status).toBe(201);
    expect((await list(key)).twilio_accounts).toMatchObject([{ numbers: 2 }]);
  });

  it("finds the key's only account among ten that wait for what is taken back", async () => {
    const { key, body, accountId } = await haveConnected();
    const { twilio_sid: _, ...bare } = body;
    await env.DB.batch(
      Array.from({ length: 10 }, (_, index) =>
        env.DB.prepare(
          `INSERT INTO twilio_accounts (id, api_key_id, account_sid, auth_token_sealed, made_at_twilio, created_at, updated_at)
          SELECT 'twa_' || ?1, api_key_id, 'AC' || ?1, auth_token_sealed, '{}', created_at, updated_at
          FROM twilio_accounts WHERE id = ?2`,
        ).bind(String(index).padStart(32, "0"), accountId),
      ),
    );
    expect((await post(NUMBERS, bare, { key })).status).toBe(201);
  });

  it("costs what an import costs", async () => {
    const { key, body } = await haveConnected();
    const { DB, trips } = watchedDatabase();
    const before = operations().length;
    expect((await post(NUMBERS, body, { key, env: { DB } })).status).toBe(201);
    expect(operations().slice(before)).toEqual(["list", "update"]);
    expect(trips()).toBe(4);
  });

  it("without one is missing_field as ever, with all that is missing", async () => {
    const { key, body } = await haveConnected();
    const { twilio_sid: _, ...bare } = body;
    const missing = async (of: Key, fields: object) =>
      (await expectError(await post(NUMBERS, fields, { key: of }), 400, "missing_field")).details.fields;
    const stranger = await createKey();
    expect(await missing(stranger, body)).toEqual(["twilio_token"]);
    expect(await missing(stranger, {})).toEqual(["phone_number", "twilio_sid", "twilio_token", "agent_id"]);
    expect(await missing(key, {})).toEqual(["phone_number", "agent_id"]);
    expect(await missing(key, { ...body, twilio_sid: `AC${"9".repeat(32)}` })).toEqual(["twilio_token"]);
    const second = addAccount(twilio.state);
    await post(PATH, { twilio_sid: second.sid, twilio_token: second.authToken }, { key });
    expect(await missing(key, bare)).toEqual(["twilio_sid"]);
    expect(
      (await expectError(await post(NUMBERS, body, { key: stranger }), 400, "missing_field")).message,
    ).toMatch(/twilio-accounts/);
  });

  it("works in the Region that handles the number, if the account is connected there too", async () => {
    const { key, body, account, number } = await haveConnected();
    const there = addAccount(twilio.regions.ie1, { sid: account.sid, authToken: "e".repeat(32) });
    addNumber(twilio.regions.ie1, there, { phone_number: number.phone_number, sid: number.sid });
    twilio.state.voiceRegions.set(number.phone_number, "ie1");
    await post(PATH, { twilio_sid: account.sid, twilio_token: there.authToken }, { key });
    expect((await post(NUMBERS, body, { key })).status).toBe(201);
    expect(await (await get(NUMBERS, key)).json()).toMatchObject({ phone_numbers: [{ region: "ie1" }] });
  });

  it("of an account that is deleted meanwhile is missing_field, and brings no account back", async () => {
    const { key, body, number } = await haveConnected();
    const { fetch } = twilio;
    vi.spyOn(twilio, "fetch").mockImplementationOnce(async (...request) => {
      const answer = await fetch(...request);
      expect((await call("DELETE", `${PATH}/${body.twilio_sid}`, key)).status).toBe(200);
      return answer;
    });
    const error = await expectError(await post(NUMBERS, body, { key }), 400, "missing_field");
    expect(error.details.fields).toEqual(["twilio_token"]);
    expect([await rows("twilio_accounts"), await rows("phone_numbers")]).toEqual([[], []]);
    expect(String(number.voice_url)).not.toContain("/webhooks/twilio/");
  });

  it("that Twilio refuses is told by the account's status, until it has new credentials", async () => {
    const { key, body, account, connect } = await haveConnected();
    account.authToken = "f".repeat(32);
    await expectError(await post(NUMBERS, body, { key }), 401, "twilio_auth_failed");
    expect((await list(key)).twilio_accounts).toMatchObject([
      { status: "failed", health: "credentials_rejected" },
    ]);
    expect((await post(PATH, { ...connect, twilio_token: account.authToken }, { key })).status).toBe(200);
    expect((await list(key)).twilio_accounts).toMatchObject([{ status: "connected", health: "ok" }]);
    expect((await post(NUMBERS, body, { key })).status).toBe(201);
  });

  it.each(["auth_token", "api_key"])(
    "by %s has no secret in any request but the one that connected it, nor in a log line or row",
    async (credential) => {
      const byKey = credential === "api_key" ? await haveImportedByKey() : undefined;
      const { key, body, account } = byKey ?? (await haveConnected());
      const secrets = byKey ? [byKey.apiKey.secret, byKey.signing.secret] : [account.authToken];
      if (byKey) addNumber(twilio.state, account, { phone_number: "+15005550001" });
      const phone_number = byKey ? "+15005550001" : body.phone_number;
      const sent: string[] = [];
      const watch = async (method: string, path: string, content?: object) => {
        const answer = await call(method, path, key, content);
        sent.push(path, JSON.stringify(content ?? null), await answer.clone().text());
        return answer;
      };
      const { client, tool } = await connectClient(key);
      const given = { ...body, phone_number };
      sent.push((await tool("list_available_numbers", { twilio_account_id: account.sid })).text);
      sent.push((await tool("import_phone_number", given)).text);
      sent.push((await tool("import_phone_number", { ...given, apply: true })).text);
      await client.close();
      await watch("GET", `${PATH}/${body.twilio_sid}/available-numbers`);
      expect((await watch("DELETE", `${NUMBERS}/${encodeURIComponent(phone_number)}`)).status).toBe(200);
      await watch("POST", `${NUMBERS}?dry_run=true`, given);
      expect((await watch("POST", NUMBERS, given)).status).toBe(201);
      const bulk = await watch("POST", "/v1/phone-number-imports", { all: true, agent_id: body.agent_id });
      const { import_id } = await bulk.json<{ import_id: string }>();
      await finish(key, import_id);
      expect((await resultsOf(key, import_id)).map(({ outcome }) => outcome)).not.toContain("failed");
      await watch("GET", NUMBERS);
      await watch("GET", PATH);
      const tables = await env.DB.prepare(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'",
      ).all<{ name: string }>();
      const stored = await Promise.all(tables.results.map(({ name }) => rows(name)));
      const kept = await runInDurableObject(objectOf(import_id), (_, { storage }) =>
        ["accounts", "numbers", "job"].map((name) => {
          const [found] = storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = ?", name).toArray();
          return found ? storage.sql.exec(`SELECT * FROM ${name}`).toArray() : [];
        }),
      );
      for (const text of [sent, stored, kept, logLines(), twilio.state.requests].map((all) =>
        JSON.stringify(all),
      ))
        for (const secret of secrets) expect(text).not.toContain(secret);
    },
  );

  it("is deleted for good, and a dry run of that is refused", async () => {
    const { key, accountId } = await haveConnected();
    for (const dry of ["?dry_run=true", "?dry_run=1"])
      await expectError(await call("DELETE", `${PATH}/${accountId}${dry}`, key), 400, "unknown_parameter");
    expect((await list(key)).count).toBe(1);
    expect((await call("DELETE", `${PATH}/${accountId}`, key)).status).toBe(200);
    expect((await list(key)).count).toBe(0);
  });
});

describe("a bulk import through a known account", () => {
  it("needs no token, nor does its retry, and reaches subaccounts through their parent", async () => {
    const { parent, numbers } = haveAccounts(1, 2);
    const { key, body } = await prepareBulk(parent);
    const { twilio_token, twilio_sid, ...bare } = body;
    await post(PATH, { twilio_sid, twilio_token }, { key });
    twilio.faults.add({ operation: "update", effect: effects.invalidUrl });
    const id = await begin(key, { ...bare, all: true, include_subaccounts: true });
    const { counts } = await finish(key, id);
    expect(counts).toMatchObject({ imported: numbers.length - 1, failed: 1 });
    expect((await call("POST", `/v1/phone-number-imports/${id}/retry`, key, {})).status).toBe(200);
    expect((await finish(key, id)).counts).toMatchObject({ imported: numbers.length, failed: 0 });
  });

  it("fails if the account is deleted meanwhile, and does not bring it back", async () => {
    const { parent } = haveAccounts(0, 1);
    const { key, body } = await prepareBulk(parent);
    const { twilio_token, twilio_sid, ...bare } = body;
    await post(PATH, { twilio_sid, twilio_token }, { key });
    const id = await begin(key, { ...bare, all: true });
    expect((await call("DELETE", `${PATH}/${twilio_sid}`, key)).status).toBe(200);
    expect((await finish(key, id)).counts).toMatchObject({ failed: 1 });
    expect(await resultsOf(key, id)).toMatchObject([{ error: { code: "missing_field" } }]);
    expect(await rows("twilio_accounts")).toEqual([]);
  });

  it("without one is missing_field, with all that is missing", async () => {
    const refused = await call("POST", "/v1/phone-number-imports", await createKey(), {
      all: true,
      agent_id: "agent_1",
    });
    expect((await expectError(refused, 400, "missing_field")).details.fields).toEqual([
      "twilio_sid",
      "twilio_token",
    ]);
  });
});

describe("disconnecting an account", () => {
  it("is refused while it has numbers, and forgets the credentials then", async () => {
    const { key, body, accountId } = await haveConnected();
    await post(NUMBERS, body, { key });
    const error = await expectError(await call("DELETE", `${PATH}/${accountId}`, key), 409, "account_in_use");
    expect(error.details).toMatchObject({ numbers: 1 });
    await call("DELETE", `${NUMBERS}/${body.phone_number}`, key);
    // A connected account stays without numbers.
    expect((await list(key)).twilio_accounts).toMatchObject([{ numbers: 0 }]);
    const deleted = await call("DELETE", `${PATH}/${accountId}`, key);
    expect(await deleted.json()).toEqual({
      twilio_account: { twilio_account_id: accountId, twilio_sid: body.twilio_sid, deleted: true },
    });
    expect(await rows("twilio_accounts")).toEqual([]);
    await expectError(await call("DELETE", `${PATH}/${accountId}`, key), 404, "account_not_found");
  });

  it("lets a number that is being given back have what that needs, and no import", async () => {
    const { key, body, accountId } = await haveConnected();
    await post(NUMBERS, body, { key });
    twilio.faults.add({ operation: "update", effect: effects.notActive, times: null });
    await call("DELETE", `${NUMBERS}/${body.phone_number}`, key);
    expect(await rows("phone_numbers")).toMatchObject([{ state: "returning" }]);
    expect((await call("DELETE", `${PATH}/${accountId}`, key)).status).toBe(200);
    expect(await rows<Row>("twilio_accounts")).toMatchObject([{ connected_at: null }]);
    expect(await list(key)).toMatchObject({ twilio_accounts: [], count: 0 });
    await expectError(await get(`${PATH}/${accountId}`, key), 404, "account_not_found");
    await expectError(await post(NUMBERS, body, { key }), 400, "missing_field");
  });

  it("an account that came with an import's token is known, and goes with its last number", async () => {
    const { key, body: sent, account } = await prepareImport();
    const { twilio_token: _, ...body } = sent;
    await post(NUMBERS, sent, { key });
    addNumber(twilio.state, account, { phone_number: "+15005550001" });
    expect((await post(NUMBERS, { ...body, phone_number: "+15005550001" }, { key })).status).toBe(201);
    expect((await list(key)).twilio_accounts).toMatchObject([{ numbers: 2 }]);
    for (const number of [body.phone_number, "+15005550001"])
      await call("DELETE", `${NUMBERS}/${number}`, key);
    expect(await rows("twilio_accounts")).toEqual([]);
  });
});

describe("the hourly check", () => {
  it("asks for no account without numbers, and begins with the first and ends with the last", async () => {
    const { key, body } = await haveConnected();
    const due = async () => (await rows<Row>("twilio_accounts")).map(({ next_check_at }) => next_check_at);
    expect(await due()).toEqual([null]);
    await post(NUMBERS, body, { key });
    expect(await due()).toEqual([expect.any(String)]);
    await reconcile();
    expect(await due()).toEqual([expect.any(String)]);
    await call("DELETE", `${NUMBERS}/${body.phone_number}`, key);
    await reconcile();
    expect(await due()).toEqual([null]);
  });
});

describe("the numbers to import", () => {
  it("are listed as they are at Twilio, in pages, each with who answers it", async () => {
    const { key, body, account } = await haveConnected();
    addNumber(twilio.state, account, {
      phone_number: "+15005550001",
      voice_url: "https://api.vapi.ai/x?secret=1",
    });
    addNumber(twilio.state, account, { phone_number: "+15005550002", sms_url: "" });
    await post(NUMBERS, body, { key });
    const page = async (query: string) =>
      (await get(`${PATH}/${account.sid}/available-numbers?limit=2${query}`, key)).json<{
        available_numbers: { phone_number: string }[];
        next: string | null;
      }>();
    const first = await page("");
    expect(first).toMatchObject({
      available_numbers: [
        {
          phone_number: body.phone_number,
          friendly_name: body.phone_number,
          twilio_sid: account.sid,
          imported: true,
          answered_by: { voice: { kind: "this_service" } },
        },
        {
          imported: false,
          answered_by: { voice: { kind: "voice_platform", name: "Vapi", host: "api.vapi.ai" } },
        },
      ],
      limit: 2,
    });
    expect(JSON.stringify(first)).not.toContain("secret=1");
    const second = await page(`&after=${first.next}`);
    expect(second).toMatchObject({ available_numbers: [{ phone_number: "+15005550002" }], next: null });
  });

  it("says imported of the caller's own only", async () => {
    const { key, body, account, connect } = await haveConnected();
    await post(NUMBERS, body, { key });
    const other = await createKey();
    await post(PATH, connect, { key: other });
    const answer = await get(`${PATH}/${account.sid}/available-numbers`, other);
    expect(await answer.json()).toMatchObject({ available_numbers: [{ imported: false }] });
  });

  it("comes from subaccounts too, one after the other", async () => {
    const { parent, numbers } = haveAccounts(2, 3);
    const key = await createKey();
    await post(PATH, { twilio_sid: parent.sid, twilio_token: parent.authToken }, { key });
    const found: string[] = [];
    let after = "";
    for (let pages = 0; pages < 20; pages += 1) {
      const path = `${PATH}/${parent.sid}/available-numbers?limit=2&include_subaccounts=true${after}`;
      const { available_numbers, next } = await (await get(path, key)).json<{
        available_numbers: { phone_number: string }[];
        next: string | null;
      }>();
      found.push(...available_numbers.map(({ phone_number }) => phone_number));
      if (next === null) break;
      after = `&after=${next}`;
    }
    expect(found.sort()).toEqual(numbers.map(({ phone_number }) => phone_number).sort());
  });

  it("refuses what is no page, and tells Twilio's refusal", async () => {
    const { key, account } = await haveConnected();
    const path = `${PATH}/${account.sid}/available-numbers`;
    for (const query of ["after=1", "include_subaccounts=yes", "limit=0"])
      await expectError(await get(`${path}?${query}`, key), 400, "invalid_parameter");
    await expectError(await get(`${path}?offset=1`, key), 400, "unknown_parameter");
    twilio.faults.add({ operation: "list", effect: effects.refusal(20006) });
    await expectError(await get(`${path}?after=${account.sid}.1.PAold`, key), 400, "invalid_parameter");
    account.authToken = "f".repeat(32);
    await expectError(await get(path, key), 401, "twilio_auth_failed");
    expect((await list(key)).twilio_accounts).toMatchObject([{ status: "failed" }]);
    await expectError(await get(`${PATH}/twa_1/available-numbers`, key), 404, "account_not_found");
  });
});
