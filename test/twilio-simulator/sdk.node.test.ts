import twilio from "twilio";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { effects } from "./faults.ts";
import { type SimulatorServer, serveSimulator } from "./serve.ts";
import { createSimulator, type Simulator } from "./simulator.ts";
import { type Account, addAccount, addNumber } from "./state.ts";

// Compares the simulator with reality: Twilio's own SDK must work with it as it works with Twilio.

let simulator: Simulator;
let server: SimulatorServer;
let account: Account;

beforeEach(async () => {
  simulator = createSimulator(
    async () => new Response("<Response/>", { headers: { "content-type": "text/xml" } }),
  );
  server = await serveSimulator(simulator);
  account = addAccount(simulator.state);
});

afterEach(() => server.close());

/** The SDK's HTTP client, but it sends its requests to the simulator instead of api.twilio.com. */
function toSimulator(): InstanceType<typeof twilio.RequestClient> {
  const http = new twilio.RequestClient();
  const request = http.request.bind(http);
  http.request = (options) => {
    const url = new URL(options.uri);
    if (url.origin !== "https://api.twilio.com") throw new Error(`a request to ${url.origin}`);
    return request({ ...options, uri: server.url + url.pathname + url.search });
  };
  return http;
}

const client = (username = account.sid, password = account.authToken, accountSid = account.sid) =>
  twilio(username, password, { accountSid, httpClient: toSimulator() });

describe("the official SDK", () => {
  it("lists, filters by pattern and reads every field", async () => {
    for (const phone_number of ["+447446466847", "+4474464668471", "+15005550001"]) {
      addNumber(simulator.state, account, { phone_number, voice_url: "https://example.com/voice" });
    }
    const found = await client().incomingPhoneNumbers.list({ phoneNumber: "+447446466847" });
    expect(found.map(({ phoneNumber }) => phoneNumber)).toEqual(["+447446466847", "+4474464668471"]);
    expect(found[0]).toMatchObject({
      accountSid: account.sid,
      sid: expect.stringMatching(/^PN[0-9a-f]{32}$/),
      voiceUrl: "https://example.com/voice",
      trunkSid: null,
      smsApplicationSid: "",
      capabilities: { voice: true, sms: true, mms: true, fax: false },
      dateCreated: expect.any(Date),
    });
    expect(await client().incomingPhoneNumbers.list({ phoneNumber: "+1500*550001" })).toHaveLength(1);
  });

  it("follows next_page_uri to the end", async () => {
    for (let index = 0; index < 7; index += 1) {
      addNumber(simulator.state, account, { phone_number: `+1500555000${index}` });
    }
    const numbers = await client().incomingPhoneNumbers.list({ pageSize: 3 });
    expect(numbers).toHaveLength(7);
    expect(simulator.state.requests.filter(({ operation }) => operation === "list")).toHaveLength(3);
    const page = await client().incomingPhoneNumbers.page({ pageSize: 3 });
    expect((await page.nextPage())?.instances).toHaveLength(3);
  });

  it("fetches and updates a number", async () => {
    const { sid } = addNumber(simulator.state, account, {
      phone_number: "+15005550001",
      trunk_sid: `TK${"0".repeat(32)}`,
    });
    expect((await client().incomingPhoneNumbers(sid).fetch()).trunkSid).toMatch(/^TK/);
    const updated = await client().incomingPhoneNumbers(sid).update({
      voiceUrl: "https://example.com/a",
      voiceMethod: "GET",
      trunkSid: "",
      voiceReceiveMode: "voice",
    });
    expect(updated).toMatchObject({ voiceUrl: "https://example.com/a", voiceMethod: "GET", trunkSid: null });
  });

  it("releases a number", async () => {
    const { sid } = addNumber(simulator.state, account, { phone_number: "+15005550001" });
    expect(await client().incomingPhoneNumbers(sid).remove()).toBe(true);
    await expect(client().incomingPhoneNumbers(sid).fetch()).rejects.toMatchObject({
      status: 404,
      code: 20404,
    });
  });

  it("understands the errors", async () => {
    const list = (sdk: ReturnType<typeof client>) => sdk.incomingPhoneNumbers.list();
    await expect(list(client(account.sid, "wrong"))).rejects.toMatchObject({
      status: 401,
      code: 20003,
      message: "Authenticate",
      moreInfo: "https://www.twilio.com/docs/errors/20003",
    });
    await expect(list(client(`AC${"0".repeat(32)}`))).rejects.toMatchObject({
      status: 401,
      code: 20003,
      message: "Authentication Error - invalid username",
    });
    simulator.faults.add({ effect: effects.tooManyRequests });
    await expect(list(client())).rejects.toMatchObject({ status: 429, code: 20429 });
    const { sid } = addNumber(simulator.state, account, { phone_number: "+15005550001" });
    await expect(client().incomingPhoneNumbers(sid).update({ voiceUrl: "nonsense" })).rejects.toMatchObject({
      status: 400,
      code: 21402,
    });
  });

  it("reaches subaccounts from the parent, and not the parent from a subaccount", async () => {
    const child = addAccount(simulator.state, { ownerSid: account.sid });
    addNumber(simulator.state, child, { phone_number: "+15005550001" });
    const asParent = client(account.sid, account.authToken, child.sid);
    expect(await asParent.incomingPhoneNumbers.list()).toHaveLength(1);
    expect(await client().incomingPhoneNumbers.list()).toHaveLength(0);
    const asChild = client(child.sid, child.authToken, account.sid);
    await expect(asChild.incomingPhoneNumbers.list()).rejects.toMatchObject({ status: 401 });
  });

  it("reports a dropped connection", async () => {
    simulator.faults.add({ effect: effects.reset });
    await expect(client().incomingPhoneNumbers.list()).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("accepts the signatures of the simulator's calls and texts", async () => {
    const number = addNumber(simulator.state, account, {
      phone_number: "+15005550001",
      voice_url: "https://example.com/voice?tenant=1",
      voice_fallback_url: "https://example.com/fallback#rc=2",
      status_callback: "https://example.com/status",
      sms_url: "https://example.com/sms",
      sms_method: "GET",
    });
    const exchanges = [
      ...(await simulator.ring(number.phone_number)).exchanges,
      ...(await simulator.text(number.phone_number, { body: "It's \u00fcber & <fine>" })).exchanges,
    ];
    expect(exchanges).toHaveLength(3);
    for (const { url, signature, parameters } of exchanges) {
      const signed = url.startsWith("https://example.com/sms") ? {} : parameters;
      expect(twilio.validateRequest(account.authToken, signature, url, signed)).toBe(true);
      expect(twilio.validateRequest("other", signature, url, signed)).toBe(false);
    }
  });
});

describe("the official SDK, what it sends", () => {
  const CALLEE = "+15005550009";
  const CALLER = "+447446466847";
  beforeEach(() => {
    addNumber(simulator.state, account, { phone_number: CALLER });
  });

  it("places, lists, reads and redirects calls", async () => {
    const placed = await client().calls.create({
      from: CALLER,
      to: CALLEE,
      url: "https://example.com/voice",
      statusCallback: "https://example.com/status",
      statusCallbackEvent: ["initiated", "completed"],
      machineDetection: "Enable",
      asyncAmd: "true",
    });
    expect(placed).toMatchObject({ from: CALLER, to: CALLEE, status: "queued", direction: "outbound-api" });
    expect(placed.dateCreated).toBeInstanceOf(Date);
    expect(simulator.state.calls[0]?.form.getAll("StatusCallbackEvent")).toEqual(["initiated", "completed"]);
    const listed = await client().calls.list({ from: CALLER, to: CALLEE, limit: 20 });
    expect(listed.map(({ sid }) => sid)).toEqual([placed.sid]);
    expect(await client().calls.list({ from: CALLEE, limit: 20 })).toEqual([]);
    const twiml = "<Response><Hangup/></Response>";
    expect((await client().calls(placed.sid).update({ twiml })).sid).toBe(placed.sid);
    const [dialled] = await simulator.dial();
    expect(dialled).toMatchObject({ sid: placed.sid, status: "completed", conversation: [] });
    expect((await client().calls(placed.sid).fetch()).status).toBe("completed");
    await expect(client().calls(placed.sid).update({ twiml })).rejects.toMatchObject({ code: 21220 });
  });

  it("gets the refusals of calls", async () => {
    const create = (fields: object) =>
      client().calls.create({ from: CALLER, to: CALLEE, url: "https://example.com/voice", ...fields });
    await expect(create({ to: "12" })).rejects.toMatchObject({ status: 400, code: 21211 });
    await expect(create({ from: CALLEE })).rejects.toMatchObject({ code: 21210 });
    await expect(create({ url: "" })).rejects.toMatchObject({ code: 21205 });
    simulator.state.unreachable.add(CALLEE);
    await expect(create({})).rejects.toMatchObject({ code: 13224 });
  });

  it("sends and lists texts, and is told what becomes of them", async () => {
    const sent = await client().messages.create({
      from: CALLER,
      to: CALLEE,
      body: "Hello",
      statusCallback: "https://example.com/status",
    });
    expect(sent).toMatchObject({ from: CALLER, to: CALLEE, status: "queued", direction: "outbound-api" });
    const [exchange] = await simulator.deliverTexts({ status: "undelivered", errorCode: 30003 });
    expect(exchange?.parameters).toMatchObject({ MessageStatus: "undelivered", ErrorCode: "30003" });
    const [listed] = await client().messages.list({ from: CALLER, to: CALLEE, limit: 20 });
    expect(listed).toMatchObject({ sid: sent.sid, body: "Hello", status: "undelivered" });
    simulator.state.optedOut.add(CALLEE);
    const again = client().messages.create({ from: CALLER, to: CALLEE, body: "Hello" });
    await expect(again).rejects.toMatchObject({ code: 21610 });
  });
});
