import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { cell } from "../../src/bulk-imports/csv.ts";
import {
  begin,
  finish,
  haveAccounts,
  holdTime,
  objectOf,
  prepareBulk,
  resultsOf,
  ring,
  statusOf,
} from "../support/bulk.ts";
import { operations, twilio } from "../support/twilio.ts";
import { call, createAgent, createKey, expectError, get, post, rows } from "../support/worker.ts";
import { effects } from "../twilio-simulator/faults.ts";
import { addAccount, addNumber } from "../twilio-simulator/state.ts";

const PATH = "/v1/phone-number-imports";

beforeEach(holdTime);
afterEach(() => {
  vi.useRealTimers();
});

describe("creating a bulk import", () => {
  it("refuses what would fail for every number", async () => {
    const { parent } = haveAccounts(0, 1);
    const { key, body } = await prepareBulk(parent);
    const items = [{ phone_number: "+15000000000" }];
    const refused = async (fields: object, status: number, code: string) =>
      expectError(await call("POST", PATH, key, { ...body, ...fields }), status, code);
    expect((await refused({}, 400, "missing_field")).details).toMatchObject({ fields: ["items"] });
    await refused({ items: [] }, 400, "invalid_field");
    await refused({ items, all: true }, 400, "invalid_field");
    await refused({ items, agent_id: null }, 400, "missing_field");
    await refused({ items: [{}] }, 400, "missing_field");
    await refused({ items, twilio_token: "0".repeat(32) }, 401, "twilio_auth_failed");
    await refused({ items, agent_id: "agent_0000000000000000" }, 404, "agent_not_found");
    await refused({ items, agent_id: await createAgent(await createKey()) }, 403, "agent_not_owned");
    await refused({ items: Array.from({ length: 5_001 }, () => items[0]) }, 400, "invalid_field");
    await refused({ items, external: "x".repeat(2 * 1024 * 1024) }, 413, "payload_too_large");
    twilio.faults.add({ operation: "list", effect: effects.tooManyRequestsRetryAfter(60) });
    await refused({ items }, 503, "twilio_rate_limited");
    expect((await get(PATH, key).then((r) => r.json<{ count: number }>())).count).toBe(0);
  });

  it("takes 5,000 items, in either spelling, and answers an Idempotency-Key again", async () => {
    const { parent } = haveAccounts(0, 1);
    const { key, body, agentId } = await prepareBulk(parent);
    const items = Array.from({ length: 5_000 }, (_, index) => ({
      phoneNumber: `+1500${String(index).padStart(7, "0")}`,
      agentId,
      externalId: `customer ${index} `.padEnd(255, "x"),
    }));
    const headers = { "idempotency-key": "once" };
    const first = await call("POST", PATH, key, { ...body, items, includeSubaccounts: false }, { headers });
    const again = await call("POST", PATH, key, { ...body, items, includeSubaccounts: false }, { headers });
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    const answer = await first.json<{ import_id: string; total: number }>();
    expect(await again.json()).toEqual(answer);
    expect(answer.total).toBe(5_000);
    await call("POST", `${PATH}/${answer.import_id}/cancel`, key);
  });

  it("lets an API key have five that are not finished", async () => {
    const { parent } = haveAccounts(0, 1);
    const { key, body } = await prepareBulk(parent);
    const all = { ...body, all: true };
    const ids = [];
    for (let count = 0; count < 5; count += 1) ids.push(await begin(key, all));
    await expectError(await call("POST", PATH, key, all), 429, "rate_limit_exceeded");
    await finish(key, ids[0] ?? "");
    await begin(key, all);
    const { phone_number_imports, count } = await (await get(`${PATH}?limit=2`, key)).json<{
      phone_number_imports: unknown[];
      count: number;
    }>();
    expect([phone_number_imports.length, count]).toEqual([2, 6]);
  });
});

describe("outcomes", () => {
  it("are those of the single import, number by number", async () => {
    const { parent, numbers } = haveAccounts(1, 3);
    const { key, body } = await prepareBulk(parent);
    const own = numbers[0]?.phone_number ?? "";
    await post("/v1/phone-numbers", { ...body, phone_number: own }, { key });
    const stranger = await prepareBulk(parent);
    const theirs = numbers[1]?.phone_number ?? "";
    await post("/v1/phone-numbers", { ...stranger.body, phone_number: theirs }, { key: stranger.key });
    const [free, inSubaccount] = [numbers[2]?.phone_number, numbers[3]?.phone_number];
    const items = [
      { phone_number: own, external_id: "=1+1" },
      { phone_number: theirs },
      { phone_number: free },
      { phone_number: free },
      { phone_number: inSubaccount },
      { phone_number: "020 7946 0018" },
      { phone_number: "+15009999999" },
      { phone_number: numbers[4]?.phone_number, agent_id: "agent_0000000000000000" },
    ];
    const id = await begin(key, { ...body, items, include_subaccounts: true });
    await finish(key, id);
    const outcomes = (await resultsOf(key, id)).map(({ outcome, reason, error }) => [
      outcome,
      reason ?? error?.code ?? null,
    ]);
    expect(outcomes).toEqual([
      ["already_yours", null],
      ["failed", "number_already_imported"],
      ["imported", null],
      ["skipped", "duplicate"],
      ["imported", null],
      ["failed", "invalid_phone_format"],
      ["failed", "number_not_in_twilio"],
      ["failed", "agent_not_found"],
    ]);
    const { results, count } = await (await get(`${PATH}/${id}/results?outcome=failed&limit=1`, key)).json<{
      results: { error: unknown }[];
      count: number;
    }>();
    expect([results.length, count]).toEqual([1, 4]);
    const single = await post("/v1/phone-numbers", { ...body, phone_number: theirs }, { key });
    expect({ error: results[0]?.error }).toEqual(await single.json());
    const csv = await (await get(`${PATH}/${id}/results.csv`, key)).text();
    expect(csv.split("\r\n")).toHaveLength(items.length + 2);
    expect(csv.split("\r\n")[1]).toMatch(
      new RegExp(`^\\${own},${parent.sid},${body.agent_id},${body.agent_id},'=1\\+1,PN`),
    );
  });

  it("of a dry run are plans, and nothing is changed", async () => {
    const { parent, numbers } = haveAccounts(0, 2);
    const { key, body } = await prepareBulk(parent);
    const id = await begin(key, { ...body, all: true, dry_run: true });
    const status = await finish(key, id);
    expect(status).toMatchObject({ dry_run: true, counts: { planned: 2 } });
    const [first] = await resultsOf(key, id);
    expect(first?.plan?.answered_by).toMatchObject({ voice: { kind: "webhook", host: "owner.example" } });
    expect(numbers[0]?.voice_url).toBe("https://owner.example/0/0");
    expect(operations()).not.toContain("update");
  });

  it("wait for Twilio's limit, and come when it is over", async () => {
    const { parent } = haveAccounts(0, 2);
    const { key, body } = await prepareBulk(parent);
    const id = await begin(key, { ...body, all: true });
    twilio.faults.add({
      operation: "list",
      after: 1,
      effect: effects.tooManyRequestsRetryAfter(60),
      times: 1,
    });
    await ring(id);
    const { counts, ended_at } = await statusOf(key, id);
    expect([counts, ended_at]).toMatchObject([{ imported: 1, waiting: 1 }, null]);
    expect((await finish(key, id)).counts.imported).toBe(2);
  });

  it("are one for the whole account if Twilio refuses its credentials", async () => {
    const { parent, accounts } = haveAccounts(1, 8);
    const { key, body } = await prepareBulk(parent);
    const foreign = addAccount(twilio.state);
    addNumber(twilio.state, foreign, { phone_number: "+15008000000" });
    const items = [
      ...[...twilio.state.numbers.of(accounts[1]?.sid ?? "")].map(({ phone_number }) => ({
        phone_number,
        twilio_sid: accounts[1]?.sid,
      })),
      { phone_number: "+15008000000", twilio_sid: foreign.sid },
    ];
    const id = await begin(key, { ...body, items });
    twilio.faults.add({ operation: "list", effect: effects.notActive, times: null });
    const { counts, account_errors } = await finish(key, id);
    expect(counts.failed).toBe(9);
    expect(account_errors.map(({ twilio_sid }) => twilio_sid).sort()).toEqual(
      [foreign.sid, accounts[1]?.sid].sort(),
    );
    // Each refusal is looked up in three Regions. After the third nobody asks for the others.
    expect(operations().filter((operation) => operation === "list").length).toBeLessThan(3 * 8);
  });

  it("of a number that no account is known to have are those of the subaccount that could not be opened", async () => {
    const { parent, accounts, numbers } = haveAccounts(1, 1);
    const { key, body } = await prepareBulk(parent);
    const items = numbers.map(({ phone_number }) => ({ phone_number }));
    const id = await begin(key, { ...body, items, include_subaccounts: true });
    const [, subaccount] = accounts;
    twilio.faults.take = (operation) => (operation === "account" ? effects.notActive : undefined);
    expect((await finish(key, id)).counts).toMatchObject({ imported: 1, failed: 1 });
    const [, lost] = await resultsOf(key, id);
    expect(lost?.error?.code).toBe("twilio_invalid_credentials");
    expect(lost?.error?.message).toContain(`${subaccount?.sid} could not be opened`);
  });

  it("of numbers that the key may not have come at once: nobody asks Twilio again", async () => {
    const { parent } = haveAccounts(0, 3);
    const { key, body } = await prepareBulk(parent);
    const limits = env.DB.prepare("UPDATE api_keys SET limits = ? WHERE id = ?");
    await limits.bind('{"max_numbers":1}', key.key_id).run();
    const id = await begin(key, { ...body, all: true });
    await finish(key, id);
    const codes = (await resultsOf(key, id)).map(({ outcome, error }) => error?.code ?? outcome);
    expect(codes.sort()).toEqual(["imported", "limit_reached", "limit_reached"]);
    // Twice of the account, and once of each number.
    expect(operations().filter((operation) => operation === "list")).toHaveLength(5);
  });
});

describe("a bulk import", () => {
  it("is cancelled, and retried with the token again", async () => {
    const { parent } = haveAccounts(0, 3);
    const { key, body } = await prepareBulk(parent);
    const id = await begin(key, { ...body, all: true });
    twilio.faults.add({ operation: "update", effect: effects.invalidUrl });
    await finish(key, id);
    // Of the numbers that it has imported, the account is known.
    const known = await rows<{ phone_number: string }>("phone_numbers");
    for (const { phone_number } of known) await call("DELETE", `/v1/phone-numbers/${phone_number}`, key);
    await expectError(await call("POST", `${PATH}/${id}/retry`, key, {}), 400, "missing_field");
    const retry = () => call("POST", `${PATH}/${id}/retry`, key, { twilio_token: parent.authToken });
    const wrong = { twilio_token: "0".repeat(32) };
    await expectError(await call("POST", `${PATH}/${id}/retry`, key, wrong), 401, "twilio_auth_failed");
    expect((await retry()).status).toBe(200);
    await expectError(await retry(), 409, "phone_number_import_running");
    expect((await call("POST", `${PATH}/${id}/cancel`, key)).status).toBe(200);
    const cancelled = await finish(key, id);
    expect(cancelled).toMatchObject({
      status: "cancelled",
      stop_reason: "cancelled",
      counts: { skipped: 1 },
    });
    await retry();
    expect(await finish(key, id)).toMatchObject({ status: "completed", counts: { imported: 3 } });
  });

  it("names the agent that answers, and the one that was asked for", async () => {
    const { parent } = haveAccounts(0, 1);
    const { key, body, agentId } = await prepareBulk(parent);
    await finish(key, await begin(key, { ...body, all: true }));
    const other = await createAgent(key);
    const id = await begin(key, { ...body, all: true, agent_id: other });
    await finish(key, id);
    expect(await resultsOf(key, id)).toMatchObject([
      { outcome: "already_yours", agent_id: agentId, requested_agent_id: other },
    ]);
    const csv = await (await get(`${PATH}/${id}/results.csv`, key)).text();
    expect(csv).toContain(`,${agentId},${other},`);
  });

  it("opens on a retry only the subaccounts whose numbers wait", async () => {
    const { parent, numbers } = haveAccounts(5, 1);
    const { key, body } = await prepareBulk(parent);
    const items = numbers.map(({ phone_number }) => ({ phone_number }));
    const id = await begin(key, { ...body, items, include_subaccounts: true });
    twilio.faults.add({ operation: "update", effect: effects.invalidUrl });
    expect((await finish(key, id)).counts).toMatchObject({ imported: 5, failed: 1 });
    const [failed] = (await resultsOf(key, id)).filter(({ outcome }) => outcome === "failed");
    const asked: string[] = [];
    twilio.faults.take = (operation) => {
      asked.push(operation);
      return undefined;
    };
    await call("POST", `${PATH}/${id}/retry`, key, { twilio_token: parent.authToken });
    expect((await finish(key, id)).counts).toMatchObject({ imported: 6, failed: 0 });
    const opened = asked.filter((operation) => operation === "account");
    expect(opened).toHaveLength(failed?.twilio_sid === parent.sid ? 0 : 1);
  });

  it("finds on a retry what was bought meanwhile", async () => {
    const { parent, accounts } = haveAccounts(1, 1);
    const { key, body } = await prepareBulk(parent);
    const items = [{ phone_number: "+15007000000" }];
    const id = await begin(key, { ...body, items, include_subaccounts: true });
    expect((await finish(key, id)).counts.failed).toBe(1);
    const [, subaccount] = accounts;
    if (subaccount) addNumber(twilio.state, subaccount, { phone_number: "+15007000000" });
    await call("POST", `${PATH}/${id}/retry`, key, { twilio_token: parent.authToken });
    expect((await finish(key, id)).counts).toMatchObject({ imported: 1, failed: 0 });
  });

  it("of another API key is not found", async () => {
    const { parent } = haveAccounts(0, 1);
    const { key, body } = await prepareBulk(parent);
    const id = await begin(key, { ...body, all: true });
    const other = await createKey();
    for (const path of [`/${id}`, `/${id}/results`, `/${id}/results.csv`, "/imp_0"]) {
      await expectError(await get(PATH + path, other), 404, "phone_number_import_not_found");
    }
    for (const path of [`/${id}/cancel`, `/${id}/retry`]) {
      const response = await call("POST", PATH + path, other, { twilio_token: parent.authToken });
      await expectError(response, 404, "phone_number_import_not_found");
    }
    expect((await get(PATH, other).then((r) => r.json<{ count: number }>())).count).toBe(0);
  });

  it("stops when its API key is revoked, and its credentials are gone", async () => {
    const { parent } = haveAccounts(0, 2);
    const { key, body } = await prepareBulk(parent);
    const id = await begin(key, { ...body, all: true });
    const headers = { authorization: `Bearer ${env.ADMIN_TOKEN}` };
    await call("DELETE", `/v1/keys/${key.key_id}`, key, undefined, { headers });
    await ring(id);
    await runInDurableObject(objectOf(id), (_, { storage: { sql } }) => {
      const { state } = sql.exec<{ state: string }>("SELECT state FROM job").one();
      expect(JSON.parse(state)).toMatchObject({ status: "cancelled", stopReason: "key_revoked" });
      expect(sql.exec("SELECT auth_token_sealed FROM accounts").one().auth_token_sealed).toBeNull();
    });
    expect(operations()).not.toContain("update");
  });

  it("dies while a number is under way, and does not import it twice", async () => {
    const { parent } = haveAccounts(0, 1);
    const { key, body } = await prepareBulk(parent);
    const id = await begin(key, { ...body, items: [{ phone_number: "+15000000000" }] });
    const { promise: power, resolve: restore } = Promise.withResolvers<void>();
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
    const { fetch } = twilio;
    twilio.fetch = async (request) => {
      if (request.method !== "POST") return fetch(request);
      reach();
      await power;
      return fetch(request);
    };
    const run = ring(id);
    await reached;
    await runInDurableObject(objectOf(id), (_, state) => state.abort("the power is out")).catch(
      () => undefined,
    );
    await run;
    // The second attempt finds the claim of the first, which is still at work. No time passes: its lease holds.
    await runDurableObjectAlarm(objectOf(id));
    expect((await statusOf(key, id)).counts.waiting).toBe(1);
    restore();
    await vi.waitFor(async () =>
      expect((await rows<{ state: string }>("phone_numbers"))[0]?.state).toBe("active"),
    );
    expect((await finish(key, id)).counts).toMatchObject({ imported: 1, already_yours: 0 });
    expect(operations().filter((operation) => operation === "update")).toHaveLength(1);
  });

  it("is forgotten 30 days after its end", async () => {
    const { parent } = haveAccounts(0, 1);
    const { key, body } = await prepareBulk(parent);
    const id = await begin(key, { ...body, all: true });
    await finish(key, id);
    await ring(id);
    await expectError(await get(`${PATH}/${id}`, key), 404, "phone_number_import_not_found");
    expect((await get(PATH, key).then((r) => r.json<{ count: number }>())).count).toBe(0);
  });

  it("reports a fault of ours by number, and goes on", async () => {
    const { parent } = haveAccounts(0, 1);
    const { key, body } = await prepareBulk(parent);
    const id = await begin(key, { ...body, items: [{ phone_number: "+15000000000" }] });
    await runInDurableObject(objectOf(id), (_, { storage: { sql } }) => {
      sql.exec("UPDATE accounts SET auth_token_sealed = 'v1.gone.AAAA.AAAA'");
    });
    await finish(key, id);
    expect((await resultsOf(key, id))[0]?.error?.code).toBe("service_misconfigured");
  });
});

describe("a cell of the CSV", () => {
  it.each([
    ["+447446466847", "+447446466847"],
    ["=HYPERLINK(1)", "'=HYPERLINK(1)"],
    ["+1+cmd", "'+1+cmd"],
    ["-2", "'-2"],
    ["@x", "'@x"],
    ["\t=1", '"\'\t=1"'],
    ['say "no", twice', '"say ""no"", twice"'],
    ["two\nlines", '"two\nlines"'],
    ["＝1", "'＝1"],
    [" =1", "' =1"],
    ["a;=1", '"a;=1"'],
    ["a\t=1", '"a\t=1"'],
    ["plain", "plain"],
  ])("%j is %j", (value, expected) => {
    expect(cell(value)).toBe(expected);
  });
});
