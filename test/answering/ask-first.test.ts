import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { readConfig } from "../../src/config.ts";
import { createObjects } from "../../src/objects.ts";
import { haveImported, type Imported, tell } from "../support/answering.ts";
import { type Customer, startCustomer } from "../support/customer.ts";
import { watchedDatabase } from "../support/database.ts";
import { expectLine } from "../support/logs.ts";
import { haveModel, modelRequests, streamed } from "../support/model.ts";
import { twilio } from "../support/twilio.ts";
import { call, createAgent, createKey, expectError, get, type Key, post } from "../support/worker.ts";

// A customer is asked before a call or a text is answered: what he says, what goes wrong, and for how long it counts.

const CALLER = "+15005550006";
let sids = 0;
const newSid = () => {
  sids += 1;
  return `CA${String(sids).padStart(32, "0")}`;
};

let answer: (request: Request) => Response | Promise<Response>;
let desk: Customer;
let customer: Customer;
let desks = 0;

beforeEach(() => {
  answer = () => Response.json({});
  // A URL that failed in another test is left alone.
  desks += 1;
  desk = startCustomer((request) => answer(request), `https://desk${desks}.example`);
  customer = startCustomer();
});

const says = (said: object) => {
  answer = () => Response.json(said);
};

async function prepare(agent: Record<string, unknown> = {}, number = {}) {
  const imported = await haveImported(
    {
      welcome_message: "Hello.",
      fallback: { type: "say", text: "We are busy." },
      inbound_url: desk.url,
      webhook_url: customer.url,
      ...agent,
    },
    number,
  );
  customer.received.length = 0;
  return imported;
}

const path = ({ phoneNumber }: Imported) => `/v1/phone-numbers/${encodeURIComponent(phoneNumber)}`;

async function ring(imported: Imported, CallSid = newSid(), more: Record<string, string> = {}) {
  const about = { CallSid, From: CALLER, To: imported.phoneNumber, CallStatus: "ringing", ...more };
  return (await tell(imported, "voice", about)).text();
}

const failures = () => customer.events().filter(({ event }) => event === "inbound_url.failed");

describe("inbound_url", () => {
  it("is asked once for a call, signed and in the envelope of events", async () => {
    const imported = await prepare();
    await call("PATCH", path(imported), imported.key, {
      external_id: "customer-42",
      label: "Acme",
      metadata: { crm: "1" },
    });
    const CallSid = newSid();
    await ring(imported, CallSid, { ForwardedFrom: "+441632960123" });
    expect(desk.events()).toEqual([
      {
        event: "call.inbound",
        event_id: expect.stringMatching(/^evt_[0-9a-f]{32}$/),
        created_at: expect.stringMatching(/Z$/),
        agent_id: imported.agentId,
        call_id: CallSid,
        phone_number: imported.phoneNumber,
        from: CALLER,
        to: imported.phoneNumber,
        external_id: "customer-42",
        label: "Acme",
        metadata: { crm: "1" },
        forwarded_from: "+441632960123",
      },
    ]);
    const headers = desk.received[0]?.headers;
    expect(headers?.get("webhook-id")).toBe(desk.events()[0]?.event_id);
    expect(headers?.get("x-nixflex-signature")).toMatch(/^t=\d+,v1=[0-9a-f]{64}/);
    // Twilio comes again: the same answer, and nobody is asked again.
    await ring(imported, CallSid);
    expect(desk.received).toHaveLength(1);
    expect(failures()).toEqual([]);
  });

  it("costs a warm call no query, and its signature is that of the key", async () => {
    const imported = await prepare();
    await ring(imported);
    const { DB, trips } = watchedDatabase();
    const about = { CallSid: newSid(), From: CALLER, To: imported.phoneNumber };
    const before = desk.received.length;
    let asked = -1;
    answer = () => {
      asked = trips();
      return Response.json({});
    };
    await tell(imported, "voice", about, { env: { DB } });
    expect(desk.received).toHaveLength(before + 1);
    expect(asked).toBe(0);
    // A new secret signs the next question, though the route is in the cache.
    const rotated = await (await post("/v1/webhooks/secret", {}, { key: imported.key })).json();
    const { webhook_secret } = rotated as { webhook_secret: string };
    await ring(imported);
    expect(await desk.signedBy(webhook_secret)).toBe(1);
  });

  it.each<[string, object, RegExp]>([
    ["another greeting", { welcome_message: "Good evening." }, /welcomeGreeting="Good evening\."/],
    ["silence", { welcome_message: "" }, /<ConversationRelay url="[^"]*" language/],
    ["another language and voice", { language: "de-DE", voice_id: "Anna" }, /language="de-DE" voice="Anna"/],
    ["a name", { dynamic_vars: { name: "Ms Doe" }, welcome_message: "Hello {{name}}." }, /"Hello Ms Doe\."/],
    ["a person", { transfer_to: "+441632960123" }, /<Dial [^>]*><Number>\+441632960123</],
    ["a SIP address", { transfer_to: "sip:desk@pbx.example" }, /<Sip>sip:desk@pbx\.example</],
    ["a refusal", { reject: "rejected" }, /<Response><Reject reason="rejected"/],
    ["a refusal before a person", { reject: "busy", transfer_to: "+441632960123" }, /<Reject reason="busy"/],
    ["nothing", {}, /welcomeGreeting="Hello\."/],
    ["what nobody knows", { unknown: 1, agent_id: null }, /welcomeGreeting="Hello\."/],
  ])("may answer %s", async (_, said, heard) => {
    haveModel();
    says(said);
    const imported = await prepare();
    expect(await ring(imported)).toMatch(heard);
    expect(failures()).toEqual([]);
  });

  it("may name another agent, on which the number's own stays, and over both what was said", async () => {
    haveModel(() => streamed("Yes."));
    const imported = await prepare();
    const other = await createAgent(imported.key, {
      system_prompt: "You are the other one.",
      welcome_message: "The other one.",
      // It is not asked.
      inbound_url: "https://nobody.example/inbound",
    });
    await call("PATCH", path(imported), imported.key, {
      welcome_message: "Acme.",
      dynamic_vars: { who: "nobody", what: "teeth" },
    });
    says({ agent_id: other, custom_prompt: "For {{who}}: {{what}}.", dynamic_vars: { who: "Ms Doe" } });
    const { conversation } = await twilio.ring(imported.phoneNumber, { from: CALLER, say: ["Hello?"] });
    expect(conversation[0]?.text).toBe("Acme.");
    const [request] = modelRequests() as { messages: { content: string }[] }[];
    expect(request?.messages[0]?.content).toContain("You are the other one.\n\nFor Ms Doe: teeth.");
    const told = customer.events().concat(desk.events());
    expect(told.filter(({ event }) => event === "call.inbound")).toHaveLength(1);
    const log = await (await get("/v1/calls", imported.key)).json<{ calls: { agent_id: string }[] }>();
    expect(log.calls[0]?.agent_id).toBe(other);
  });

  it.each([true, false])(
    "counts for the whole call, over ConversationRelay: %s",
    async (hasConversationRelay) => {
      haveModel(() => streamed("Yes."));
      const imported = await prepare({ system_prompt: "Be brief." });
      imported.account.hasConversationRelay = hasConversationRelay;
      says({ custom_prompt: "The caller is Ms Doe.", welcome_message: "Ms Doe!" });
      const { conversation } = await twilio.ring(imported.phoneNumber, { from: CALLER, say: ["One", "Two"] });
      expect(conversation[0]?.text.trim()).toBe("Ms Doe!");
      expect(modelRequests()).toHaveLength(2);
      for (const request of modelRequests() as { messages: { content: string }[] }[])
        expect(request.messages[0]?.content).toContain("The caller is Ms Doe.");
      expect(desk.received).toHaveLength(1);
    },
  );

  it("counts for a runtime too, up to the call's last event", async () => {
    const imported = await prepare({ connect: { type: "stream", url: "wss://runtime.example/a" } });
    const other = await createAgent(imported.key, {
      connect: { type: "stream", url: "wss://runtime.example/b" },
      webhook_url: customer.url,
      fallback: { type: "say", text: "The other is busy." },
    });
    says({ agent_id: other });
    const CallSid = newSid();
    expect(await ring(imported, CallSid)).toContain("wss://runtime.example/b");
    const failed = { CallSid, From: CALLER, StreamError: "31921" };
    expect(await (await tell(imported, "connect-action", failed)).text()).toContain("The other is busy.");
    expect(await (await tell(imported, "voice-fallback", { CallSid })).text()).toContain(
      "The other is busy.",
    );
    await tell(imported, "status", { CallSid, CallStatus: "completed", CallDuration: "3" });
    const told = customer.events().filter(({ event }) => String(event).startsWith("call."));
    expect(told.map(({ event, agent_id }) => [event, agent_id])).toEqual([
      ["call.started", other],
      ["call.completed", other],
    ]);
    expect(desk.received).toHaveLength(1);
  });

  it("that rejects a call leaves it unanswered in the log and in its events", async () => {
    const imported = await prepare();
    says({ reject: "busy" });
    const CallSid = newSid();
    await ring(imported, CallSid);
    await tell(imported, "status", { CallSid, From: CALLER, CallStatus: "busy" });
    await vi.waitFor(() =>
      expect(customer.events()).toMatchObject([
        { event: "call.started", routed: false },
        { event: "call.failed", call_status: "busy" },
      ]),
    );
    const found = await (await get(`/v1/calls/${CallSid}`, imported.key)).json();
    expect(found).toMatchObject({ status: "busy", answered_at: null, duration_seconds: 0 });
  });

  it("is forgotten with a call that its owner deletes", async () => {
    const imported = await prepare();
    const CallSid = newSid();
    await ring(imported, CallSid);
    await tell(imported, "status", { CallSid, From: CALLER, CallStatus: "completed", CallDuration: "3" });
    expect((await call("DELETE", `/v1/calls/${CallSid}`, imported.key)).status).toBe(200);
    await ring(imported, CallSid);
    expect(desk.received).toHaveLength(2);
  });

  it("of a number comes before the agent's, and may be taken away", async () => {
    const imported = await prepare();
    const own = startCustomer(() => Response.json({ reject: "busy" }), "https://own.example");
    await call("PATCH", path(imported), imported.key, { inbound_url: own.url });
    expect(await ring(imported)).toContain("<Reject");
    expect(desk.received).toHaveLength(0);
    await call("PATCH", path(imported), imported.key, { inbound_url: null });
    expect(await ring(imported)).not.toContain("<Reject");
    expect(desk.received).toHaveLength(1);
  });

  it("of a number is kept in its normal form, as an agent's is", async () => {
    const imported = await prepare();
    const odd = "HTTPS://Own.Example\\calls/../inbound";
    await call("PATCH", path(imported), imported.key, { inbound_url: odd });
    const read = await (await get(path(imported), imported.key)).json();
    expect(read).toMatchObject({ phone_number: { inbound_url: "https://own.example/inbound" } });
  });

  it("is not asked where nobody would answer, nor before the fallback", async () => {
    const imported = await prepare();
    await tell(imported, "voice-fallback", { CallSid: newSid(), From: CALLER });
    await call("PATCH", path(imported), imported.key, { inbound_enabled: false });
    await ring(imported);
    expect(desk.received).toHaveLength(0);
  });

  it("puts nobody through to where the key may not call", async () => {
    says({ transfer_to: "+8821612345678" });
    const imported = await prepare();
    const env = { DEFAULT_LIMITS: '{"allowed_countries":["GB"]}' };
    const about = { CallSid: newSid(), From: CALLER, To: imported.phoneNumber };
    const heard = await (await tell(imported, "voice", about, { env })).text();
    expect(heard).not.toContain("<Dial");
    expect(heard).toContain("We are busy.");
  });
});

describe("an inbound_url that fails", () => {
  const large = "x".repeat(65 * 1_024);
  const faults: [string, () => Response | Promise<Response>, object][] = [
    ["refuses", () => new Response("", { status: 500 }), { reason: "http_error", http_status: 500 }],
    ["redirects", () => Response.redirect("https://x.example/"), { reason: "http_error", http_status: 302 }],
    ["says too much", () => Response.json({ welcome_message: "", x: large }), { reason: "answer_too_large" }],
    ["says no JSON", () => new Response("{"), { reason: "invalid_answer" }],
    ["says a list", () => Response.json([]), { reason: "invalid_answer" }],
    ["breaks off", () => Promise.reject(new TypeError("reset")), { reason: "network_error" }],
  ];
  const wrong: [object, string][] = [
    [{ welcome_message: 7 }, "welcome_message"],
    [{ custom_prompt: "x".repeat(8_001) }, "custom_prompt"],
    [{ language: "no language" }, "language"],
    [{ transfer_to: "112" }, "transfer_to"],
    [{ reject: "away" }, "reject"],
    [{ dynamic_vars: { "a b": "" } }, "dynamic_vars"],
    [{ dynamic_vars: { ["a b".repeat(20_000)]: "" } }, "dynamic_vars.a b"],
    [
      { dynamic_vars: Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`v${i}`, "x".repeat(500)])) },
      "dynamic_vars",
    ],
  ];
  it.each([
    ...faults,
    ...wrong.map(([said, field]): (typeof faults)[number] => [
      `says a wrong ${field}`,
      () => Response.json({ welcome_message: "Hello, you.", ...said }),
      { reason: "invalid_answer", field: expect.stringContaining(field) },
    ]),
  ])(
    "because it %s leaves the call to the number's own settings, and that is told",
    async (_, fails, told) => {
      haveModel();
      answer = fails;
      const imported = await prepare();
      expect(await ring(imported)).toContain('welcomeGreeting="Hello."');
      await vi.waitFor(() => expect(failures()).toMatchObject([{ about: "call.inbound", ...told }]));
      // The answer's own words are not repeated at length.
      expect(JSON.stringify(failures()).length).toBeLessThan(1_000);
    },
  );

  it("by answering late keeps the caller waiting no longer than it may", async () => {
    const imported = await prepare({ inbound_url_timeout_ms: 500 });
    answer = (request) =>
      new Promise((_, reject) => {
        request.signal.addEventListener("abort", () => reject(new Error("aborted")));
      });
    expect(await ring(imported)).toContain("Hello.");
    await vi.waitFor(() => expect(failures()).toMatchObject([{ reason: "timeout" }]));
  });

  it.each([
    ["another key's agent", async () => createAgent(await createKey(), {}), "agent_not_found"],
    ["no agent", async () => "agent_0000000000000000", "agent_not_found"],
    ["an agent that is not active", (key: Key) => createAgent(key, { is_active: false }), "agent_inactive"],
  ])("by naming %s changes nothing of the call", async (_, agentOf, reason) => {
    haveModel();
    const imported = await prepare();
    says({ agent_id: await agentOf(imported.key), welcome_message: "Hello, you." });
    expect(await ring(imported)).toContain('welcomeGreeting="Hello."');
    await vi.waitFor(() => expect(failures()).toMatchObject([{ reason, field: "agent_id" }]));
  });

  it("is no fault of the customer where the call's object is not reached, and nothing is told", async () => {
    haveModel();
    says({ reject: "busy" });
    const imported = await prepare();
    const broken = {
      CONVERSATIONS: { getByName: () => ({ ask: async () => Promise.reject(new Error("gone")) }) },
    };
    const about = { CallSid: newSid(), From: CALLER, To: imported.phoneNumber };
    const answered = await tell(imported, "voice", about, { env: broken as unknown as Partial<Env> });
    expect(await answered.text()).toContain('welcomeGreeting="Hello."');
    expectLine("inbound_url_not_asked", { level: "warn", error_message: "gone" });
    expect(failures()).toEqual([]);
  });

  it("is left alone too if calls that come side by side all fail", async () => {
    answer = () => new Response("", { status: 503 });
    const imported = await prepare();
    await ring(imported);
    desk.received.length = 0;
    await Promise.all(Array.from({ length: 4 }, () => ring(imported)));
    await ring(imported);
    expect(desk.received).toHaveLength(4);
  });

  it("is told of once an hour, and left alone for a while if it is down", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: new Date("2026-01-31T12:10:00.000Z") });
    answer = () => new Response("", { status: 503 });
    const imported = await prepare();
    for (let calls = 0; calls < 7; calls += 1) await ring(imported);
    expect(desk.received).toHaveLength(5);
    await vi.waitFor(() => expect(failures()).toHaveLength(1));
    vi.setSystemTime(new Date("2026-01-31T13:10:00.000Z"));
    says({ reject: "busy" });
    expect(await ring(imported)).toContain("<Reject");
    answer = () => new Response("", { status: 503 });
    await ring(imported);
    await vi.waitFor(() => expect(failures()).toHaveLength(2));
  });

  it("for one key, as by its short timeout, is still asked for another", async () => {
    answer = () => new Response("", { status: 503 });
    const stranger = await prepare();
    for (let calls = 0; calls < 6; calls += 1) await ring(stranger);
    expect(desk.received).toHaveLength(5);
    says({ reject: "busy" });
    expect(await ring(await prepare({}, { phone_number: "+15005550001" }))).toContain("<Reject");
  });
});

describe("a text", () => {
  const text = (imported: Imported, MessageSid: string) =>
    tell(imported, "sms", { MessageSid, From: CALLER, To: imported.phoneNumber, Body: "Are you open?" });

  it("is asked about if the agent answers texts, and only its prompts count", async () => {
    haveModel(() => streamed("Yes."));
    const imported = await prepare({ sms_reply: true, system_prompt: "Be kind." });
    says({ custom_prompt: "{{who}} writes.", dynamic_vars: { who: "Ms Doe" }, transfer_to: "+441632960123" });
    await text(imported, "SM1");
    await vi.waitFor(() => expect(twilio.state.messages).toHaveLength(1));
    expect(desk.events()).toMatchObject([
      { event: "sms.inbound", message_id: "SM1", from: CALLER, text: "Are you open?" },
    ]);
    const [request] = modelRequests() as { messages: { content: string }[] }[];
    expect(request?.messages[0]?.content).toContain("Be kind.\n\nMs Doe writes.");
  });

  it("is not answered if the customer says so, and as ever if he fails", async () => {
    haveModel(() => streamed("Yes."));
    const imported = await prepare({ sms_reply: true });
    const first = [{ reject: "busy" }];
    answer = () => {
      const said = first.shift();
      return said ? Response.json(said) : new Response("", { status: 404 });
    };
    await text(imported, "SM1");
    await text(imported, "SM2");
    await vi.waitFor(() => expect(twilio.state.messages).toHaveLength(1));
    await vi.waitFor(() => expect(failures()).toMatchObject([{ about: "sms.inbound", http_status: 404 }]));
  });

  it.each<[object, string]>([
    [{}, "For Acme."],
    [{ welcome_message: "Hello." }, "For Acme."],
    [{ custom_prompt: "For Ms Doe." }, "For Ms Doe."],
  ])("keeps the number's own prompt unless %j says another", async (said, prompt) => {
    haveModel(() => streamed("Yes."));
    const imported = await prepare({ sms_reply: true, system_prompt: "Be kind." });
    await call("PATCH", path(imported), imported.key, { custom_prompt: "For Acme." });
    says(said);
    await text(imported, "SM1");
    await vi.waitFor(() => expect(twilio.state.messages).toHaveLength(1));
    const [request] = modelRequests() as { messages: { content: string }[] }[];
    expect(request?.messages[0]?.content).toContain(`Be kind.\n\n${prompt}`);
  });

  it("is written down before anybody is asked, who is asked once though its thread is restarted", async () => {
    haveModel(() => streamed("Yes."));
    const imported = await prepare({ sms_reply: true });
    const said = Promise.withResolvers<void>();
    answer = () => said.promise.then(() => Response.json({ reject: "busy" }));
    // Twilio's request and all that it began are over, though the customer has said nothing.
    await text(imported, "SM1");
    await vi.waitFor(() => expect(desk.received).toHaveLength(1));
    const objects = createObjects(env, readConfig(env));
    const thread = await objects.textThread(imported.id, CALLER);
    await runInDurableObject(thread, (_, state) => state.abort("restarted")).catch(() => undefined);
    said.resolve();
    await runDurableObjectAlarm(await objects.textThread(imported.id, CALLER));
    await vi.waitFor(() => expect(twilio.state.messages).toHaveLength(1), { timeout: 20_000 });
    expect(desk.received).toHaveLength(1);
    await vi.waitFor(() =>
      expect(failures()).toMatchObject([{ about: "sms.inbound", reason: "network_error" }]),
    );
  });

  it("is not asked about if the agent answers none", async () => {
    haveModel();
    const imported = await prepare();
    await text(imported, "SM1");
    expect(desk.received).toHaveLength(0);
  });
});

describe("the fields inbound_url and inbound_url_timeout_ms", () => {
  it.each([
    [{ inbound_url: "http://desk.example/" }, "invalid_url"],
    [{ inbound_url: "https://127.0.0.1/" }, "invalid_url"],
    [{ inbound_url: 7 }, "invalid_field"],
    [{ inbound_url_timeout_ms: 499 }, "invalid_field"],
    [{ inbound_url_timeout_ms: 8_001 }, "invalid_field"],
  ])("are refused of agents and numbers: %j", async (field, code) => {
    const imported = await prepare();
    await expectError(await call("PATCH", path(imported), imported.key, field), 400, code as "invalid_url");
    await expectError(
      await call("PATCH", `/v1/agents/${imported.agentId}`, imported.key, field),
      400,
      code as "invalid_url",
    );
    const body = { ...imported.body, phone_number: "+15005550009", ...field };
    await expectError(
      await post("/v1/phone-numbers", body, { key: imported.key }),
      400,
      code as "invalid_url",
    );
  });
});
