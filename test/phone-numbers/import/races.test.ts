import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { haveImported, tell } from "../../support/answering.ts";
import { databaseBefore } from "../../support/database.ts";
import { prepareImport } from "../../support/import.ts";
import { operations, twilio } from "../../support/twilio.ts";
import { createAgent, createKey, expectError, post, rows } from "../../support/worker.ts";
import { effects } from "../../twilio-simulator/faults.ts";
import { addNumber } from "../../twilio-simulator/state.ts";

const prepare = () => prepareImport({ voice_url: "https://old.example.com/voice" });

const times = <T>(count: number, make: (index: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, index) => make(index)));

const statuses = (responses: Response[]) => responses.map(({ status }) => status).sort();

describe("races", () => {
  it("20 imports of one number at once: one 201, nineteen 409, one row, one write at Twilio", async () => {
    const { key, body, number } = await prepare();
    const responses = await times(20, () => post("/v1/phone-numbers", body, { key }));
    expect(statuses(responses)).toEqual([201, ...Array<number>(19).fill(409)]);
    expect(operations().filter((operation) => operation === "update")).toHaveLength(1);
    const [row, ...others] = await rows("phone_numbers");
    expect(others).toEqual([]);
    expect(row).toMatchObject({ state: "active" });
    expect(twilio.state.numbers.get(number.sid)?.voice_url).toContain(`/${row?.id}/voice`);
  });

  it("two keys at once: one wins, and the other leaves nothing behind", async () => {
    const { key, body } = await prepare();
    const other = await createKey();
    const otherBody = { ...body, agent_id: await createAgent(other) };
    const responses = await Promise.all([
      post("/v1/phone-numbers", body, { key }),
      post("/v1/phone-numbers", otherBody, { key: other }),
    ]);
    expect(statuses(responses)).toEqual([201, 409]);
    expect(await rows("phone_numbers")).toHaveLength(1);
    expect(await rows("twilio_accounts")).toHaveLength(1);
  });

  it("20 numbers of one new account at once: all are imported, under one account", async () => {
    const { account, key, body } = await prepare();
    const numbers = Array.from({ length: 20 }, (_, index) => `+150055501${String(index).padStart(2, "0")}`);
    for (const phone_number of numbers) addNumber(twilio.state, account, { phone_number });
    const responses = await times(20, (index) =>
      post("/v1/phone-numbers", { ...body, phone_number: numbers[index] }, { key }),
    );
    expect(statuses(responses)).toEqual(Array<number>(20).fill(201));
    expect(await rows("twilio_accounts")).toHaveLength(1);
    for (const number of numbers.slice(0, 3)) expect((await twilio.ring(number)).answeredBy).toBe("webhook");
  });

  it("several imports take over what was left behind: one wins, and it keeps the first snapshot", async () => {
    const { key, body, number } = await prepare();
    twilio.faults.add({ operation: "update", effect: effects.replyLost });
    twilio.faults.add({ operation: "fetch", effect: effects.serverErrorHtml, times: 3 });
    await expectError(await post("/v1/phone-numbers", body, { key }), 502, "twilio_unavailable");
    const responses = await times(10, () => post("/v1/phone-numbers", body, { key }));
    expect(statuses(responses)).toEqual([201, ...Array<number>(9).fill(409)]);
    expect(await rows("phone_numbers")).toHaveLength(1);
    expect(twilio.state.numbers.get(number.sid)?.voice_url).toContain("/webhooks/twilio/");
  });

  it("an import that was taken over does not disturb the one that took over", async () => {
    const { key, body, number } = await prepare();
    // The first import's update is held up; meanwhile its lease runs out and the owner imports again.
    twilio.faults.add({ operation: "update", effect: effects.appliedButServerError });
    let second: Response | undefined;
    const original = twilio.fetch;
    twilio.fetch = async (request) => {
      if (request.method === "GET" && request.url.includes(number.sid) && !second) {
        twilio.fetch = original;
        await env.DB.prepare("UPDATE phone_numbers SET lease_expires_at = '2000-01-01T00:00:00.000Z'").run();
        second = await post("/v1/phone-numbers", body, { key });
      }
      return original(request);
    };
    const first = await post("/v1/phone-numbers", body, { key });
    expect(second?.status).toBe(201);
    await expectError(first, 502, "twilio_unavailable");
    const [row] = await rows("phone_numbers");
    expect(row).toMatchObject({ state: "active" });
    expect(twilio.state.numbers.get(number.sid)?.voice_url).toContain(`/${row?.id}/voice`);
  });

  it("an agent that vanishes between the look-up and the claim is agent_not_found", async () => {
    const { key, body, number } = await prepare();
    let isClaim = false;
    const DB = databaseBefore("INSERT INTO phone_numbers", async () => {
      isClaim = true;
      await env.DB.prepare("DELETE FROM agents").run();
    });
    await expectError(await post("/v1/phone-numbers", body, { key, env: { DB } }), 404, "agent_not_found");
    expect(isClaim).toBe(true);
    expect(operations()).toEqual(["list"]);
    expect(twilio.state.numbers.get(number.sid)?.voice_url).toBe("https://old.example.com/voice");
    expect(await rows("phone_numbers")).toEqual([]);
  });

  it("with a new token keep the one before, which still signs calls", async () => {
    const imported = await haveImported();
    const { account, key, agentId } = imported;
    account.secondaryAuthToken = "d".repeat(32);
    const body = { twilio_sid: account.sid, twilio_token: account.secondaryAuthToken, agent_id: agentId };
    const phoneNumbers = Array.from({ length: 8 }, (_, index) => `+1500555010${index}`);
    for (const phone_number of phoneNumbers) addNumber(twilio.state, account, { phone_number });
    const responses = await Promise.all(
      phoneNumbers.map((phone_number) => post("/v1/phone-numbers", { ...body, phone_number }, { key })),
    );
    expect(responses.map(({ status }) => status)).toEqual(phoneNumbers.map(() => 201));
    for (const token of [account.authToken, account.secondaryAuthToken]) {
      expect((await tell(imported, "voice", { CallSid: "CA1" }, { token })).status).toBe(200);
    }
  });
});
