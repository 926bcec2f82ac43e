import { describe, expect, it } from "vitest";
import { haveImported, tell } from "../support/answering.ts";
import { createKey, type Envelope, expectError, post, rows } from "../support/worker.ts";

const relay = { type: "conversation_relay", url: "wss://runtime.example" };

const create = async (fields: Record<string, unknown>) =>
  post("/v1/agents", { name: "Receptionist", ...fields }, { key: await createKey() });

describe("connect, fallback and record of an agent", () => {
  it.each<[string, Record<string, unknown>]>([
    [
      "ConversationRelay",
      {
        type: "conversation_relay",
        url: "wss://runtime.example/relay?tenant=1",
        welcomeGreeting: "Hi",
        ttsProvider: "ElevenLabs",
        dtmfDetection: true,
        interruptible: "speech",
        languages: [{ code: "de-DE", ttsProvider: "Google", voice: "x" }],
        parameters: { tenant: "acme" },
      },
    ],
    ["a stream", { type: "stream", url: "wss://runtime.example/media", parameters: { a: "" } }],
    ["a redirect", { type: "redirect", url: "https://runtime.example/twiml?x=1" }],
    ["a number", { type: "dial", number: "+447446466847" }],
    ["a SIP address", { type: "dial", number: "sip:desk@pbx.example" }],
  ])("keeps %s", async (_, connect) => {
    const response = await create({ connect, record: true, fallback: { type: "say", text: "Sorry." } });
    expect(response.status).toBe(201);
    const expected = { connect, record: true, fallback: { type: "say", text: "Sorry." } };
    expect(await response.json()).toMatchObject(expected);
    const [row] = await rows<{ connect: string; record: number }>("agents");
    expect([JSON.parse(row?.connect ?? ""), row?.record]).toEqual([connect, 1]);
  });

  it("has none unless told", async () => {
    expect(await (await create({})).json()).toMatchObject({ connect: null, fallback: null, record: false });
    expect(await (await create({ connect: null, fallback: null })).json()).toMatchObject({ connect: null });
  });

  it("takes attributes in snake_case too, and keeps TwiML's names", async () => {
    const connect = {
      type: "conversation_relay",
      url: "wss://runtime.example",
      welcome_greeting: "Hi",
      voice: null,
      languages: [{ code: "en-GB", tts_provider: "Google" }],
      parameters: { some_name: "kept" },
    };
    expect(await (await create({ connect })).json()).toMatchObject({
      connect: {
        type: "conversation_relay",
        url: "wss://runtime.example",
        welcomeGreeting: "Hi",
        languages: [{ code: "en-GB", ttsProvider: "Google" }],
        parameters: { some_name: "kept" },
      },
    });
  });

  it.each([
    [
      "as Twilio's reference spells them",
      { ignoreBackchannel: true, speechTimeout: 5, deepgramSmartFormat: false },
    ],
    [
      "as its SDK spells them",
      { ignorebackchannel: "true", speechtimeout: "auto", deepgramsmartformat: "false" },
    ],
    ["those that came later", { turnDetection: "external", eotThreshold: 0.7, applicationReconnect: true }],
  ])("passes attributes on as they are written: %s", async (_, attributes) => {
    const imported = await haveImported({ connect: { ...relay, ...attributes } });
    const twiml = await (await tell(imported, "voice", { CallSid: "CA1", From: "+15005550006" })).text();
    for (const [name, value] of Object.entries(attributes)) expect(twiml).toContain(` ${name}="${value}"`);
  });

  it.each(["ws://localhost:8080/relay", "wss://localhost/relay", "ws://127.0.0.1:8080/"])(
    "takes %s where local webhooks are allowed",
    async (url) => {
      const key = await createKey();
      const local = { ALLOW_LOCAL_WEBHOOKS: "true", TWILIO_API_BASE_URL: "http://localhost:4010" };
      for (const type of ["conversation_relay", "stream"]) {
        const body = { name: "Receptionist", connect: { type, url } };
        expect((await post("/v1/agents", body, { key, env: local })).status).toBe(201);
      }
      const http = { name: "Receptionist", connect: { ...relay, url: "http://localhost:8080/relay" } };
      await expectError(await post("/v1/agents", http, { key, env: local }), 400, "invalid_url");
    },
  );

  it.each<[string, Record<string, unknown>, string, string]>([
    ["no object", { connect: "wss://runtime.example" }, "invalid_field", "connect"],
    ["no type", { connect: {} }, "invalid_field", "connect.type"],
    ["an unknown type", { connect: { type: "carrier_pigeon" } }, "invalid_field", "connect.type"],
    ["ws", { connect: { ...relay, url: "ws://runtime.example" } }, "invalid_url", "connect.url"],
    ["a private host", { connect: { ...relay, url: "wss://10.0.0.1" } }, "invalid_url", "connect.url"],
    [
      "a stream with a query, which Twilio would strip",
      { connect: { type: "stream", url: "wss://runtime.example/?a=1" } },
      "invalid_url",
      "connect.url",
    ],
    [
      "a redirect to ourselves",
      { connect: { type: "redirect", url: "https://numbers.example.com/webhooks" } },
      "invalid_url",
      "connect.url",
    ],
    [
      "a redirect over http",
      { connect: { type: "redirect", url: "http://runtime.example" } },
      "invalid_url",
      "connect.url",
    ],
    ["a known attribute in other letters", { connect: { ...relay, Voice: "x" } }, "invalid_field", "connect"],
    ["a second address", { connect: { ...relay, URL: "ws://10.0.0.1" } }, "invalid_field", "connect"],
    ["an action of its own", { connect: { ...relay, LANGUAGES: "x" } }, "invalid_field", "connect"],
    [
      "an attribute twice, in two spellings",
      { connect: { ...relay, speechTimeout: "5", speechtimeout: "6" } },
      "invalid_field",
      "connect",
    ],
    [
      "an attribute that XML cannot name",
      { connect: { ...relay, 'x"><Say': "x" } },
      "invalid_field",
      "connect",
    ],
    [
      "an attribute with a long name",
      { connect: { ...relay, ["x".repeat(65)]: "x" } },
      "invalid_field",
      "connect",
    ],
    [
      "an unknown attribute that is no text",
      { connect: { ...relay, turn: {} } },
      "invalid_field",
      "connect.turn",
    ],
    [
      "an unknown attribute that is too long",
      { connect: { ...relay, turn: "x".repeat(1_001) } },
      "invalid_field",
      "connect.turn",
    ],
    [
      "too many unknown attributes",
      { connect: { ...relay, ...Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`a${i}`, "x"])) } },
      "invalid_field",
      "connect",
    ],
    [
      "a local runtime",
      { connect: { ...relay, url: "ws://localhost:8080/relay" } },
      "invalid_url",
      "connect.url",
    ],
    ["an attribute of another type", { connect: { ...relay, voice: 1 } }, "invalid_field", "connect.voice"],
    [
      "a long attribute",
      { connect: { ...relay, hints: "x".repeat(1_001) } },
      "invalid_field",
      "connect.hints",
    ],
    [
      "too many parameters",
      {
        connect: { ...relay, parameters: Object.fromEntries(Array.from({ length: 21 }, (_, i) => [i, ""])) },
      },
      "invalid_field",
      "connect.parameters",
    ],
    ["no number to dial", { connect: { type: "dial", number: "12" } }, "invalid_field", "connect.number"],
    [
      "a SIP address with markup",
      { connect: { type: "dial", number: 'sip:a"><Say>' } },
      "invalid_field",
      "connect.number",
    ],
    ["a fallback without words", { fallback: { type: "say" } }, "invalid_field", "fallback.text"],
    [
      "a fallback that relays",
      { fallback: { ...relay, type: "conversation_relay" } },
      "invalid_field",
      "fallback.type",
    ],
    ["a record that is no switch", { record: "yes" }, "invalid_field", "record"],
  ])("refuses %s", async (_, fields, code, field) => {
    const error = await expectError(await create(fields), 400, code);
    expect(error.details).toMatchObject({ fields: [field] });
    expect(await rows("agents")).toEqual([]);
  });

  it.each([
    "http://customer.example",
    "https://localhost/events",
    "https://10.0.0.1/",
    "https://numbers.example.com/",
  ])("sends no events to %s", async (webhook_url) => {
    const error = await expectError(await create({ webhook_url }), 400, "invalid_url");
    expect(error.details).toMatchObject({ fields: ["webhook_url"] });
  });
});

describe("URLs of an agent", () => {
  it.each<[string, string]>([
    ["wss://Runtime.Example:443/relay", "wss://runtime.example/relay"],
    ["wss://runtime.example/a b", "wss://runtime.example/a%20b"],
    ["wss://example.com\\@127.0.0.1/", "wss://example.com/@127.0.0.1/"],
    ["wss://runtime.example", "wss://runtime.example"],
  ])("are stored in their normal form: %s", async (url, normal) => {
    const response = await create({ connect: { type: "conversation_relay", url } });
    expect(response.status).toBe(201);
    expect(await response.json()).toMatchObject({ connect: { url: normal } });
  });

  it.each<[Record<string, unknown>, string, string]>([
    [{ connect: { type: "stream", url: "wss:host.example/x" } }, "connect.url", "not_absolute"],
    [{ connect: { type: "stream", url: "wss:\\\\host.example" } }, "connect.url", "not_absolute"],
    [{ webhook_url: "http://hooks.example/" }, "webhook_url", "protocol"],
    [{ webhook_url: "https://user:pass@hooks.example/" }, "webhook_url", "credentials"],
    [{ webhook_url: "https://192.168.0.1/" }, "webhook_url", "private_host"],
  ])("that are refused name the rule: %j", async (fields, field, rule) => {
    const error = await expectError(await create(fields), 400, "invalid_url");
    expect(error.details).toEqual({
      fields: [field],
      problems: [{ field, problem: "malformed" }],
      reason: rule,
    });
  });

  it("on this machine name the setting that allows them, if the deployment is local", async () => {
    const env = { PUBLIC_BASE_URL: "http://localhost:8787" };
    const fields = { name: "A", webhook_url: "http://localhost:3000/events" };
    const key = await createKey();
    const local = await (await post("/v1/agents", fields, { key, env })).json<Envelope>();
    expect(local.error).toMatchObject({ code: "invalid_url", details: { reason: "local_host" } });
    expect(local.error.message).toContain("ALLOW_LOCAL_WEBHOOKS");
    const elsewhere = await expectError(await post("/v1/agents", fields, { key }), 400, "invalid_url");
    expect(elsewhere.message).not.toContain("ALLOW_LOCAL_WEBHOOKS");
  });

  it("have parameters of any name but one that would vanish", async () => {
    const parameters = JSON.parse('{"__proto__": "x", "constructor": "y"}');
    const error = await expectError(
      await create({ connect: { type: "stream", url: "wss://runtime.example/", parameters } }),
      400,
      "invalid_field",
    );
    expect(error.details).toMatchObject({ fields: ["connect.parameters.__proto__"] });
  });
});
