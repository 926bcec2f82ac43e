import { describe, expect, it } from "vitest";
import { prepareImport } from "../support/import.ts";
import { operations, twilio } from "../support/twilio.ts";
import { call, expectError } from "../support/worker.ts";
import { type Effect, effects } from "../twilio-simulator/faults.ts";
import { addAccount } from "../twilio-simulator/state.ts";

async function prepare() {
  const prepared = await prepareImport();
  const { key, body } = prepared;
  const refused = async (changes: Record<string, unknown>, code: string) => {
    const response = await call("POST", "/v1/phone-numbers", key, { ...body, ...changes });
    return expectError(response, code === "invalid_twilio_sid" ? 400 : 401, code);
  };
  return { ...prepared, refused };
}

describe("refused credentials come with a reason", () => {
  it("wrong_token", async () => {
    const { refused } = await prepare();
    const error = await refused({ twilio_token: "0".repeat(32) }, "twilio_auth_failed");
    expect(error.details).toMatchObject({ reason: "wrong_token", twilio_code: 20003 });
    expect(error.message).toContain("Copy the token anew");
  });

  it("unknown_account", async () => {
    const { refused } = await prepare();
    const error = await refused({ twilio_sid: `AC${"0".repeat(32)}` }, "twilio_auth_failed");
    expect(error.details).toMatchObject({ reason: "unknown_account" });
  });

  it("api_key_in_sid, without asking Twilio", async () => {
    const { refused } = await prepare();
    const error = await refused({ twilio_sid: `SK${"0".repeat(32)}` }, "invalid_twilio_sid");
    expect(error.details).toMatchObject({ fields: ["twilio_sid"], reason: "api_key_in_sid" });
    expect(error.message).toContain("begins with AC");
    expect(operations()).toEqual([]);
  });

  it.each<[string, Effect, string]>([
    ["suspended_account", effects.notActive, "twilio_invalid_credentials"],
    ["test_credentials", effects.testCredentials, "twilio_invalid_credentials"],
    ["missing_permission", effects.restrictedKey, "twilio_invalid_credentials"],
  ])("%s, by Twilio's code alone", async (reason, effect, code) => {
    const { refused } = await prepare();
    twilio.faults.add({ operation: "list", effect });
    expect((await refused({}, code)).details).toMatchObject({ reason });
    expect(operations()).toEqual(["list"]);
  });

  it("missing_permission, where the account itself answers", async () => {
    const { refused } = await prepare();
    twilio.faults.add({ operation: "list", effect: effects.authenticate });
    expect((await refused({}, "twilio_auth_failed")).details).toMatchObject({ reason: "missing_permission" });
  });

  it("suspended_account, where the account itself says so", async () => {
    const { refused } = await prepare();
    twilio.faults.add({ operation: "list", effect: effects.authenticate });
    const body = JSON.stringify({ status: "suspended", auth_token: "x".repeat(32) });
    twilio.faults.add({ operation: "account", effect: { kind: "respond", status: 200, body } });
    expect((await refused({}, "twilio_auth_failed")).details).toMatchObject({ reason: "suspended_account" });
  });

  it("parent_account_token, if the key has imported a number of the parent", async () => {
    const { refused, account, key, body } = await prepare();
    await call("POST", "/v1/phone-numbers", key, body);
    const subaccount = addAccount(twilio.state, { ownerSid: account.sid });
    const changes = { twilio_sid: subaccount.sid, phone_number: "+15005550009" };
    const error = await refused(changes, "twilio_auth_failed");
    expect(error.details).toMatchObject({ reason: "parent_account_token" });
    expect(error.message).toMatch(/^This is the Auth Token of the account's parent/);
    const stranger = addAccount(twilio.state);
    const other = await refused({ ...changes, twilio_sid: stranger.sid }, "twilio_auth_failed");
    expect(other.details).toMatchObject({ reason: "wrong_token" });
  });

  it("even where the probes fail", async () => {
    const { refused } = await prepare();
    twilio.faults.add({ operation: "account", effect: effects.reset, times: null });
    const error = await refused({ twilio_token: "0".repeat(32) }, "twilio_auth_failed");
    expect(error.details).toMatchObject({ reason: "wrong_token" });
  });
});
