import { describe, expect, it, vi } from "vitest";
import { haveImported, tell, webhookUrl } from "../support/answering.ts";
import { deliverQueued } from "../support/consume.ts";
import { startCustomer } from "../support/customer.ts";
import { expectErrorLog, logLines } from "../support/logs.ts";
import { haveModel } from "../support/model.ts";
import { openSession } from "../support/session.ts";
import { twilio } from "../support/twilio.ts";
import { createAgent, get, post, rows, send } from "../support/worker.ts";
import { addNumber } from "../twilio-simulator/state.ts";

// A session of ConversationRelay fails for the account, for the agent, or for the moment; only the first is remembered.

const OTHER = "+15005550019";
const PROMPT = "Acme Dental is open from nine to five on weekdays.";

/** Agent A, and agent B with another number of the same account. */
async function haveTwo(agent: Record<string, unknown> = {}, own: Record<string, unknown> = {}) {
  haveModel();
  const customer = startCustomer();
  const first = await haveImported({ system_prompt: PROMPT, webhook_url: customer.url, ...agent }, {}, own);
  addNumber(twilio.state, first.account, { phone_number: OTHER });
  const agentId = await createAgent(first.key, { system_prompt: PROMPT });
  const body = { ...first.body, phone_number: OTHER, agent_id: agentId };
  const imported = await post("/v1/phone-numbers", body, { key: first.key });
  expect(imported.status).toBe(201);
  const told = async () => {
    await deliverQueued();
    return customer.events().filter(({ event }) => String(event).endsWith(".unusable"));
  };
  const ofB = async () => (await twilio.ring(OTHER)).documents[0];
  return { ...first, told, ofB };
}

describe("a session of ConversationRelay that fails", () => {
  it("for the agent's voice begins once more without it, is told to its customer once, and is nobody else's", async () => {
    const own = { external_id: "branch-17", label: "Leeds", metadata: { plan: "gold" } };
    const two = await haveTwo({ voice_id: "nope", language: "de" }, own);
    const { account, phoneNumber, agentId, told, ofB } = two;
    account.refusedVoices = ["nope"];
    for (const _ of [1, 2]) {
      const { documents, conversation } = await twilio.ring(phoneNumber, { say: ["When are you open?"] });
      expect(documents[0]).toContain('language="de-DE" voice="nope"');
      expect(documents[1]).toContain("<ConversationRelay");
      expect(documents[1]).not.toMatch(/voice=|language=/);
      expect(conversation.at(-1)?.text).toContain("nine to five");
    }
    expect(await told()).toEqual([
      expect.objectContaining({
        event: "agent.unusable",
        agent_id: agentId,
        phone_number: phoneNumber,
        ...own,
        reason: "voice_refused",
        twilio_code: 64106,
        voice_id: "nope",
        language: "de",
      }),
    ]);
    expect(await ofB()).toContain("<ConversationRelay");
  });

  it("also without voice and language is heard by Gather", async () => {
    const { account, phoneNumber } = await haveTwo();
    account.failingSessions = ["64106", "64106"];
    const { documents } = await twilio.ring(phoneNumber);
    expect(documents.map((twiml) => /<(ConversationRelay|Gather)/.exec(twiml)?.[1])).toEqual([
      "ConversationRelay",
      "ConversationRelay",
      "Gather",
    ]);
  });

  it.each(["64114", "64102", "39001", "64103", "64105", "64107", ""])(
    "for the moment (%s) belongs to its call only",
    async (code) => {
      const { account, phoneNumber, told, ofB } = await haveTwo();
      account.failingSessions = [code];
      const { documents } = await twilio.ring(phoneNumber);
      expect(documents[1]).toContain("<Gather");
      expect(await ofB()).toContain("<ConversationRelay");
      expect(await told()).toEqual([]);
    },
  );

  it.each<[string, Record<string, string>]>([
    ["64106", { ErrorCode: "64106" }],
    ["64114", { ErrorCode: "64114" }],
    ["a caller who has hung up", { CallStatus: "completed" }],
  ])("before any socket was opened leaves the account alone: %s", async (_, more) => {
    const first = await haveTwo({ voice_id: "nope" });
    const failed = { CallSid: "CA1", From: "+15005550006", SessionStatus: "failed", ...more };
    expect((await tell(first, "connect-action", failed)).status).toBe(200);
    expect(await first.ofB()).toContain("<ConversationRelay");
    expect(await rows("twilio_accounts")).toMatchObject([{ relay_refused_at: null }]);
  });

  it("for the account is remembered for it, shown as its numbers' health, and told once a day", async () => {
    const { account, phoneNumber, key, told, ofB } = await haveTwo();
    account.hasConversationRelay = false;
    await twilio.ring(phoneNumber);
    await vi.waitFor(async () => expect(await ofB()).toContain("<Gather"));
    await twilio.ring(phoneNumber);
    expect(await told()).toEqual([
      expect.objectContaining({
        event: "account.unusable",
        twilio_sid: account.sid,
        reason: "conversation_relay_refused",
        twilio_code: 64101,
      }),
    ]);
    const health = { health: "conversation_relay_refused", health_reasons: ["conversation_relay_refused"] };
    expect(await (await get(`/v1/phone-numbers/${phoneNumber}`, key)).json()).toMatchObject({
      phone_number: health,
    });
    const listed = async (query: string) =>
      (await (await get(`/v1/phone-numbers?health=${query}`, key)).json<{ count: number }>()).count;
    expect([await listed("conversation_relay_refused"), await listed("ok")]).toEqual([2, 0]);
  });

  it("in an unsigned request changes nothing, also if no token can be opened", async () => {
    const { id, account } = await haveTwo();
    const form = { AccountSid: account.sid, CallSid: "CA1", SessionStatus: "failed", ErrorCode: "64101" };
    const other = { TOKEN_ENCRYPTION_KEYS: `other:${btoa("x".repeat(32))}` };
    const forged = new Request(webhookUrl(id, "connect-action"), {
      method: "POST",
      headers: { "x-twilio-signature": "made up", "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams(form),
    });
    expectErrorLog("stored_token_unreadable");
    const reply = await send(forged, other);
    expect(reply.status).toBe(200);
    expect((await rows("twilio_accounts"))[0]).toMatchObject({ relay_refused_at: null });
  });
});

describe("trouble in a session", () => {
  it("is logged as Twilio describes it, without what was said", async () => {
    haveModel();
    const imported = await haveImported({ system_prompt: PROMPT });
    const session = await openSession(imported, "CA9");
    session.say(session.setup);
    session.say({ type: "error", description: 'Invalid message received: {"token":"my secret"}' });
    await vi.waitFor(() => {
      const line = logLines().find(({ event }) => event === "relay_error");
      expect(line).toMatchObject({ agent_id: imported.agentId, description: "Invalid message received" });
    });
  });
});
