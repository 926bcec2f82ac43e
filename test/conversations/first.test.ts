import { describe, expect, it } from "vitest";
import { haveImported, tell } from "../support/answering.ts";
import { startCustomer } from "../support/customer.ts";
import { logLines } from "../support/logs.ts";
import { haveModel, modelRequests, streamed } from "../support/model.ts";
import { twilio } from "../support/twilio.ts";
import { expectError, get, post } from "../support/worker.ts";
import type { Utterance } from "../twilio-simulator/call.ts";

// Who speaks first, and to whom.

const CALLEE = "+15005550009";
const DESK = "+441632960123";
const FAST = { DEFAULT_LIMITS: '{"calls_per_second":100,"allowed_countries":["*"]}' };

const lines = (conversation: { by: string; text: string }[] = []) =>
  conversation.map(({ by, text }) => `${by}: ${text.trim()}`);

async function dialled(
  agent: Record<string, unknown>,
  call: Record<string, unknown>,
  isTrial = false,
  say: Utterance[] = ["Yes?"],
) {
  const imported = await haveImported(agent);
  if (isTrial) imported.account.hasConversationRelay = false;
  const body = { agent_id: imported.agentId, to_number: CALLEE, ...call };
  const response = await post("/v1/calls", body, { key: imported.key, env: FAST });
  expect(response.status).toBe(201);
  const [{ conversation, sid } = { conversation: [], sid: "" }] = await twilio.dial({
    say,
    lingerMs: 50,
  });
  const logged = await (await get(`/v1/calls/${sid}`, imported.key)).json<{
    transcript: { role: string; text: string }[];
  }>();
  const transcript = logged.transcript.map(({ role, text }) => `${role}: ${text}`);
  return { said: lines(conversation), transcript };
}

describe("an outbound call", () => {
  it.each([false, true])("begins with its own welcome message; by Gather: %s", async (isTrial) => {
    haveModel(() => streamed("Good."));
    const call = { welcome_message: "Hello {{name}}, it is Acme.", dynamic_vars: { name: "Ada" } };
    const { said, transcript } = await dialled({ welcome_message: "You have reached Acme." }, call, isTrial);
    expect(said.slice(0, 3)).toEqual(["agent: Hello Ada, it is Acme.", "caller: Yes?", "agent: Good."]);
    // Who hangs up at once by Gather has heard nothing of the answer.
    expect(transcript).toEqual(said.slice(0, isTrial ? 2 : 3));
    expect(modelRequests()[0]?.messages).toContainEqual({
      role: "assistant",
      content: "Hello Ada, it is Acme.",
    });
  });

  it.each([false, true])("begins by its prompt if it has none; by Gather: %s", async (isTrial) => {
    haveModel(() => streamed("This is Acme. Is Friday all right?"));
    const { said, transcript } = await dialled({}, { prompt: "Ask for Friday." }, isTrial, [
      { silent: true },
      "Yes?",
    ]);
    expect(said[0]).toBe("agent: This is Acme. Is Friday all right?");
    expect(said.join()).not.toContain("how can I help");
    expect(transcript[0]).toBe(said[0]);
  });

  it("waits for the other side if it is not to speak first", async () => {
    haveModel(() => streamed("This is Acme."));
    const agent = { welcome_message: "You have reached Acme." };
    const { said } = await dialled(agent, { ai_speaks_first: false });
    expect(said).toEqual(["caller: Yes?", "agent: This is Acme."]);
    const silent = await haveImported({ ai_speaks_first: false }, { phone_number: "+447446466848" });
    const { conversation } = await twilio.ring(silent.phoneNumber, { say: ["Hello?"] });
    expect(lines(conversation)).toEqual(["caller: Hello?", "agent: This is Acme."]);
  });

  it("has no welcome message if it does not speak first", async () => {
    const imported = await haveImported();
    const body = { agent_id: imported.agentId, to_number: CALLEE };
    const fields = { ai_speaks_first: false, welcome_message: "Hello." };
    const response = await post("/v1/calls", { ...body, ...fields }, { key: imported.key, env: FAST });
    await expectError(response, 400, "invalid_field");
  });

  it("says its own welcome message though the agent would wait for the other side", async () => {
    haveModel(() => streamed("Good."));
    const { said } = await dialled({ ai_speaks_first: false }, { welcome_message: "It is Acme." });
    expect(said[0]).toBe("agent: It is Acme.");
  });
});

describe("a caller without a number", () => {
  it.each(["+266696687", "+7378742833", "+8656696", "+2562533", "+86282452253", "Anonymous", ""])(
    "is unknown to model, log and events: %j",
    async (from) => {
      haveModel(() => streamed("Yes."));
      const customer = startCustomer();
      const { phoneNumber, key } = await haveImported({ webhook_url: customer.url });
      await twilio.ring(phoneNumber, { from, say: ["Hello?"] });
      expect(JSON.stringify(modelRequests()[0])).toContain("The caller's number is unknown");
      const calls = await (await get("/v1/calls", key)).json<{ calls: { from: string }[] }>();
      expect(calls.calls[0]?.from).toBe("unknown");
      const told = customer.events().filter(({ event }) => String(event).startsWith("call."));
      expect(new Set(told.map((event) => event.from))).toEqual(new Set(["unknown"]));
      const known = JSON.stringify([modelRequests(), customer.events(), logLines(), calls]);
      if (from !== "") expect(known).not.toContain(from);
    },
  );

  it.each(["client:alice", "sip:bob@example.com", "Anonymous", "+266696687", "", "+14155550100"])(
    "is shown as the number that was called to whom it is put through: %j",
    async (from) => {
      haveModel();
      const imported = await haveImported({ transfer_numbers: [DESK] });
      const call = { CallSid: "CA5", From: from, CallStatus: "in-progress" };
      const answer = await tell(imported, "gather", { ...call, SpeechResult: "A person, please." });
      const twiml = await answer.text();
      expect(twiml).toContain(`<Number>${DESK}</Number>`);
      expect(twiml.includes(`callerId="${imported.phoneNumber}"`)).toBe(from !== "+14155550100");
    },
  );
});

it.each<[string, boolean]>([
  ["client:alice", true],
  ["sip:bob@example.com", true],
  ["Anonymous", true],
  ["+266696687", true],
  ["", true],
  ["+14155550100", false],
])(
  "whoever is dialled is shown a number that Twilio takes, wherever the dial comes from: %j",
  async (from, isOurs) => {
    haveModel();
    const number = { type: "dial", number: DESK };
    const runtime = { type: "conversation_relay", url: "wss://runtime.example/relay" };
    const cases: [Record<string, unknown>, boolean, Utterance[]][] = [
      [{ transfer_numbers: [DESK] }, true, ["A person, please.", { silent: true }]],
      [{ connect: number }, true, []],
      [{ connect: runtime, fallback: number }, false, []],
    ];
    for (const [index, [agent, isReachable, say]] of cases.entries()) {
      const { phoneNumber } = await haveImported(agent, { phone_number: `+44744646684${index}` });
      const { documents, dialled: numbers } = await twilio.ring(phoneNumber, { from, isReachable, say });
      expect(numbers.at(-1)).toBe(DESK);
      const dial = documents.findLast((twiml) => twiml.includes("<Dial")) ?? "";
      expect(/callerId="([^"]*)"/.exec(dial)?.[1]).toBe(isOurs ? phoneNumber : undefined);
    }
  },
);

it("nobody is put through to the number that they called", async () => {
  haveModel();
  const { phoneNumber } = await haveImported({ transfer_numbers: ["+447446466847"] });
  const { dialled: numbers } = await twilio.ring(phoneNumber, { say: ["A person, please."] });
  expect(numbers).toEqual([]);
  expect(JSON.stringify(modelRequests()[0]?.tools)).not.toContain("transfer_call");
});

it.each([false, true])(
  "nor if there are other numbers, or the model says so; by Gather: %s",
  async (isTrial) => {
    const OURS = "+447446466847";
    const transfer = { name: "transfer_call", arguments: JSON.stringify({ number: OURS }) };
    haveModel(() => streamed({ tool_calls: [{ index: 0, function: transfer }] }));
    const { phoneNumber, account } = await haveImported({ transfer_numbers: [OURS, DESK] });
    if (isTrial) account.hasConversationRelay = false;
    const { dialled: numbers, conversation } = await twilio.ring(phoneNumber, { say: ["A person, please."] });
    expect(phoneNumber).toBe(OURS);
    expect(numbers).toEqual([]);
    expect(JSON.stringify(modelRequests()[0]?.tools)).toContain(`"enum":["${DESK}"]`);
    if (!isTrial) expect(lines(conversation).at(-1)).toContain("I cannot put you through there.");
  },
);

it("a runtime may have backups, and a connection that is opened again", async () => {
  const connect = {
    type: "conversation_relay",
    url: "wss://runtime.example/relay",
    application_reconnect: true,
    failover: { languages: [{ code: "en-US", tts_provider: "Amazon", voice: "Joanna-Neural" }] },
  };
  const { phoneNumber } = await haveImported({ connect });
  const { twiml } = await twilio.ring(phoneNumber);
  expect(twiml).toContain('applicationReconnect="true"');
  expect(twiml).toContain(
    '<Failover><Language code="en-US" ttsProvider="Amazon" voice="Joanna-Neural"/></Failover>',
  );
});
