import { describe, expect, it } from "vitest";
import { watchedDatabase } from "../../support/database.ts";
import { prepareImport } from "../../support/import.ts";
import { haveNumber, operations, twilio } from "../../support/twilio.ts";
import { BASE, createAgent, createKey, type Key, post, rows } from "../../support/worker.ts";
import { effects } from "../../twilio-simulator/faults.ts";
import { addAccount, addApplication, addNumber } from "../../twilio-simulator/state.ts";

type Row = { id: string; previous_configuration_sealed: string; state: string; [column: string]: unknown };

const importIt = (body: unknown, key: Key) => post("/v1/phone-numbers", body, { key });

describe("POST /v1/phone-numbers", () => {
  it("answers 201 with the imported number, and nothing else", async () => {
    const { number, key, body } = await prepareImport();
    const response = await importIt(body, key);
    expect(response.status).toBe(201);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toEqual({
      phone_number: {
        phone_number: "+447446466847",
        agent_id: body.agent_id,
        twilio_number_sid: number.sid,
        inbound_enabled: true,
        outbound_enabled: true,
      },
    });
  });

  it("points voice, SMS, status callback and both fallbacks at this deployment", async () => {
    const { number, key, body } = await prepareImport();
    await importIt(body, key);
    const [row] = await rows<Row>("phone_numbers");
    const base = `${BASE}/webhooks/twilio/${row?.twilio_account_id}/${row?.id}`;
    expect(row?.twilio_account_id).toMatch(/^twa_[0-9a-f]{32}$/);
    expect(row?.id).toMatch(/^num_[0-9a-f]{48}$/);
    expect(twilio.state.numbers.get(number.sid)).toMatchObject({
      voice_url: `${base}/voice#rc=1&rp=ct&ct=2000`,
      voice_method: "POST",
      voice_fallback_url: `${base}/voice-fallback#rc=1&rp=ct&ct=2000`,
      voice_fallback_method: "POST",
      voice_receive_mode: "voice",
      sms_url: `${base}/sms#rc=2&rp=5xx,ct,rt&ct=2000&rt=3000`,
      sms_method: "POST",
      sms_fallback_url: `${base}/sms-fallback#rc=2&rp=5xx,ct,rt&ct=2000&rt=3000`,
      sms_fallback_method: "POST",
      status_callback: `${base}/status#rc=2&rp=5xx,ct,rt&ct=2000&rt=3000`,
      status_callback_method: "POST",
    });
  });

  it("sends the documented parameters and no other", async () => {
    const { key, body } = await prepareImport();
    await importIt(body, key);
    const update = twilio.state.requests.find(({ operation }) => operation === "update");
    expect(Object.keys(update?.parameters ?? {}).sort()).toEqual([
      "SmsApplicationSid",
      "SmsFallbackMethod",
      "SmsFallbackUrl",
      "SmsMethod",
      "SmsUrl",
      "StatusCallback",
      "StatusCallbackMethod",
      "TrunkSid",
      "VoiceApplicationSid",
      "VoiceFallbackMethod",
      "VoiceFallbackUrl",
      "VoiceMethod",
      "VoiceReceiveMode",
      "VoiceUrl",
    ]);
  });

  it("keeps the row: active, with its agent, key, account and Twilio's number SID", async () => {
    const { account, number, key, body } = await prepareImport();
    await importIt(body, key);
    const [twilioAccount] = await rows<{ id: string }>("twilio_accounts");
    expect(twilioAccount).toMatchObject({ api_key_id: key.key_id, account_sid: account.sid, region: "" });
    expect(await rows("phone_numbers")).toEqual([
      expect.objectContaining({
        phone_number: "+447446466847",
        api_key_id: key.key_id,
        agent_id: body.agent_id,
        twilio_account_id: twilioAccount?.id,
        twilio_number_sid: number.sid,
        inbound_enabled: 1,
        outbound_enabled: 1,
        state: "active",
        lease_expires_at: null,
      }),
    ]);
  });

  it("stores neither the token nor a previous URL in the clear", async () => {
    const secretUrl = "https://old.example.com/voice?api_key=owner-secret";
    const { account, key, body } = await prepareImport({ voice_url: secretUrl });
    await importIt(body, key);
    const stored = JSON.stringify(
      await Promise.all(["phone_numbers", "twilio_accounts", "api_keys"].map((t) => rows(t))),
    );
    expect(stored).toContain("v1.test.");
    for (const secret of [account.authToken, "owner-secret", "old.example.com", key.key_secret]) {
      expect(stored).not.toContain(secret);
    }
  });

  it("takes a number away from a SIP trunk and from a TwiML App, which would swallow its calls", async () => {
    for (const binding of ["trunk", "application"] as const) {
      const phone_number = binding === "trunk" ? "+15005550001" : "+15005550002";
      const application = addApplication(twilio.state, { voiceUrl: "https://old.example.com/app" });
      const { number, key, body } = await prepareImport(
        binding === "trunk"
          ? { phone_number, trunk_sid: `TK${"0".repeat(32)}` }
          : { phone_number, voice_application_sid: application.sid, sms_application_sid: application.sid },
      );
      expect((await twilio.ring(phone_number)).answeredBy).toBe(binding);
      expect((await importIt(body, key)).status).toBe(201);
      expect(twilio.state.numbers.get(number.sid)).toMatchObject({
        trunk_sid: null,
        voice_application_sid: null,
      });
      expect((await twilio.ring(phone_number)).answeredBy).toBe("webhook");
      expect((await twilio.text(phone_number)).answeredBy).toBe("webhook");
    }
  });

  it("makes a number that received faxes answer calls", async () => {
    const { key, body } = await prepareImport({ voice_receive_mode: "fax" });
    expect((await importIt(body, key)).status).toBe(201);
    expect((await twilio.ring("+447446466847")).answeredBy).toBe("webhook");
  });

  it("leaves the SMS side alone where the number cannot text", async () => {
    const { number, key, body } = await prepareImport({
      capabilities: { voice: true, sms: false, mms: false, fax: false },
    });
    expect((await importIt(body, key)).status).toBe(201);
    expect(twilio.state.numbers.get(number.sid)).toMatchObject({ sms_url: "", sms_fallback_url: "" });
  });

  it("leaves the SMS side alone where only Twilio's refusal says that the number cannot text", async () => {
    const { number, key, body } = await prepareImport({ sms_url: "https://old.example.com/sms" });
    twilio.faults.add({ operation: "update", effect: effects.cannotText });
    expect((await importIt(body, key)).status).toBe(201);
    expect(operations()).toEqual(["list", "update", "update"]);
    expect(twilio.state.numbers.get(number.sid)).toMatchObject({
      voice_url: expect.stringMatching(/\/voice#/),
      sms_url: "https://old.example.com/sms",
    });
  });

  it.each<[string, object]>([
    ["no capabilities", { capabilities: null }],
    ["capabilities of another form", { capabilities: ["voice", "sms"] }],
    ["methods left out", { voice_method: null, sms_method: null }],
  ])("is not confused by a resource with %s", async (_, fields) => {
    const { number, key, body } = await prepareImport();
    Object.assign(twilio.state.numbers.get(number.sid) ?? {}, fields);
    expect((await importIt(body, key)).status).toBe(201);
  });

  it("takes camelCase, mixed spellings, padded values and unknown fields", async () => {
    const { key, account, body } = await prepareImport();
    const response = await importIt(
      {
        phoneNumber: "  +447446466847\n",
        phone_number: null,
        twilioSid: ` ${account.sid} `,
        twilio_token: `\t${account.authToken}\r\n`,
        agentId: body.agent_id,
        agent_id: `${body.agent_id} `,
        colour: { of: ["no", "interest"] },
      },
      key,
    );
    expect(response.status).toBe(201);
  });

  it("lets snake_case win where a field is given twice", async () => {
    const { key, body } = await prepareImport();
    const response = await importIt(
      { ...body, phoneNumber: "nonsense", twilioSid: 12, agentId: "nobody" },
      key,
    );
    expect(response.status).toBe(201);
  });

  it("picks the very number out of those Twilio's pattern matches, over pages", async () => {
    const { account, number, key, body } = await prepareImport({ phone_number: "+4474" });
    twilio.state.numbers.delete(number.sid);
    for (let index = 0; index < 60; index += 1) {
      addNumber(twilio.state, account, { phone_number: `+447446466${String(index).padStart(3, "0")}` });
    }
    const wanted = addNumber(twilio.state, account, { phone_number: "+4474" });
    expect((await importIt(body, key)).status).toBe(201);
    expect(operations()).toEqual(["list", "list", "update"]);
    expect(twilio.state.requests.at(-1)?.path).toContain(wanted.sid);
  });

  it("costs two calls to Twilio and four round trips to D1", async () => {
    const { key, body } = await prepareImport();
    const { DB, trips } = watchedDatabase();
    const response = await post("/v1/phone-numbers", body, { key, env: { DB } });
    expect(response.status).toBe(201);
    expect(operations()).toEqual(["list", "update"]);
    expect(trips()).toBe(4);
  });

  it("imports several numbers of one account and keeps one row for the account", async () => {
    const { account, key, body } = await prepareImport();
    addNumber(twilio.state, account, { phone_number: "+15005550001" });
    expect((await importIt(body, key)).status).toBe(201);
    expect((await importIt({ ...body, phone_number: "+15005550001" }, key)).status).toBe(201);
    expect(await rows("phone_numbers")).toHaveLength(2);
    expect(await rows("twilio_accounts")).toHaveLength(1);
  });

  it("reaches a subaccount's number with the subaccount's own credentials", async () => {
    const parent = addAccount(twilio.state);
    const key = await createKey();
    const { account, number } = haveNumber({}, { ownerSid: parent.sid });
    const agent_id = await createAgent(key);
    const body = { phone_number: number.phone_number, twilio_sid: account.sid, agent_id };
    expect((await importIt({ ...body, twilio_token: parent.authToken }, key)).status).toBe(401);
    expect((await importIt({ ...body, twilio_token: account.authToken }, key)).status).toBe(201);
  });

  it("never releases or transfers a number", async () => {
    const { key, body } = await prepareImport();
    await importIt(body, key);
    await importIt(body, key);
    expect(operations()).not.toContain("release");
    expect(JSON.stringify(twilio.state.requests)).not.toMatch(/"AccountSid"|"Emergency/);
  });
});

describe("a newer token", () => {
  it("takes the place of the stored one when another number of the account is imported", async () => {
    const { account, key, body } = await prepareImport();
    await importIt(body, key);
    addNumber(twilio.state, account, { phone_number: "+15005550001" });
    account.authToken = "f".repeat(32);
    const again = { ...body, phone_number: "+15005550001", twilio_token: account.authToken };
    expect((await importIt(again, key)).status).toBe(201);
    // Calls to the first number are signed with the new token from now on, and accepted.
    expect((await twilio.ring("+447446466847")).answeredBy).toBe("webhook");
  });

  it("is kept even when the import itself is refused as a duplicate", async () => {
    const { account, key, body } = await prepareImport();
    await importIt(body, key);
    account.authToken = "e".repeat(32);
    expect((await twilio.ring("+447446466847")).answeredBy).toBe("application_error");
    expect((await importIt({ ...body, twilio_token: account.authToken }, key)).status).toBe(409);
    expect((await twilio.ring("+447446466847")).answeredBy).toBe("webhook");
  });

  it("does not shut out calls that Twilio still signs with the token before", async () => {
    const { account, key, body } = await prepareImport();
    await importIt(body, key);
    account.secondaryAuthToken = "d".repeat(32);
    expect((await importIt({ ...body, twilio_token: account.secondaryAuthToken }, key)).status).toBe(409);
    expect((await twilio.ring("+447446466847")).answeredBy).toBe("webhook");
  });

  it("changes nothing where it is the same token", async () => {
    const { key, body } = await prepareImport();
    await importIt(body, key);
    const before = await rows("twilio_accounts");
    expect((await importIt(body, key)).status).toBe(409);
    expect(await rows("twilio_accounts")).toEqual(before);
  });

  it("never reaches another key's account", async () => {
    const { account, key, body } = await prepareImport();
    await importIt(body, key);
    const before = await rows("twilio_accounts");
    account.authToken = "c".repeat(32);
    const other = await createKey();
    const response = await importIt(
      { ...body, twilio_token: account.authToken, agent_id: await createAgent(other) },
      other,
    );
    expect(response.status).toBe(409);
    expect(await rows("twilio_accounts")).toEqual(before);
  });
});
