import { describe, expect, it } from "vitest";
import { twilio } from "../support/twilio.ts";
import { effects } from "./faults.ts";
import { createNumberResource } from "./resource.ts";
import { createSimulator } from "./simulator.ts";
import {
  type Account,
  addAccount,
  addApplication,
  addMessagingService,
  addNumber,
  promoteSecondaryToken,
} from "./state.ts";
import { NoAnswer } from "./webhooks.ts";

// The fields of api.v2010.account.incoming_phone_number in Twilio's OpenAPI document.
const DOCUMENTED_FIELDS =
  "account_sid address_requirements address_sid api_version beta bundle_sid capabilities date_created date_updated " +
  "emergency_address_sid emergency_address_status emergency_status friendly_name identity_sid origin phone_number sid " +
  "sms_application_sid sms_fallback_method sms_fallback_url sms_method sms_url status status_callback " +
  "status_callback_method trunk_sid type uri voice_application_sid voice_caller_id_lookup voice_fallback_method " +
  "voice_fallback_url voice_method voice_receive_mode voice_url";

const XML = { "content-type": "text/xml" };
const twiml = (url: string) => `<Response><Say>${url}</Say></Response>`;

function simulator(broken: string[] = []) {
  return createSimulator(async ({ url }) => {
    if (broken.some((part) => url.includes(part))) return new Response("oops", { status: 500 });
    return new Response(twiml(url), { headers: XML });
  });
}

function call(
  at: ReturnType<typeof simulator>,
  account: Account,
  path: string,
  form?: Record<string, string>,
) {
  return at.fetch(
    new Request(`https://api.twilio.com/2010-04-01/Accounts/${account.sid}${path}`, {
      method: form ? "POST" : "GET",
      headers: { authorization: `Basic ${btoa(`${account.sid}:${account.authToken}`)}` },
      body: form ? new URLSearchParams(form) : null,
    }),
  );
}

describe("the resource", () => {
  it("has exactly the documented fields", () => {
    const resource = createNumberResource({ account_sid: "AC1", sid: "PN1", phone_number: "+15005550001" });
    expect(Object.keys(resource).sort()).toEqual(DOCUMENTED_FIELDS.split(" "));
  });
});

describe("an update", () => {
  const AP = { application: "" };
  function prepare(fields = {}) {
    const at = simulator();
    const account = addAccount(at.state);
    const number = addNumber(at.state, account, { phone_number: "+15005550001", ...fields });
    AP.application = addApplication(at.state).sid;
    const update = async (form: Record<string, string>) => {
      const response = await call(at, account, `/IncomingPhoneNumbers/${number.sid}.json`, form);
      return { status: response.status, body: await response.json<Record<string, unknown>>() };
    };
    return { at, number, update };
  }

  it("changes the named fields and no others", async () => {
    const { number, update } = prepare({ sms_url: "https://example.com/sms" });
    await update({ VoiceUrl: "https://example.com/voice" });
    expect(number).toMatchObject({
      voice_url: "https://example.com/voice",
      sms_url: "https://example.com/sms",
    });
    await update({ VoiceUrl: "" });
    expect(number.voice_url).toBe("");
  });

  it("binds to a trunk or to an app, never to both", async () => {
    const { number, update } = prepare();
    const trunk = `TK${"0".repeat(32)}`;
    await update({ VoiceApplicationSid: AP.application });
    await update({ TrunkSid: trunk });
    expect(number).toMatchObject({ trunk_sid: trunk, voice_application_sid: null });
    await update({ VoiceApplicationSid: AP.application });
    expect(number).toMatchObject({ trunk_sid: null, voice_application_sid: AP.application });
    await update({ VoiceApplicationSid: "", TrunkSid: "" });
    expect(number).toMatchObject({ trunk_sid: null, voice_application_sid: null });
  });

  it.each<[string, Record<string, string>, number]>([
    ["a bad URL", { VoiceUrl: "nonsense" }, 21402],
    ["a host with an underscore", { SmsUrl: "https://a_b.example.com" }, 21402],
    ["a bad method", { VoiceMethod: "PUT" }, 21403],
    ["a voice fallback without a URL", { VoiceFallbackUrl: "https://example.com" }, 21405],
    ["an SMS fallback without a URL", { SmsFallbackUrl: "https://example.com" }, 21406],
    ["a foreign app", { VoiceApplicationSid: `AP${"0".repeat(32)}` }, 21420],
    ["another receive mode", { VoiceReceiveMode: "carrier pigeon" }, 20001],
  ])("refuses %s and changes nothing", async (_, form, code) => {
    const { number, update } = prepare();
    const before = structuredClone(number);
    const { status, body } = await update({ FriendlyName: "changed", ...form });
    expect([status, body.code]).toEqual([400, code]);
    expect(number).toEqual(before);
  });

  it("refuses an SMS URL if the number cannot text", async () => {
    const { update } = prepare({ capabilities: { voice: true, sms: false, mms: false, fax: false } });
    expect((await update({ SmsUrl: "https://example.com" })).body.code).toBe(21407);
  });
});

describe("who answers", () => {
  function prepare(fields = {}, broken: string[] = []) {
    const at = simulator(broken);
    const account = addAccount(at.state);
    const number = addNumber(at.state, account, {
      phone_number: "+15005550001",
      voice_url: "https://example.com/voice",
      voice_fallback_url: "https://example.com/spare",
      sms_url: "https://example.com/sms",
      ...fields,
    });
    return { at, account, number, ring: () => at.ring("+15005550001"), text: () => at.text("+15005550001") };
  }

  it("a call goes to the trunk, else to the app, else to the voice URL, else to the fallback, else to nobody", async () => {
    const trunk_sid = `TK${"0".repeat(32)}`;
    expect((await prepare({ trunk_sid }).ring()).answeredBy).toBe("trunk");
    const bound = prepare();
    bound.number.voice_application_sid = addApplication(bound.at.state, {
      voiceUrl: "https://example.com/app",
    }).sid;
    expect(await bound.ring()).toMatchObject({
      answeredBy: "application",
      twiml: twiml("https://example.com/app"),
    });
    expect(await prepare().ring()).toMatchObject({
      answeredBy: "webhook",
      twiml: twiml("https://example.com/voice"),
    });
    const spare = await prepare({}, ["/voice"]).ring();
    expect(spare).toMatchObject({ answeredBy: "fallback", twiml: twiml("https://example.com/spare") });
    expect(spare.exchanges[1]?.parameters).toMatchObject({
      ErrorCode: "11200",
      ErrorUrl: "https://example.com/voice",
    });
    expect((await prepare({}, ["/voice", "/spare"]).ring()).answeredBy).toBe("application_error");
    expect((await prepare({ voice_url: null, voice_fallback_url: null }).ring()).answeredBy).toBe("nobody");
    expect((await prepare({ voice_receive_mode: "fax" }).ring()).answeredBy).toBe("fax");
  });

  it("a text goes to the Messaging Service, unless it defers to the number, else to the app, else to the SMS URL", async () => {
    const { at, number, text } = prepare();
    expect((await text()).answeredBy).toBe("webhook");
    number.sms_application_sid = addApplication(at.state, { smsUrl: "https://example.com/app" }).sid;
    expect((await text()).answeredBy).toBe("application");
    const service = addMessagingService(at.state, { numberSids: [number.sid] });
    expect((await text()).answeredBy).toBe("nobody");
    service.inboundRequestUrl = "https://example.com/service";
    expect((await text()).answeredBy).toBe("messaging_service");
    service.useInboundWebhookOnNumber = true;
    expect((await text()).answeredBy).toBe("application");
  });

  it("reports the end of a call to the number's status callback", async () => {
    const { exchanges } = await prepare({ status_callback: "https://example.com/status" }).ring();
    expect(exchanges[1]).toMatchObject({
      url: "https://example.com/status",
      parameters: { CallStatus: "completed" },
    });
  });

  it("signs with the primary token until the secondary one is promoted", async () => {
    const { account, ring } = prepare();
    const first = (await ring()).exchanges[0]?.signature;
    account.secondaryAuthToken = "f".repeat(32);
    expect((await ring()).exchanges[0]?.signature).toHaveLength(28);
    promoteSecondaryToken(account);
    expect(account).not.toHaveProperty("secondaryAuthToken");
    expect((await ring()).exchanges[0]?.signature).not.toBe(first);
  });
});

describe("connection overrides", () => {
  const server = () => new Response("oops", { status: 503 });
  const refusal = () => new Response("no", { status: 404 });
  const noAnswer = () => Promise.reject(new NoAnswer());
  const noConnection = () => Promise.reject(new TypeError("connection refused"));

  /** How often a text is sent to a webhook that always fails. */
  async function tries(fragment: string, fail: () => Promise<Response> | Response) {
    const urls: string[] = [];
    const at = createSimulator(async ({ url }) => {
      urls.push(url);
      return fail();
    });
    addNumber(at.state, addAccount(at.state), {
      phone_number: "+15005550001",
      sms_url: `https://example.com/sms${fragment}`,
    });
    const { exchanges } = await at.text("+15005550001");
    expect(exchanges).toHaveLength(urls.length);
    expect(new Set(urls).size).toBeLessThanOrEqual(1);
    expect(urls.join()).not.toContain("#");
    return urls.length;
  }

  it.each<[string, () => Promise<Response> | Response, number]>([
    ["", noConnection, 2],
    ["", server, 1],
    ["", noAnswer, 1],
    ["#rc=0", noConnection, 1],
    ["#ct=100", noConnection, 2],
    ["#rc=5&rp=all", server, 6],
    ["#rc=5&rp=all", refusal, 6],
    ["#rc=2&rp=4xx", refusal, 3],
    ["#rc=2&rp=5xx", refusal, 1],
    ["#rc=5&rp=5xx", noConnection, 1],
    ["#rc=2&rp=5xx,ct,rt", server, 3],
    // Three tries of 5 seconds are Twilio's 15, and one that waits 15 seconds for an answer is all of them.
    ["#rc=5&rp=5xx,ct,rt", noConnection, 3],
    ["#rc=5&rp=5xx,ct,rt", noAnswer, 1],
    ["#rc=5&rp=rt&rt=3000", noAnswer, 5],
    ["#rc=5&rp=rt&rt=3000&tt=6000", noAnswer, 2],
  ])("%s: %o is tried %i times", async (fragment, fail, times) => {
    expect(await tries(fragment, fail)).toBe(times);
  });

  it.each(["#rc=6", "#rc=", "#rp=3xx", "#rp=", "#ct=99", "#ct=10001", "#rt=15001", "#tt=0.5", "#rc=two"])(
    "%s is refused, and the webhook is not asked",
    async (fragment) => {
      expect(await tries(fragment, server)).toBe(0);
    },
  );
});

describe("faults", () => {
  it("affect the chosen requests, as often as they should", async () => {
    const at = simulator();
    const account = addAccount(at.state);
    const status = async () => (await call(at, account, "/IncomingPhoneNumbers.json")).status;
    at.faults.add({ effect: effects.serverErrorHtml, operation: "list", after: 1, times: 2 });
    at.faults.add({ effect: effects.notFound, operation: "update", times: null });
    expect([await status(), await status(), await status(), await status()]).toEqual([200, 500, 500, 200]);
    at.faults.clear();
    expect(await status()).toBe(200);
  });

  it("answers 403 for a suspended account", async () => {
    const at = simulator();
    const account = addAccount(at.state, { isSuspended: true });
    const response = await call(at, account, "/IncomingPhoneNumbers.json");
    expect([response.status, (await response.json<{ code: number }>()).code]).toEqual([403, 20005]);
  });

  it("answers 404 for unknown paths and numbers", async () => {
    const account = addAccount(twilio.state);
    expect((await call(twilio, account, "/Queues.json")).status).toBe(404);
    expect((await call(twilio, account, `/IncomingPhoneNumbers/PN${"0".repeat(32)}.json`)).status).toBe(404);
    expect(twilio.wrongRequests.splice(0)).toEqual([expect.stringContaining("no such request")]);
  });
});

describe("a list", () => {
  it("has the numbers of its account and no others, also after numbers have changed their account", async () => {
    const at = simulator();
    const [ours, theirs] = [addAccount(at.state), addAccount(at.state)];
    const kept = addNumber(at.state, ours, { phone_number: "+15005550001" });
    const given = addNumber(at.state, ours, { phone_number: "+15005550002" });
    const released = addNumber(at.state, ours, { phone_number: "+15005550003" });
    const listed = async (account: Account) => {
      const response = await call(at, account, "/IncomingPhoneNumbers.json");
      const { incoming_phone_numbers } = await response.json<{ incoming_phone_numbers: { sid: string }[] }>();
      return incoming_phone_numbers.map(({ sid }) => sid);
    };
    expect(await listed(ours)).toEqual([kept.sid, given.sid, released.sid]);
    await call(at, ours, `/IncomingPhoneNumbers/${given.sid}.json`, { AccountSid: theirs.sid });
    at.state.numbers.delete(released.sid);
    expect(await listed(ours)).toEqual([kept.sid]);
    expect(await listed(theirs)).toEqual([given.sid]);
    await call(at, theirs, `/IncomingPhoneNumbers/${given.sid}.json`, { AccountSid: ours.sid });
    expect(await listed(ours)).toEqual([kept.sid, given.sid]);
    at.state.numbers.clear();
    expect(await listed(ours)).toEqual([]);
  });
});

describe("the accounts", () => {
  it("are the account itself and its subaccounts, with their tokens, for nobody but their parent", async () => {
    const at = simulator();
    const parent = addAccount(at.state);
    const subaccounts = [1, 2, 3].map(() => addAccount(at.state, { ownerSid: parent.sid }));
    addAccount(at.state, { ownerSid: parent.sid, isSuspended: true });
    addAccount(at.state);
    const list = async (account: Account, query = "") => {
      const authorization = `Basic ${btoa(`${account.sid}:${account.authToken}`)}`;
      const url = `https://api.twilio.com/2010-04-01/Accounts.json${query}`;
      return (await at.fetch(new Request(url, { headers: { authorization } }))).json<{
        accounts: { sid: string; auth_token: string }[];
        next_page_uri: string | null;
      }>();
    };
    const { accounts } = await list(parent, "?Status=active");
    expect(accounts.map(({ sid, auth_token }) => [sid, auth_token])).toEqual(
      [parent, ...subaccounts].map(({ sid, authToken }) => [sid, authToken]),
    );
    expect((await list(parent, "?PageSize=2")).next_page_uri).toContain("Page=1");
    const [one] = subaccounts;
    if (one) expect((await list(one)).accounts.map(({ sid }) => sid)).toEqual([one.sid]);
  });
});
