import { describe, expect, it } from "vitest";
import { prepareImport } from "../../support/import.ts";
import { operations, twilio } from "../../support/twilio.ts";
import { call, createAgent, createKey, expectError, rows } from "../../support/worker.ts";
import { effects } from "../../twilio-simulator/faults.ts";
import type { NumberResource } from "../../twilio-simulator/resource.ts";
import { addApplication, addMessagingService } from "../../twilio-simulator/state.ts";

type Warning = { code: string; message: string; details?: Record<string, string> };
type Plan = {
  dry_run: boolean;
  phone_number: Record<string, unknown>;
  answered_by: { voice: Record<string, string>; sms: Record<string, string> };
  changes: { field: string; present: string; new: string }[];
  warnings: Warning[];
  unchecked: string[];
  plan_hash: string;
};

async function prepare(fields: Partial<NumberResource> = {}) {
  const prepared = await prepareImport(fields);
  const { key, body } = prepared;
  const ask = (changes: Record<string, unknown> = {}) =>
    call("POST", "/v1/phone-numbers?dry_run=true", key, { ...body, ...changes });
  const plan = async () => {
    const response = await ask();
    expect(response.status).toBe(200);
    return response.json<Plan>();
  };
  const importIt = (changes: Record<string, unknown> = {}) =>
    call("POST", "/v1/phone-numbers", key, { ...body, ...changes });
  return { ...prepared, ask, plan, importIt };
}

const inService = (sid: string, campaigns: string[] = []) =>
  addMessagingService(twilio.state, { numberSids: [sid], useInboundWebhookOnNumber: true, campaigns });

const codes = ({ warnings }: Plan) => warnings.map(({ code }) => code);

describe("POST /v1/phone-numbers?dry_run=true", () => {
  it("says what the import would change, and writes nothing anywhere", async () => {
    const { plan, number, body } = await prepare({
      voice_url: "https://old.example.com/voice?key=secret",
      sms_url: "",
    });
    const before = structuredClone(twilio.state.numbers.get(number.sid));
    const answer = await plan();
    expect(answer).toMatchObject({
      dry_run: true,
      phone_number: {
        phone_number: number.phone_number,
        agent_id: body.agent_id,
        twilio_number_sid: number.sid,
      },
      answered_by: { voice: { kind: "webhook", host: "old.example.com" }, sms: { kind: "nobody" } },
      warnings: [],
      unchecked: [],
      plan_hash: expect.stringMatching(/^\w+\.[0-9a-f]{64}$/),
    });
    expect(answer.changes).toContainEqual({
      field: "voice_url",
      present: "https://old.example.com/voice?[redacted]",
      new: "https://numbers.example.com/webhooks/twilio/{twilio_account_id}/{id}/voice#rc=1&rp=ct&ct=2000",
    });
    expect(answer.changes.map(({ field }) => field)).not.toContain("voice_method");
    expect(JSON.stringify(answer)).not.toContain("key=secret");
    expect(twilio.state.numbers.get(number.sid)).toEqual(before);
    expect(operations()).not.toContain("update");
    expect(await rows("phone_numbers")).toEqual([]);
    expect(await rows("twilio_accounts")).toEqual([]);
  });

  it("shows no password that stands in a URL", async () => {
    const { plan } = await prepare({ voice_url: "https://owner:hunt@er2@old.example.com/voice" });
    const answer = await plan();
    expect(answer.changes).toContainEqual(
      expect.objectContaining({ present: "https://[redacted]@old.example.com/voice" }),
    );
    expect(JSON.stringify(answer)).not.toMatch(/hunt|er2/);
  });

  it("gives the errors of the import", async () => {
    const { ask, importIt, key } = await prepare();
    await expectError(await ask({ phone_number: "1" }), 400, "invalid_phone_format");
    await expectError(await ask({ twilio_token: "0".repeat(32) }), 401, "twilio_auth_failed");
    await expectError(await ask({ phone_number: "+15005550099" }), 404, "number_not_in_twilio");
    await expectError(await ask({ agent_id: "agent_x" }), 404, "agent_not_found");
    await expectError(await ask({ agent_id: await createAgent(await createKey()) }), 403, "agent_not_owned");
    await expectError(await call("POST", "/v1/phone-numbers?dry_run=1", key, {}), 400, "missing_field");
    await importIt();
    await expectError(await ask(), 409, "number_already_imported");
  });

  it.each<[string, Partial<NumberResource>, string, Record<string, unknown>]>([
    ["a SIP trunk", { trunk_sid: `TK${"1".repeat(32)}` }, "voice", { kind: "sip_trunk" }],
    ["a fax", { voice_receive_mode: "fax" }, "voice", { kind: "fax" }],
    ["nothing", {}, "voice", { kind: "nobody" }],
    [
      "Twilio's demo",
      { voice_url: "https://demo.twilio.com/welcome/voice/" },
      "voice",
      { kind: "twilio_demo" },
    ],
    [
      "a Studio flow",
      { voice_url: `https://webhooks.twilio.com/v1/Accounts/AC1/Flows/FW${"2".repeat(32)}` },
      "voice",
      { kind: "studio_flow", sid: `FW${"2".repeat(32)}` },
    ],
    [
      "a TwiML Bin",
      { sms_url: `https://handler.twilio.com/twiml/EH${"3".repeat(32)}` },
      "sms",
      { kind: "twiml_bin", sid: `EH${"3".repeat(32)}` },
    ],
    [
      "a Twilio Function",
      { voice_url: "https://x-1234.twil.io/voice" },
      "voice",
      { kind: "twilio_function" },
    ],
    ["Flex", { voice_url: "https://flex-api.twilio.com/v1/x" }, "voice", { kind: "flex" }],
    [
      "another voice platform",
      { voice_url: "https://api.vapi.ai/twilio/inbound_call" },
      "voice",
      { kind: "voice_platform", name: "Vapi" },
    ],
    ...(
      [
        ["cartesia.ai", "Cartesia"],
        ["uipath.com", "UiPath"],
        ["kugelaudio.com", "KugelAudio"],
        ["dasha.ai", "Dasha"],
        ["bolna.ai", "Bolna"],
        ["dograh.com", "Dograh"],
        ["kapso.ai", "Kapso"],
        ["chatwoot.com", "Chatwoot"],
        ["videosdk.live", "VideoSDK"],
      ] as const
    ).map(([domain, name]): [string, Partial<NumberResource>, string, Record<string, unknown>] => [
      name,
      { sms_url: `https://app.${domain}/twilio` },
      "sms",
      { kind: "voice_platform", name },
    ]),
    ["a look-alike", { voice_url: "https://notvapi.ai/x" }, "voice", { kind: "webhook", host: "notvapi.ai" }],
    [
      "ourselves",
      { voice_url: "https://numbers.example.com/webhooks/twilio/twa_1/num_1/voice" },
      "voice",
      { kind: "this_service" },
    ],
  ])("knows %s", async (_, fields, channel, expected) => {
    const { plan } = await prepare(fields);
    const answer = await plan();
    expect(answer.answered_by[channel as "voice" | "sms"]).toMatchObject(expected);
  });

  it("warns of bindings, fax and what a number cannot do", async () => {
    const { sid } = addApplication(twilio.state);
    const trunk = await prepare({ trunk_sid: `TK${"1".repeat(32)}`, sms_application_sid: sid });
    expect(codes(await trunk.plan())).toEqual(["bound_to_trunk", "bound_to_application"]);
    const capabilities = { voice: true, sms: false, mms: false, fax: true };
    const fax = await prepare({ phone_number: "+15005550001", voice_receive_mode: "fax", capabilities });
    expect(codes(await fax.plan())).toEqual(["no_sms", "receives_fax"]);
    const mute = { voice: false, sms: true, mms: false, fax: true };
    const texts = await prepare({
      phone_number: "+15005550002",
      voice_receive_mode: "fax",
      capabilities: mute,
    });
    expect(codes(await texts.plan())).toEqual(["no_voice", "a2p_unregistered"]);
  });

  it("warns of a Messaging Service that gets the texts, and leaves it as it is", async () => {
    const { plan, number } = await prepare();
    addMessagingService(twilio.state);
    const service = addMessagingService(twilio.state, { numberSids: [number.sid] });
    const answer = await plan();
    expect(answer.warnings).toEqual([
      {
        code: "in_messaging_service",
        message: expect.stringContaining("Defer to sender's webhook"),
        details: { messaging_service_sid: service.sid },
      },
    ]);
    service.useInboundWebhookOnNumber = true;
    expect(codes(await plan())).toEqual([]);
  });

  it("warns of a trial account", async () => {
    const { plan, account } = await prepare();
    account.type = "Trial";
    expect(codes(await plan())).toEqual(["trial_account"]);
  });

  it.each<[string, string | undefined, (sid: string) => void]>([
    ["a US number without a service", "a2p_unregistered", () => undefined],
    ["one in a service without campaign", "a2p_unregistered", (sid) => inService(sid)],
    ["one with a campaign under review", "a2p_pending", (sid) => inService(sid, ["IN_PROGRESS"])],
    ["one with a campaign that failed", "a2p_unregistered", (sid) => inService(sid, ["FAILED"])],
    ["one with an approved campaign", undefined, (sid) => inService(sid, ["FAILED", "VERIFIED"])],
    ["one with a campaign of a new kind", undefined, (sid) => inService(sid, ["SUSPENDED"])],
  ])("warns of texts that carriers refuse: %s", async (_, code, arrange) => {
    const { plan, number } = await prepare({ phone_number: "+12125550100" });
    for (let others = 0; others < 4; others += 1) addMessagingService(twilio.state);
    arrange(number.sid);
    expect(codes(await plan()).filter((one) => one.startsWith("a2p"))).toEqual(code ? [code] : []);
  });

  it.each([
    [[], "tollfree_unverified"],
    [["PENDING_REVIEW"], "tollfree_pending"],
    [["IN_REVIEW", "TWILIO_REJECTED"], "tollfree_pending"],
    [["TWILIO_REJECTED"], "tollfree_unverified"],
    [["TWILIO_APPROVED", "TWILIO_REJECTED"], undefined],
  ])("and of those of a toll-free number with %j", async (statuses, code) => {
    const { plan, number } = await prepare({ phone_number: "+18885550100" });
    twilio.state.verifications = [
      { tollfree_phone_number_sid: `PN${"9".repeat(32)}`, status: "TWILIO_APPROVED" },
      ...statuses.map((status) => ({ tollfree_phone_number_sid: number.sid, status })),
    ];
    const { warnings } = await plan();
    expect(warnings).toEqual(
      code ? [{ code, message: expect.stringContaining("toll-free"), details: {} }] : [],
    );
  });

  it.each<[string, Partial<NumberResource>]>([
    ["of Canada", { phone_number: "+14165550100" }],
    [
      "that cannot text",
      { phone_number: "+12125550100", capabilities: { voice: true, sms: false, mms: false, fax: false } },
    ],
  ])("but not of those of a number %s", async (_, fields) => {
    const { plan } = await prepare(fields);
    expect(codes(await plan()).filter((code) => code !== "no_sms")).toEqual([]);
    expect(operations()).not.toContain("campaigns");
  });

  it.each([
    ["forbids it", effects.authenticate],
    ["has no such list", effects.notFound],
    ["is down", effects.serverErrorHtml],
    ["answers strangely", { kind: "respond", status: 200, body: '{"verifications":7}' } as const],
  ])("and not where Twilio %s", async (_, effect) => {
    const { plan } = await prepare({ phone_number: "+18885550100" });
    twilio.faults.add({ operation: "verifications", effect, times: 3 });
    expect(await plan()).toMatchObject({ warnings: [], unchecked: ["text_registration"] });
  });

  it("says what Twilio would not tell, instead of seeming sure", async () => {
    const { plan } = await prepare();
    twilio.faults.add({ operation: "services", effect: effects.authenticate });
    twilio.faults.add({ operation: "routing", effect: effects.serverErrorHtml, times: 3 });
    twilio.faults.add({ operation: "account", effect: effects.notFound });
    expect((await plan()).unchecked.sort()).toEqual(["account", "messaging_service", "region"]);
  });
});

describe("an import with a plan_hash", () => {
  it("goes on where the number is as it was", async () => {
    const { plan, importIt } = await prepare({ voice_url: "https://old.example.com" });
    const { plan_hash } = await plan();
    expect((await importIt({ plan_hash })).status).toBe(201);
  });

  it.each<[string, Partial<NumberResource>]>([
    ["its voice URL", { voice_url: "https://new.example.com" }],
    ["only a query string", { voice_url: "https://old.example.com/?a=2" }],
    ["its trunk", { trunk_sid: `TK${"1".repeat(32)}` }],
  ])("is refused where somebody has changed %s since, and touches nothing", async (_, change) => {
    const { plan, importIt, number } = await prepare({ voice_url: "https://old.example.com/?a=1" });
    const { plan_hash } = await plan();
    Object.assign(twilio.state.numbers.get(number.sid) ?? {}, change);
    await expectError(await importIt({ planHash: plan_hash }), 409, "plan_changed");
    expect(operations()).not.toContain("update");
    expect(await rows("phone_numbers")).toEqual([]);
    expect((await importIt({ plan_hash: (await plan()).plan_hash })).status).toBe(201);
  });

  it.each(["x", "test.", `gone.${"0".repeat(64)}`])("is refused with %j", async (plan_hash) => {
    const { importIt } = await prepare();
    await expectError(await importIt({ plan_hash }), 409, "plan_changed");
  });
});
