import { describe, expect, it } from "vitest";
import { haveImported, type Imported, tell } from "../support/answering.ts";
import { startCustomer } from "../support/customer.ts";
import { prepareImport } from "../support/import.ts";
import { haveModel, modelRequests, streamed } from "../support/model.ts";
import { twilio } from "../support/twilio.ts";
import { call, createAgent, createKey, expectError, post, rows } from "../support/worker.ts";
import { effects } from "../twilio-simulator/faults.ts";

const CALLEE = "+15005550009";
const FAST = { DEFAULT_LIMITS: '{"calls_per_second":100,"allowed_countries":["*"]}' };

async function placeCall({ key, agentId }: Imported, fields: Record<string, unknown> = {}): Promise<string> {
  const body = { agent_id: agentId, to_number: CALLEE, ...fields };
  const response = await post("/v1/calls/outbound", body, { key, env: FAST });
  if (response.status !== 201) throw new Error(await response.text());
  return (await response.json<{ call_id: string }>()).call_id;
}

const lines = (conversation: { by: string; text: string }[] = []) =>
  conversation.map(({ by, text }) => `${by}: ${text.trim()}`);

/** The path of the call's webhooks, after the number's. */
const pathOfCall = () =>
  /(calls\/call_[0-9a-f]{32})\//.exec(twilio.state.calls[0]?.form.get("Url") ?? "")?.[1] ?? "";

describe("a call that was placed", () => {
  it.each([
    ["over ConversationRelay", undefined],
    ["by Gather", false],
  ] as const)("is a conversation with its own prompt and variables, %s", async (_, hasConversationRelay) => {
    haveModel(() => streamed("Friday at ten it is."));
    const customer = startCustomer();
    const imported = await haveImported({
      system_prompt: "You work for {{company}}.",
      welcome_message: "Hello {{ name }}, this is Acme{{nothing}}.",
      webhook_url: customer.url,
    });
    if (hasConversationRelay === false) imported.account.hasConversationRelay = false;
    // Whether a number takes calls says nothing of those that it makes.
    await call("PATCH", `/v1/phone-numbers/${imported.phoneNumber}`, imported.key, {
      inbound_enabled: false,
    });
    const sid = await placeCall(imported, {
      prompt: "Ask {{name}} for a date.",
      dynamic_vars: { name: "Ada & Co", company: "Acme" },
    });
    const [dialled] = await twilio.dial({ say: ["On Friday."] });
    expect(lines(dialled?.conversation).slice(0, 3)).toEqual([
      "agent: Hello Ada & Co, this is Acme.",
      "caller: On Friday.",
      "agent: Friday at ten it is.",
    ]);
    const messages = modelRequests()[0]?.messages as { content: string }[];
    expect(messages[0]?.content).toMatch(/^You work for Acme\.\n\nAsk Ada & Co for a date\./);
    expect(messages[0]?.content).toContain(`You have called ${CALLEE}`);
    const events = customer.events().filter(({ event }) => String(event).startsWith("call."));
    expect(events).toEqual([
      expect.objectContaining({ event: "call.started", call_id: sid, direction: "outbound", to: CALLEE }),
      expect.objectContaining({ event: "call.completed", call_id: sid, direction: "outbound" }),
    ]);
    expect(events[1]).toMatchObject({ ended_reason: "callee_hangup", duration_seconds: 1 });
    expect(events[0]).not.toHaveProperty("routed");
  });

  it("is connected with the customer's runtime, which gets the variables", async () => {
    const imported = await haveImported({
      connect: {
        type: "conversation_relay",
        url: "wss://runtime.example/relay",
        parameters: { name: "nobody" },
      },
    });
    const sid = await placeCall(imported, { dynamic_vars: { name: "Ada", agent_id: "forged" } });
    const [dialled] = await twilio.dial({ say: [] });
    const twiml = dialled?.documents[0];
    expect(twiml).toContain('<Parameter name="name" value="Ada"/>');
    expect(twiml).toContain(`<Parameter name="agent_id" value="${imported.agentId}"/>`);
    expect(twiml).toContain('<Parameter name="direction" value="outbound"/>');
    expect(twiml).toContain(`<Parameter name="to" value="${CALLEE}"/>`);
    expect(twiml).toContain(`<Parameter name="call_id" value="${sid}"/>`);
  });

  it.each(["busy", "no-answer", "failed", "canceled"] as const)(
    "tells that it came to nothing: %s",
    async (answers) => {
      const customer = startCustomer();
      const imported = await haveImported({ webhook_url: customer.url });
      const sid = await placeCall(imported);
      await twilio.dial({ answers });
      expect(customer.events().filter(({ event }) => String(event).startsWith("call."))).toEqual([
        expect.objectContaining({
          event: "call.failed",
          call_id: sid,
          ended_reason: answers,
          direction: "outbound",
        }),
      ]);
    },
  );

  it("leaves its message on a machine once, and tells it", async () => {
    haveModel();
    const customer = startCustomer();
    const imported = await haveImported({ webhook_url: customer.url });
    const sid = await placeCall(imported, {
      machine_detection: "DetectMessageEnd",
      voicemail_message: "Hello {{name}}, please call back.",
      dynamic_vars: { name: "Ada" },
    });
    const path = `${pathOfCall()}/machine`;
    const [dialled] = await twilio.dial({ answers: "machine" });
    expect(lines(dialled?.conversation)).toEqual(["agent: Hello Ada, please call back."]);
    expect(customer.events().at(-1)).toMatchObject({ call_id: sid, ended_reason: "voicemail_left" });
    // Twilio may report it twice.
    const updates = () => twilio.state.requests.filter(({ operation }) => operation === "update_call").length;
    expect(updates()).toBe(1);
    await tell(imported, path, { CallSid: sid, AnsweredBy: "machine_end_beep" });
    expect(updates()).toBe(1);
  });

  it("leaves its message although Twilio fails once, and tells it only of a machine that heard it whole", async () => {
    haveModel();
    const customer = startCustomer();
    const imported = await haveImported({ webhook_url: customer.url });
    const fields = { machine_detection: "DetectMessageEnd", voicemail_message: "Please call back." };
    const reason = () => customer.events().at(-1)?.ended_reason;
    await placeCall(imported, fields);
    twilio.faults.add({ effect: effects.serverErrorHtml, operation: "update_call" });
    const [left] = await twilio.dial({ answers: "machine" });
    expect([lines(left?.conversation), reason()]).toEqual([["agent: Please call back."], "voicemail_left"]);
    await placeCall(imported, fields);
    const [cut] = await twilio
      .dial({
        answers: "machine",
        onLine: () => {
          throw new Error("the mailbox is full");
        },
      })
      .catch(() => []);
    expect(cut).toBeUndefined();
    const path =
      /\/(calls\/call_[0-9a-f]{32})\//.exec(twilio.state.calls[1]?.form.get("Url") ?? "")?.[1] ?? "";
    const ended = { CallSid: twilio.state.calls[1]?.resource.sid ?? "", CallStatus: "completed" };
    await tell(imported, `${path}/status`, { ...ended, CallDuration: "4" });
    expect(reason()).toBe("voicemail_detected");
  });

  it("ends on a machine without a message, and goes on with a person", async () => {
    haveModel();
    const imported = await haveImported({ welcome_message: "Hello." });
    await placeCall(imported, { machine_detection: "Enable" });
    const [machine] = await twilio.dial({ answers: "machine" });
    expect(lines(machine?.conversation)).toEqual([]);
    await placeCall(imported, { machine_detection: "Enable" });
    const [person] = await twilio.dial({ say: [] });
    expect(lines(person?.conversation)).toEqual(["agent: Hello."]);
  });

  it("goes on with the agent if Twilio does not take the message", async () => {
    haveModel();
    const imported = await haveImported({ welcome_message: "Hello." });
    await placeCall(imported, { machine_detection: "Enable", voicemail_message: "Bye." });
    twilio.faults.add({ effect: effects.serverErrorHtml, operation: "update_call", times: null });
    const [dialled] = await twilio.dial({ answers: "machine" });
    expect(lines(dialled?.conversation)).toEqual(["agent: Hello."]);
  });

  it("is answered even if its brief cannot be read: by the agent's fallback", async () => {
    const imported = await haveImported({ fallback: { type: "say", text: "We call again." } });
    await placeCall(imported);
    const { id, account } = imported;
    const reply = await tell(
      { id, account },
      `${pathOfCall()}/voice-fallback`,
      { CallSid: "CA1" },
      {
        env: { CALL_LOG: { getByName: () => ({ find: () => Promise.reject(new Error("gone")) }) } as never },
      },
    );
    expect(await reply.text()).toContain("We call again.");
  });

  it("is nobody else's: another key's number, and a forged signature", async () => {
    const imported = await haveImported();
    await placeCall(imported);
    const path = `${pathOfCall()}/status`;
    const status = { CallSid: "CA1", CallStatus: "completed" };
    await expectError(
      await tell(imported, path, status, { token: "0".repeat(32) }),
      403,
      "invalid_signature",
    );
    const unknown = path.replace(/call_[0-9a-f]+/, `call_${"0".repeat(32)}`);
    await expectError(await tell(imported, unknown, status), 404, "not_found");
    const { body, account } = await prepareImport({ phone_number: "+447446466848" });
    const key = await createKey();
    const agent_id = await createAgent(key);
    expect((await post("/v1/phone-numbers", { ...body, agent_id }, { key })).status).toBe(201);
    const numbers = await rows<{ id: string; api_key_id: string }>("phone_numbers");
    const id = numbers.find(({ api_key_id }) => api_key_id === key.key_id)?.id ?? "";
    await expectError(await tell({ id, account }, path, status), 404, "not_found");
  });
});
