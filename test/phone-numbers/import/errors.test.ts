import { describe, expect, it } from "vitest";
import { prepareImport } from "../../support/import.ts";
import { operations, twilio } from "../../support/twilio.ts";
import { createAgent, createKey, expectError, post, rows } from "../../support/worker.ts";
import { effects } from "../../twilio-simulator/faults.ts";
import { addAccount } from "../../twilio-simulator/state.ts";

const UNKNOWN_AGENT = "agent_0000000000000000";
const UNKNOWN_ACCOUNT = `AC${"0".repeat(32)}`;

async function prepare() {
  const { account, number, key, body } = await prepareImport();
  const untouched = structuredClone(number);
  const refused = async (changes: Record<string, unknown>, status: number, code: string) => {
    const error = await expectError(
      await post("/v1/phone-numbers", { ...body, ...changes }, { key }),
      status,
      code,
    );
    expect(await rows("phone_numbers")).toEqual([]);
    expect(await rows("twilio_accounts")).toEqual([]);
    expect(twilio.state.numbers.get(number.sid)).toEqual(untouched);
    return error;
  };
  return { account, number, key, body, refused };
}

describe("missing_field", () => {
  it.each([
    ["absent", undefined],
    ["null", null],
    ["empty", ""],
    ["blank", " \t\n "],
  ])("names every field that is %s", async (_, value) => {
    const { refused } = await prepare();
    const error = await refused({ twilio_token: value, agent_id: value }, 400, "missing_field");
    expect(error.type).toBe("invalid_request");
    expect(error.details).toMatchObject({ fields: ["twilio_token", "agent_id"] });
    expect(error.message).toContain("twilio_token, agent_id");
    expect(operations()).toEqual([]);
  });

  it("names all four for an empty object", async () => {
    const key = await createKey();
    const error = await expectError(await post("/v1/phone-numbers", {}, { key }), 400, "missing_field");
    expect(error.details).toMatchObject({
      fields: ["phone_number", "twilio_sid", "twilio_token", "agent_id"],
    });
  });
});

describe("invalid_field", () => {
  it.each([12, true, ["+447446466847"], { number: "+447446466847" }])(
    "is a value of the wrong type: %j",
    async (value) => {
      const { refused } = await prepare();
      const error = await refused({ phone_number: value, agent_id: value }, 400, "invalid_field");
      expect(error.details).toMatchObject({ fields: ["phone_number", "agent_id"] });
    },
  );

  it("is a value that is too long", async () => {
    const { refused } = await prepare();
    const error = await refused({ twilio_token: "x".repeat(257) }, 400, "invalid_field");
    expect(error.details).toMatchObject({ fields: ["twilio_token"] });
  });
});

describe("invalid_phone_format", () => {
  it.each([
    "447446466847",
    "07446466847",
    "+0447446466847",
    "+44 7446 466847",
    "+44(0)7446466847",
    "+4474464668471234",
    "+4",
    "+",
    "+44744646684a",
    "+٤٤٧٤٤٦٤٦٦٨٤٧",
    "+447446466847\u0000",
    "+447446466847\n+447446466848",
    "tel:+447446466847",
    "x".repeat(5000),
  ])("is %j", async (phone_number) => {
    const { refused } = await prepare();
    await refused({ phone_number }, 400, "invalid_phone_format");
    expect(operations()).toEqual([]);
  });

  it("is the same in camelCase", async () => {
    const { refused } = await prepare();
    await refused({ phone_number: undefined, phoneNumber: "07446466847" }, 400, "invalid_phone_format");
  });
});

describe("invalid_twilio_sid", () => {
  it.each([
    `AC${"0".repeat(31)}`,
    `AC${"0".repeat(33)}`,
    `AC${"A".repeat(32)}`,
    `SK${"0".repeat(32)}`,
    `ac${"0".repeat(32)}`,
    `AC${"0".repeat(30)}/x`,
    "AC",
  ])("is %j", async (twilio_sid) => {
    const { refused } = await prepare();
    await refused({ twilio_sid }, 400, "invalid_twilio_sid");
    await refused({ twilio_sid: undefined, twilioSid: twilio_sid }, 400, "invalid_twilio_sid");
    expect(operations()).toEqual([]);
  });
});

describe("Twilio's refusals", () => {
  it("is twilio_auth_failed for a wrong token", async () => {
    const { refused } = await prepare();
    const error = await refused({ twilio_token: "0".repeat(32) }, 401, "twilio_auth_failed");
    expect(error.type).toBe("authentication_error");
    expect(error.details).toMatchObject({ twilio_status: 401, twilio_code: 20003 });
    expect(error.message).toMatch(/^Twilio knows the account, .* Twilio answered 20003\.$/);
    expect(error.message).not.toContain("Usual causes");
  });

  it("is twilio_auth_failed for an unknown account, and for a token no encoder likes", async () => {
    const { refused } = await prepare();
    await refused({ twilio_sid: UNKNOWN_ACCOUNT }, 401, "twilio_auth_failed");
    await refused({ twilio_token: "tökén ☎ \u0001" }, 401, "twilio_auth_failed");
  });

  it.each([
    ["401 without a code", effects.unauthorizedWithoutCode],
    ["401 of a restricted key", effects.restrictedKey],
    ["403 of a suspended account", effects.notActive],
  ])("is twilio_invalid_credentials for %s", async (_, effect) => {
    const { refused } = await prepare();
    twilio.faults.add({ effect });
    await refused({}, 401, "twilio_invalid_credentials");
    expect(operations()).not.toContain("update");
  });

  it("is twilio_auth_failed for 20003 in the newer error format too", async () => {
    const { refused } = await prepare();
    twilio.faults.add({ effect: effects.rfc9457 });
    await refused({}, 401, "twilio_auth_failed");
  });

  it("is number_not_in_twilio for a number the account does not have", async () => {
    const { refused } = await prepare();
    const error = await refused({ phone_number: "+447446466848" }, 404, "number_not_in_twilio");
    expect(error.type).toBe("not_found");
    // Twilio's pattern also finds longer numbers that hold this one.
    await refused({ phone_number: "+44744646684" }, 404, "number_not_in_twilio");
  });

  it("is number_not_in_twilio for a number of another account", async () => {
    const { refused } = await prepare();
    const other = addAccount(twilio.state);
    await refused({ twilio_sid: other.sid, twilio_token: other.authToken }, 404, "number_not_in_twilio");
  });

  it.each([20005, 10001, 21472])("is suspended_account by code, whatever the status: %i", async (code) => {
    const { refused } = await prepare();
    twilio.faults.add({ effect: effects.refusal(code), operation: "list" });
    const error = await refused({}, 401, "twilio_invalid_credentials");
    expect(error.details).toMatchObject({ twilio_status: 400, reason: "suspended_account" });
  });

  it("is twilio_unavailable with Twilio's code for a refusal of another kind", async () => {
    const { refused } = await prepare();
    twilio.faults.add({ effect: effects.invalidUrl, operation: "list" });
    const error = await refused({}, 502, "twilio_unavailable");
    expect(error.details).toEqual({ twilio_status: 400, twilio_code: 21402 });
  });
});

describe("the agent", () => {
  it("is agent_not_found where there is no such agent", async () => {
    const { refused } = await prepare();
    for (const agent_id of [UNKNOWN_AGENT, "reception", "agent_' OR 1=1 --", "agent_\u0000", "\ud800"]) {
      await refused({ agent_id }, 404, "agent_not_found");
      await refused({ agent_id: undefined, agentId: agent_id }, 404, "agent_not_found");
    }
  });

  it("is agent_not_owned where it belongs to another key", async () => {
    const { refused } = await prepare();
    const agent_id = await createAgent(await createKey());
    const error = await refused({ agent_id }, 403, "agent_not_owned");
    expect(error.type).toBe("permission_error");
  });
});

describe("number_already_imported", () => {
  it("is a second import by the same key, even with the same body", async () => {
    const { key, body, number } = await prepare();
    expect((await post("/v1/phone-numbers", body, { key })).status).toBe(201);
    const held = structuredClone(twilio.state.numbers.get(number.sid));
    const error = await expectError(
      await post("/v1/phone-numbers", body, { key }),
      409,
      "number_already_imported",
    );
    expect(error.type).toBe("conflict");
    expect(error.details).toEqual({});
    expect(error.message).toContain(`already, for ${body.agent_id}.`);
    expect(twilio.state.numbers.get(number.sid)).toEqual(held);
    expect(operations()).toEqual(["list", "update", "list"]);
  });

  it("is an import by another key, which is not told whose the number is", async () => {
    const { key, body } = await prepare();
    expect((await post("/v1/phone-numbers", body, { key })).status).toBe(201);
    const other = await createKey();
    const response = await post(
      "/v1/phone-numbers",
      { ...body, agent_id: await createAgent(other) },
      { key: other },
    );
    const error = await expectError(response.clone() as Response, 409, "number_already_imported");
    expect(error.details).toEqual({});
    expect(await response.text()).not.toMatch(new RegExp(`${key.key_id}|${body.agent_id}`));
  });
});

describe("of several faults the first in the contract's order is reported", () => {
  const wrongToken = { twilio_token: "0".repeat(32) };
  const unknownNumber = { phone_number: "+15005550009" };
  it.each([
    ["missing_field", 400, { agent_id: "", phone_number: "x", twilio_sid: "x" }],
    ["missing_field", 400, { agent_id: null, phone_number: 12 }],
    ["invalid_field", 400, { twilio_token: 12, phone_number: "x", twilio_sid: "x" }],
    [
      "invalid_phone_format",
      400,
      { phone_number: "x", twilio_sid: "x", ...wrongToken, agent_id: UNKNOWN_AGENT },
    ],
    ["invalid_twilio_sid", 400, { twilio_sid: "x", ...wrongToken, agent_id: UNKNOWN_AGENT }],
    ["twilio_auth_failed", 401, { ...wrongToken, ...unknownNumber, agent_id: UNKNOWN_AGENT }],
    ["number_not_in_twilio", 404, { ...unknownNumber, agent_id: UNKNOWN_AGENT }],
  ])("%s", async (code, status, changes) => {
    const { refused } = await prepare();
    await refused(changes, status, code);
  });

  it("agent before duplicate", async () => {
    const { key, body } = await prepare();
    await post("/v1/phone-numbers", body, { key });
    const foreign = await createAgent(await createKey());
    const again = (agent_id: string) => post("/v1/phone-numbers", { ...body, agent_id }, { key });
    await expectError(await again(UNKNOWN_AGENT), 404, "agent_not_found");
    await expectError(await again(foreign), 403, "agent_not_owned");
  });
});

it("repeats no value of the request in an error", async () => {
  const { key, body } = await prepare();
  for (const changes of [
    { twilio_sid: "x" },
    { agent_id: "" },
    { twilio_token: "9".repeat(300) },
    { phone_number: 1 },
  ]) {
    const request = { ...body, ...changes };
    const text = await (await post("/v1/phone-numbers", request, { key })).text();
    expect(text).not.toContain(request.twilio_token);
  }
});
