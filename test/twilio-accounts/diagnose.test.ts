import { describe, expect, it } from "vitest";
import { prepareImport } from "../support/import.ts";
import { answerInOtherRegion, operations, twilio } from "../support/twilio.ts";
import { call, expectError } from "../support/worker.ts";
import { type Effect, effects } from "../twilio-simulator/faults.ts";

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
    expect(error.details).toEqual({ fields: ["twilio_sid"], reason: "api_key_in_sid" });
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

  it("other_region, where another region takes them", async () => {
    const { refused } = await prepare();
    answerInOtherRegion(() => Response.json({ incoming_phone_numbers: [] }));
    const error = await refused({ twilio_token: "0".repeat(32) }, "twilio_auth_failed");
    expect(error.details).toMatchObject({ reason: "other_region" });
  });

  it("after at most two more requests", async () => {
    const { refused } = await prepare();
    let regional = 0;
    answerInOtherRegion(() => {
      regional += 1;
      return Response.json({}, { status: 401 });
    });
    await refused({ twilio_token: "0".repeat(32) }, "twilio_auth_failed");
    // Twilio refuses before it records what was asked for, so the simulator saw none of the refused ones.
    expect([operations(), regional]).toEqual([[], 1]);
  });

  it("even where the probes fail", async () => {
    const { refused } = await prepare();
    twilio.faults.add({ operation: "account", effect: effects.reset, times: null });
    answerInOtherRegion(() => new Response("", { status: 500 }));
    const error = await refused({ twilio_token: "0".repeat(32) }, "twilio_auth_failed");
    expect(error.details).toMatchObject({ reason: "wrong_token" });
  });
});
