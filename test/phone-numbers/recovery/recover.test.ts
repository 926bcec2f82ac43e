import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { deliverQueued, runCron } from "../../support/consume.ts";
import { prepareImport } from "../../support/import.ts";
import { expectErrorLog } from "../../support/logs.ts";
import { queued } from "../../support/queue.ts";
import { reconcile } from "../../support/reconciliation.ts";
import { twilio } from "../../support/twilio.ts";
import { call, createAgent, createKey, expectError, get, rows } from "../../support/worker.ts";
import { effects } from "../../twilio-simulator/faults.ts";
import type { NumberResource } from "../../twilio-simulator/resource.ts";
import { addAccount, addNumber, newSid } from "../../twilio-simulator/state.ts";

const NUMBER = "/v1/phone-numbers/%2B447446466847";

async function prepare() {
  const prepared = await prepareImport({
    voice_url: "https://old.example.com/voice?key=1",
    sms_url: "https://old.example.com/sms",
    trunk_sid: `TK${"0".repeat(32)}`,
  });
  const { key, body, number } = prepared;
  const configuration = ({ date_updated: _, ...fields }: NumberResource) =>
    Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, value ?? ""]));
  const before = configuration(structuredClone(number));
  const now = () => configuration(twilio.state.numbers.get(number.sid) ?? number);
  const importIt = () => call("POST", "/v1/phone-numbers", key, body);
  return { ...prepared, before, now, importIt };
}

const expireLeases = () =>
  env.DB.prepare(
    "UPDATE phone_numbers SET lease_expires_at = '2020', next_attempt_at = NULL, outcome_unknown_until = NULL",
  ).run();

describe("an import that was left unfinished", () => {
  it("is undone: nobody was told of it", async () => {
    const { importIt, before, now, key } = await prepare();
    twilio.faults.add({ operation: "update", effect: effects.replyLost });
    twilio.faults.add({ operation: "fetch", effect: effects.serverErrorHtml, times: 3 });
    await expectError(await importIt(), 502, "twilio_unavailable");
    expect(now().voice_url).toContain("/webhooks/twilio/");
    await reconcile();
    // Twilio may still be at work on what it did not answer.
    expect(await rows("phone_numbers")).toHaveLength(1);
    await expireLeases();
    await reconcile();
    expect(now()).toEqual(before);
    expect(await rows("phone_numbers")).toEqual([]);
    expect(await rows("twilio_accounts")).toEqual([]);
    await expectError(await get(NUMBER, key), 404, "number_not_found");
    expect((await importIt()).status).toBe(201);
  });

  it("is over, if its account does not have the number any more", async () => {
    const { importIt, number } = await prepare();
    twilio.faults.add({ operation: "update", effect: effects.replyLost });
    twilio.faults.add({ operation: "fetch", effect: effects.serverErrorHtml, times: 3 });
    await expectError(await importIt(), 502, "twilio_unavailable");
    await expireLeases();
    twilio.state.numbers.delete(number.sid);
    await reconcile();
    expect(await rows("phone_numbers")).toEqual([]);
    expect(await rows("twilio_accounts")).toEqual([]);
  });

  it("is left to the request that is still at work on it", async () => {
    const { importIt } = await prepare();
    await importIt();
    const lease = new Date(Date.now() + 60_000).toISOString();
    await env.DB.prepare("UPDATE phone_numbers SET state = 'importing', lease_expires_at = ?1")
      .bind(lease)
      .run();
    await reconcile();
    expect(await rows("phone_numbers")).toEqual([expect.objectContaining({ state: "importing" })]);
  });

  it("waits while Twilio is down, and is ended after a week, with what its owner had kept", async () => {
    const { importIt, before, now, key } = await prepare();
    await importIt();
    await env.DB.prepare("UPDATE phone_numbers SET state = 'importing'").run();
    await expireLeases();
    twilio.faults.add({ effect: effects.serverErrorHtml, times: null });
    await reconcile();
    expect(await rows("phone_numbers")).toHaveLength(1);
    const week = new Date(Date.now() - 8 * 86_400_000).toISOString();
    await env.DB.prepare("UPDATE phone_numbers SET created_at = ?1").bind(week).run();
    await expireLeases();
    await reconcile();
    expect(await rows("phone_numbers")).toEqual([expect.objectContaining({ state: "returning" })]);
    twilio.faults.clear();
    expect((await importIt()).status).toBe(201);
    expect((await call("DELETE", NUMBER, key)).status).toBe(200);
    expect(now()).toEqual(before);
  });
});

describe("recovery that comes to nothing", () => {
  it.each(["importing", "releasing"])("is tried ever more seldom: %s", async (state) => {
    const { importIt } = await prepare();
    await importIt();
    await env.DB.prepare("UPDATE phone_numbers SET state = ?1").bind(state).run();
    await expireLeases();
    twilio.faults.add({ effect: effects.serverErrorHtml, times: null });
    const minutes: number[] = [];
    for (let time = Date.now(), round = 0; round < 4; round += 1) {
      vi.useFakeTimers({ toFake: ["Date"], now: time });
      await reconcile();
      const [row] = await rows<{ next_attempt_at: string }>("phone_numbers");
      const next = Date.parse(row?.next_attempt_at ?? "");
      minutes.push(Math.round((next - time) / 60_000));
      time = next;
    }
    expect(minutes).toEqual([15, 30, 60, 120]);
  });
});

describe("a release that was left unfinished", () => {
  it("is carried through", async () => {
    const { importIt, before, now } = await prepare();
    await importIt();
    await env.DB.prepare("UPDATE phone_numbers SET state = 'releasing'").run();
    await expireLeases();
    await reconcile();
    expect(now()).toEqual(before);
    expect(await rows("phone_numbers")).toEqual([]);
  });

  it("done twice by messages that come twice is done once", async () => {
    const { importIt, before, now } = await prepare();
    await importIt();
    await env.DB.prepare("UPDATE phone_numbers SET state = 'releasing'").run();
    await expireLeases();
    await Promise.all([reconcile(), reconcile()]);
    expect(now()).toEqual(before);
    expect(await rows("phone_numbers")).toEqual([]);
  });
});

describe("many releases that were left unfinished", () => {
  /** As many more rows like the only one. */
  async function multiply(count: number): Promise<void> {
    const [row] = await rows<Record<string, unknown>>("phone_numbers");
    const columns = Object.keys(row ?? {}).filter((name) => name !== "health");
    const values = columns.map((name) => {
      if (name === "id") return "'num_' || printf('%032d', value)";
      return name === "phone_number" ? "'+1500555' || printf('%04d', value)" : `phone_numbers.${name}`;
    });
    await env.DB.prepare(
      `INSERT INTO phone_numbers (${columns.join(", ")})
       SELECT ${values.join(", ")} FROM phone_numbers, json_each(?1)`,
    )
      .bind(JSON.stringify(Array.from({ length: count }, (_, index) => index)))
      .run();
    await env.DB.prepare("UPDATE phone_numbers SET state = 'releasing'").run();
    await expireLeases();
  }

  it("are carried through without another cron run, though a message takes fifty", async () => {
    const { importIt } = await prepare();
    await importIt();
    await multiply(60);
    await reconcile();
    await deliverQueued();
    // What is sealed opens for its own row only, so the others wait to be restored.
    const left = await rows<{ state: string }>("phone_numbers");
    expect(left.map(({ state }) => state)).toEqual(Array.from({ length: 60 }, () => "returning"));
  });

  it("are left to whoever has the account by now", async () => {
    const { importIt } = await prepare();
    await importIt();
    await multiply(2);
    await expireLeases();
    const { fetch } = twilio;
    twilio.fetch = async (request) => {
      await env.DB.prepare("UPDATE twilio_accounts SET check_holder = 'another'").run();
      return fetch(request);
    };
    await reconcile();
    const left = await rows<{ state: string }>("phone_numbers");
    expect(left.map(({ state }) => state)).toEqual(["releasing", "releasing"]);
  });

  it("hide no other account's", async () => {
    const first = await prepare();
    await first.importIt();
    await multiply(600);
    const other = await prepareImport({ phone_number: "+447446466848" });
    await call("POST", "/v1/phone-numbers", other.key, other.body);
    await env.DB.prepare(
      "UPDATE phone_numbers SET state = 'releasing', lease_expires_at = '2021' WHERE phone_number = '+447446466848'",
    ).run();
    await runCron("*/15 * * * *");
    const accounts = queued().flatMap((message) => (message.kind === "recover" ? [message.accountSid] : []));
    expect(accounts).toEqual([first.body.twilio_sid, other.body.twilio_sid]);
  });
});

describe("a number that Twilio could not be told of when it was released", () => {
  const returnDue = () =>
    env.DB.prepare("UPDATE phone_numbers SET next_attempt_at = '2020', outcome_unknown_until = NULL").run();

  async function released() {
    const prepared = await prepare();
    await prepared.importIt();
    twilio.faults.add({ effect: effects.serverErrorHtml, times: null });
    expect((await call("DELETE", NUMBER, prepared.key)).status).toBe(200);
    return prepared;
  }

  it("is given back as soon as Twilio can be told, and forgotten then", async () => {
    const { before, now, key } = await released();
    await reconcile();
    expect(await rows("phone_numbers")).toHaveLength(1);
    await returnDue();
    await reconcile();
    expect(await rows("phone_numbers")).toEqual([expect.objectContaining({ recovery_attempts: 2 })]);
    twilio.faults.clear();
    await returnDue();
    await reconcile();
    expect(now()).toEqual(before);
    expect(await rows("phone_numbers")).toEqual([]);
    expect(await rows("twilio_accounts")).toEqual([]);
    await expectError(await call("DELETE", NUMBER, key), 404, "number_not_found");
  });

  it("is forgotten a week after the release, however often it is tried until then", async () => {
    await released();
    const start = Date.now();
    const left: number[] = [];
    for (const day of [1, 3, 6, 8]) {
      vi.useFakeTimers({ toFake: ["Date"], now: start + day * 86_400_000 });
      await reconcile();
      left.push((await rows("phone_numbers")).length);
    }
    expect(left).toEqual([1, 1, 1, 0]);
  });

  it("gives way to whoever shows that they have it, who gives back what was there before", async () => {
    const { body, before, now } = await released();
    twilio.faults.clear();
    const other = await createKey();
    const agent_id = await createAgent(other);
    expect((await call("POST", "/v1/phone-numbers", other, { ...body, agent_id })).status).toBe(201);
    expect(await rows("phone_numbers")).toEqual([
      expect.objectContaining({ state: "active", api_key_id: other.key_id, agent_id }),
    ]);
    expect(await rows("twilio_accounts")).toEqual([expect.objectContaining({ api_key_id: other.key_id })]);
    expect((await call("DELETE", NUMBER, other)).status).toBe(200);
    expect(now()).toEqual(before);
  });

  it("keeps nothing for whoever has it in another account by now", async () => {
    const { body, number } = await released();
    twilio.faults.clear();
    twilio.state.numbers.delete(number.sid);
    const account = addAccount(twilio.state);
    const moved = addNumber(twilio.state, account, {
      ...structuredClone(number),
      sid: newSid("PN"),
      account_sid: account.sid,
    });
    const other = await createKey();
    const theirs = { ...body, twilio_sid: account.sid, twilio_token: account.authToken };
    const agent_id = await createAgent(other);
    expect((await call("POST", "/v1/phone-numbers", other, { ...theirs, agent_id })).status).toBe(201);
    expect((await call("DELETE", NUMBER, other)).status).toBe(200);
    expect(JSON.stringify(moved)).not.toContain("old.example.com");
    expect(JSON.stringify(moved)).not.toContain("/webhooks/twilio/");
  });

  it("can be imported again though what it had cannot be opened any more", async () => {
    expectErrorLog("previous_configuration_lost");
    const { importIt } = await released();
    twilio.faults.clear();
    await env.DB.prepare(
      "UPDATE phone_numbers SET previous_configuration_sealed = 'v1.gone.AAAA.AAAA'",
    ).run();
    expect((await importIt()).status).toBe(201);
  });

  it("keeps no agent from being deleted", async () => {
    const { key, body } = await released();
    expect((await call("DELETE", `/v1/agents/${body.agent_id}`, key)).status).toBe(200);
  });
});
