import { afterEach, describe, expect, it, vi } from "vitest";
import { RECONCILIATION } from "../../src/queues.ts";
import { haveImported, type Imported, tell } from "../support/answering.ts";
import { deliverQueued, runCron } from "../support/consume.ts";
import { operations, twilio } from "../support/twilio.ts";
import { call, createAgent, post, rows } from "../support/worker.ts";
import { addNumber } from "../twilio-simulator/state.ts";

// How often an account is checked: each hour, or every six hours if nothing happens to it.

const MINUTE_MS = 60 * 1000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** Moves the clock. */
function later(ms: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
}

/** In how many minutes the account is checked again. */
async function dueIn(): Promise<number> {
  const [row] = await rows<{ next_check_at: string }>("twilio_accounts");
  return (Date.parse(row?.next_check_at ?? "") - Date.now()) / MINUTE_MS;
}

/** What the cron checks now. */
async function checks(): Promise<number> {
  twilio.state.requests.length = 0;
  await runCron("*/15 * * * *");
  await deliverQueued(RECONCILIATION);
  return operations().filter((operation) => operation === "list").length;
}

const HOURLY = 50;
const QUIET = 350;

/** An account that nothing has happened to for eight days. */
async function quietAccount(): Promise<Imported> {
  const imported = await haveImported();
  later(8 * DAY_MS);
  expect(await checks()).toBe(1);
  expect(await dueIn()).toBe(QUIET);
  return imported;
}

const ring = (imported: Imported) => tell(imported, "voice", { CallSid: "CA1", From: "+15005550006" });
const numberOf = ({ phoneNumber }: Imported) => `/v1/phone-numbers/${encodeURIComponent(phoneNumber)}`;
const atTwilio = ({ phoneNumber }: Imported) =>
  [...twilio.state.numbers.values()].find(({ phone_number }) => phone_number === phoneNumber) ?? {};

afterEach(() => {
  vi.useRealTimers();
});

describe("an account that was quiet and in order for a week", () => {
  it("is checked every six hours", async () => {
    await haveImported();
    later(60 * MINUTE_MS);
    expect(await checks()).toBe(1);
    expect(await dueIn()).toBe(HOURLY);
    later(7 * DAY_MS);
    expect(await checks()).toBe(1);
    expect(await dueIn()).toBe(QUIET);
    later(345 * MINUTE_MS);
    expect(await checks()).toBe(0);
    later(15 * MINUTE_MS);
    expect([await checks(), await dueIn()]).toEqual([1, QUIET]);
  });

  const signs: [string, number, (imported: Imported) => Promise<unknown>][] = [
    ["a call", HOURLY, ring],
    ["a text", HOURLY, (imported) => tell(imported, "sms", { MessageSid: "SM1", Body: "Hi" })],
    [
      "a call that the voice URL did not answer",
      HOURLY,
      (imported) => tell(imported, "voice-fallback", { CallSid: "CA1" }),
    ],
    [
      "a change of the number",
      HOURLY,
      (imported) => call("PATCH", numberOf(imported), imported.key, { label: "Front desk" }),
    ],
    [
      "a number that a check of its own found changed",
      HOURLY,
      (imported) => {
        Object.assign(atTwilio(imported), { voice_method: "GET" });
        return call("POST", `${numberOf(imported)}/check`, imported.key);
      },
    ],
    [
      "a connect",
      QUIET,
      ({ account, key }) =>
        post("/v1/twilio-accounts", { twilio_sid: account.sid, twilio_token: account.authToken }, { key }),
    ],
    [
      "refused signatures",
      HOURLY,
      async (imported) => {
        for (const CallSid of ["CA1", "CA2", "CA3"])
          await tell(imported, "voice", { CallSid }, { token: "f".repeat(32) });
      },
    ],
  ];
  it.each(signs)("is due at once after %s, and then again after %i minutes", async (_, rhythm, happens) => {
    const imported = await quietAccount();
    later(MINUTE_MS);
    await happens(imported);
    expect(await dueIn()).toBe(0);
    expect(await checks()).toBe(1);
    expect(await dueIn()).toBe(rhythm);
  });

  it("is due within the hour after an import", async () => {
    const { account, key } = await quietAccount();
    addNumber(twilio.state, account, { phone_number: "+15005550001" });
    const agent_id = await createAgent(key);
    const credentials = { twilio_sid: account.sid, twilio_token: account.authToken };
    const body = { phone_number: "+15005550001", agent_id, ...credentials };
    expect((await post("/v1/phone-numbers", body, { key })).status).toBe(201);
    expect(await dueIn()).toBe(HOURLY);
  });

  it("stays on its hour while a number is not in order, or is called", async () => {
    const imported = await haveImported();
    Object.assign(atTwilio(imported), { voice_method: "GET" });
    await call("PATCH", numberOf(imported), imported.key, { drift_policy: "report" });
    later(8 * DAY_MS);
    expect([await checks(), await dueIn()]).toEqual([1, HOURLY]);
    Object.assign(atTwilio(imported), { voice_method: "POST" });
    await ring(imported);
    later(60 * MINUTE_MS);
    expect([await checks(), await dueIn()]).toEqual([1, HOURLY]);
    later(8 * DAY_MS);
    expect([await checks(), await dueIn()]).toEqual([1, QUIET]);
  });
});
