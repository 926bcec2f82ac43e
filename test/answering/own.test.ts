import { describe, expect, it } from "vitest";
import { haveImported, type Imported, tell } from "../support/answering.ts";
import { haveModel, modelRequests, streamed } from "../support/model.ts";
import { twilio } from "../support/twilio.ts";
import { call, createAgent, createKey, expectError, get, post } from "../support/worker.ts";
import type { Utterance } from "../twilio-simulator/call.ts";

// Calls and texts of a number that has something of its own, beside or instead of its agent's.

const DESK = "+441632960123";
const AGENTS_DESK = "+441632960124";
const LV = "+37120000000";
/** The deployment as it is unless configured: a key may reach the countries of its own numbers. */
const OWN = { DEFAULT_LIMITS: "{}" };
const FAST = { DEFAULT_LIMITS: '{"calls_per_second":100,"allowed_countries":["*"]}' };

const AGENT = {
  system_prompt: "You work for {{business}}.",
  welcome_message: "Welcome to {{business|us}}.",
  transfer_numbers: [AGENTS_DESK],
};

async function own(imported: Imported, fields: Record<string, unknown>): Promise<void> {
  const path = `/v1/phone-numbers/${imported.phoneNumber}`;
  const response = await call("PATCH", path, imported.key, fields);
  expect(response.status, await response.clone().text()).toBe(200);
}

const lines = (conversation: { by: string; text: string }[] = []) =>
  conversation.map(({ by, text }) => `${by}: ${text.trim()}`);

const instructions = () => (modelRequests()[0]?.messages as { content: string }[] | undefined)?.[0]?.content;

const greeted = async ({ phoneNumber }: Imported, say: Utterance[] = ["Hello?"]) =>
  lines((await twilio.ring(phoneNumber, { say })).conversation);

describe("a call to a number", () => {
  it.each([true, false])("is led with what is its own; over ConversationRelay: %s", async (isRelay) => {
    haveModel(() => streamed("Yes."));
    const imported = await haveImported(AGENT);
    if (!isRelay) imported.account.hasConversationRelay = false;
    await own(imported, {
      custom_prompt: "{{business}} is open until {{hours|five}}.",
      sms_prompt: "Write little.",
      welcome_message: "Hello, {{business}} here.",
      transfer_numbers: [DESK],
      dynamic_vars: { business: "Acme {{hours}}" },
    });
    expect((await greeted(imported)).slice(0, 3)).toEqual([
      "agent: Hello, Acme {{hours}} here.",
      "caller: Hello?",
      "agent: Yes.",
    ]);
    expect(instructions()).toMatch(
      /^You work for Acme \{\{hours\}\}\.\n\nAcme \{\{hours\}\} is open until five\./,
    );
    expect(instructions()).not.toContain("Write little");
    const tools = JSON.stringify(modelRequests()[0]?.tools);
    expect(tools).toContain(DESK);
    expect(tools).not.toContain(AGENTS_DESK);
  });

  it("hears the agent's own again after null, and no braces where there is no value", async () => {
    haveModel(() => streamed("Yes."));
    const imported = await haveImported(AGENT);
    await own(imported, { welcome_message: "Mine.", dynamic_vars: { business: "Acme" } });
    expect((await greeted(imported))[0]).toBe("agent: Mine.");
    await own(imported, { welcome_message: null });
    expect((await greeted(imported))[0]).toBe("agent: Welcome to Acme.");
    await own(imported, { dynamic_vars: null });
    expect((await greeted(imported))[0]).toBe("agent: Welcome to us.");
  });

  it("hears the agent's greeting without a name that has no value, and another if nothing is left", async () => {
    haveModel(() => streamed("Yes."));
    const imported = await haveImported({ welcome_message: "Hello {{name}}, hello." });
    expect((await greeted(imported))[0]).toBe("agent: Hello, hello.");
    await own(imported, { welcome_message: "{{name}}" });
    expect((await greeted(imported))[0]).toBe("agent: Hello, how can I help?");
  });

  it.each([true, false])("hears nothing first if its greeting is empty; by relay: %s", async (isRelay) => {
    haveModel(() => streamed("Yes."));
    const imported = await haveImported(AGENT);
    if (!isRelay) imported.account.hasConversationRelay = false;
    await own(imported, { welcome_message: "" });
    expect(await greeted(imported)).toEqual(["caller: Hello?", "agent: Yes."]);
  });

  it("without a model hears silence, and the call ends", async () => {
    const imported = await haveImported(AGENT);
    await own(imported, { welcome_message: "" });
    expect((await twilio.ring(imported.phoneNumber)).twiml).toContain("<Response><Hangup/></Response>");
  });

  it("is spoken to in its language, recorded and put through as the number says", async () => {
    const imported = await haveImported({ ...AGENT, language: "de", record: true });
    await own(imported, { language: "fr", record: false, fallback: { type: "say", text: "{{x}} Zu." } });
    const { twiml } = await twilio.ring(imported.phoneNumber);
    expect(twiml).toContain('<Say language="fr-FR">Welcome to us.</Say>');
    expect(twiml).not.toContain("Recording");
    const fallback = { CallSid: "CA1", From: "+15005550006" };
    const said = async () => (await tell(imported, "voice-fallback", fallback)).text();
    expect(await said()).toContain('<Say language="fr-FR">Zu.</Say>');
    await own(imported, { fallback: { type: "dial", number: DESK } });
    expect(await said()).toContain(`${DESK}</Number></Dial>`);
    await own(imported, { fallback: { type: "say", text: "{{x}}" } });
    expect(await said()).toContain("not taking calls");
  });

  it("is not put through to where its key may not call", async () => {
    haveModel(() => streamed("Yes."));
    const imported = await haveImported({ transfer_numbers: ["+447700900001"] });
    const fields = { transfer_numbers: [LV], fallback: { type: "dial", number: LV }, language: "mi" };
    const path = `/v1/phone-numbers/${imported.phoneNumber}`;
    const warnings = [
      { code: "language_not_spoken", details: { language: "mi" } },
      { code: "country_not_allowed", details: { phone_number: LV, country: "LV" } },
    ];
    for (const query of ["?dry_run=true", ""]) {
      const response = await call("PATCH", path + query, imported.key, fields, { env: OWN });
      expect(await response.json()).toMatchObject({ warnings });
    }
    const heard = { CallSid: `CA${"7".repeat(32)}`, From: "+447700900002", SpeechResult: "A person." };
    const model = { MODEL_BASE_URL: "https://model.example/v1", MODEL: "scripted" };
    await tell(imported, "gather", heard, { env: { ...OWN, ...model } });
    expect(JSON.stringify(modelRequests()[0]?.tools)).not.toContain("transfer_call");
    const twiml = await (await tell(imported, "voice-fallback", heard, { env: OWN })).text();
    expect(twiml).toContain("not taking calls");
  });

  it("tells a runtime whose number it is, and nobody poses as another agent", async () => {
    const connect = {
      type: "conversation_relay",
      url: "wss://runtime.example/relay",
      welcomeGreeting: "Hello, {{business}}.",
      parameters: { business: "no", tier: "gold" },
    };
    const imported = await haveImported({ connect });
    await own(imported, {
      label: "Acme & Co",
      external_id: "customer-42",
      dynamic_vars: { business: "Acme", agent_id: "agent_x", label: "no" },
    });
    const { twiml = "" } = await twilio.ring(imported.phoneNumber);
    expect(twiml).toContain('welcomeGreeting="Hello, Acme."');
    const parameters = [...twiml.matchAll(/<Parameter name="(\w+)" value="([^"]*)"/g)].map((match) =>
      match.slice(1, 3),
    );
    expect(parameters.slice(0, -2)).toEqual([
      ["business", "Acme"],
      ["tier", "gold"],
      ["agent_id", imported.agentId],
      ["label", "Acme &amp; Co"],
      ["external_id", "customer-42"],
      ["phone_number", imported.phoneNumber],
    ]);
  });
});

describe("a call from a number", () => {
  it("is greeted by the call, else by the number, else by the agent, and the call's variables win", async () => {
    haveModel(() => streamed("Yes."));
    const imported = await haveImported(AGENT);
    await own(imported, {
      custom_prompt: "Be {{tone|kind}}.",
      dynamic_vars: { business: "Acme", tone: "short" },
    });
    const dial = async (fields: Record<string, unknown>) => {
      const body = { agent_id: imported.agentId, to_number: "+15005550009", ...fields };
      expect((await post("/v1/calls", body, { key: imported.key, env: FAST })).status).toBe(201);
      const [dialled] = await twilio.dial({ say: ["Yes?"] });
      return lines(dialled?.conversation)[0];
    };
    expect(await dial({ dynamic_vars: { tone: "quick" }, prompt: "Ask {{business}}." })).toBe(
      "agent: Welcome to Acme.",
    );
    expect(instructions()).toMatch(/^You work for Acme\.\n\nBe quick\.\n\nAsk Acme\./);
    await own(imported, { welcome_message: "{{business}} calls." });
    expect(await dial({ dynamic_vars: { business: "Bolt" } })).toBe("agent: Bolt calls.");
    expect(await dial({ welcome_message: "It is {{business}}." })).toBe("agent: It is Acme.");
    await own(imported, { welcome_message: "" });
    expect(await dial({})).toBe("caller: Yes?");
  });
});

describe("trying an agent", () => {
  const body = { messages: [{ role: "caller", text: "Hello?" }] };

  it("as one of its numbers is talking with what is that number's own", async () => {
    const imported = await haveImported(AGENT);
    await own(imported, {
      custom_prompt: "Be kind.",
      transfer_numbers: [DESK],
      dynamic_vars: { business: "Acme" },
    });
    const transfer = { name: "transfer_call", arguments: JSON.stringify({ number: DESK }) };
    haveModel(() => streamed("Wait.", { tool_calls: [{ index: 0, function: transfer }] }));
    const path = `/v1/agents/${imported.agentId}/try`;
    const ask = async (fields: object) =>
      (await post(path, { ...body, ...fields }, { key: imported.key })).json();
    expect(await ask({ phone_number: imported.phoneNumber })).toMatchObject({
      action: { type: "transfer", number: DESK },
    });
    expect(instructions()).toMatch(/^You work for Acme\.\n\nBe kind\./);
    expect(await ask({})).toMatchObject({ action: null });
    expect(JSON.stringify(modelRequests()[1])).toContain("You work for.");
    await ask({ phoneNumber: imported.phoneNumber, system_prompt: "Sell {{business}}." });
    expect(JSON.stringify(modelRequests()[2])).toContain("Sell Acme.\\n\\nBe kind.");
  });

  it("as nobody's number, or another key's, is refused", async () => {
    haveModel();
    const imported = await haveImported(AGENT);
    const stranger = await createKey();
    const agentId = await createAgent(stranger);
    const number = imported.phoneNumber;
    for (const [phone_number, status, code] of [
      [number, 404, "number_not_found"],
      ["+15005550099", 404, "number_not_found"],
      ["0800", 400, "invalid_phone_format"],
    ] as const) {
      const asked = await post(`/v1/agents/${agentId}/try`, { ...body, phone_number }, { key: stranger });
      await expectError(asked, status, code);
      const heard = await get(`/v1/sentences?phone_number=${encodeURIComponent(phone_number)}`, stranger);
      await expectError(heard, status, code);
    }
    expect(modelRequests()).toEqual([]);
  });

  it("is shown what a caller of a number hears first", async () => {
    const imported = await haveImported(AGENT);
    const greeting = async () => {
      const path = `/v1/sentences?phone_number=${imported.phoneNumber}`;
      return (await (await get(path, imported.key)).json<{ greeting: string }>()).greeting;
    };
    expect(await greeting()).toBe("Welcome to us.");
    await own(imported, { welcome_message: "{{greeting}}", dynamic_vars: { greeting: "Hi." } });
    expect(await greeting()).toBe("Hi.");
    await own(imported, { dynamic_vars: null, language: "de" });
    expect(await greeting()).toBe("Thank you for calling.");
    haveModel();
    expect(await greeting()).toBe("Guten Tag, wie kann ich helfen?");
    await own(imported, { welcome_message: "" });
    expect(await greeting()).toBe("");
    await call("DELETE", `/v1/agents/${imported.agentId}?force=true`, imported.key);
    expect(await greeting()).toBe("Hello, how can I help?");
  });
});
