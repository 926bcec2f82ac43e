import type { Account } from "../../test/twilio-simulator/state.ts";
import { becomes } from "./becomes.ts";
import type { startCustomer } from "./customer.ts";
import { check, say, scene, show } from "./transcript.ts";
import type { startTwilio } from "./twilio.ts";
import type { startWorker } from "./worker.ts";

type Stage = {
  twilio: Awaited<ReturnType<typeof startTwilio>>;
  customer: Awaited<ReturnType<typeof startCustomer>>;
  tenant: ReturnType<Awaited<ReturnType<typeof startWorker>>["clientOf"]>;
};

const TALKER = "+15005550007";
const TRIAL = "+15005550008";
const DESK = "+441632960123";
const SOMEBODY = "+15005550006";

/** A number whose agent talks by itself, with the simulator's scripted model. */
export async function converse({ twilio, customer, tenant }: Stage, account: Account): Promise<void> {
  const agent = await tenant.post("/v1/agents", {
    name: "Receptionist who talks",
    welcome_message: "Hello, Acme Dental. How can I help?",
    system_prompt:
      "Acme Dental has opening hours from nine to five on weekdays. Parking is behind the house.",
    transfer_numbers: [DESK],
    sms_reply: true,
    webhook_url: customer.url,
  });
  const importNumber = async (owner: Account, phone_number: string) => {
    twilio.addNumber(owner, { phone_number });
    const credentials = { twilio_sid: owner.sid, twilio_token: owner.authToken };
    const body = { phone_number, ...credentials, agent_id: agent.body.agent_id };
    const imported = await tenant.post("/v1/phone-numbers", body);
    check(`${phone_number} is imported: ${imported.status}`, imported.status === 201);
  };
  const ring = async (phoneNumber: string) => {
    const call = await twilio.ring(phoneNumber, {
      say: [
        "What are your opening hours?",
        { say: "And where is the parking?", interrupts: true },
        "I would like to speak to a person.",
      ],
      lingerMs: 5_000,
    });
    for (const { by, text, interrupted } of call.conversation) {
      say(`${by === "agent" ? "  agent" : "caller"}: ${text.trim()}${interrupted ? " …" : ""}`);
    }
    // Over ConversationRelay the caller interrupts, and hears only the beginning.
    const isAboutHours = call.conversation.some(({ text }) => text.startsWith("Acme"));
    check("the caller hears of the opening hours", isAboutHours);
    check(
      "the caller learns where the parking is",
      call.conversation.some(({ text }) => text.includes("behind the house")),
    );
    check(`the caller is put through to ${DESK}`, call.dialled.join() === DESK);
    return call;
  };

  scene("An agent without a runtime talks by itself");
  await importNumber(account, TALKER);
  const relayed = await ring(TALKER);
  check("over ConversationRelay", relayed.twiml?.includes("<ConversationRelay") === true);
  const ended = () => customer.last("call.completed") as { ended_reason?: string } | undefined;
  check("the customer is told how it ended", await becomes(() => ended()?.ended_reason === "transferred"));
  show(ended());

  scene("The same on an account without ConversationRelay, by <Gather>");
  const trial = twilio.addAccount({ hasConversationRelay: false });
  await importNumber(trial, TRIAL);
  const gathered = await ring(TRIAL);
  check("the first call finds it out", gathered.documents[1]?.includes("<Gather") === true);
  const next = await twilio.ring(TRIAL);
  check("the next one does not wait for it", next.documents[0]?.includes("<Gather") === true);

  scene("A text is answered");
  await twilio.text(TALKER, { body: "When do you have opening hours?", from: SOMEBODY });
  check("by Twilio's REST API", await becomes(() => twilio.messages().length === 1));
  show(twilio.messages()[0]);
  await twilio.text(TALKER, { body: "STOP", from: SOMEBODY });
  check("STOP is left to Twilio", twilio.messages().length === 1);

  scene("The agent calls somebody, and texts them");
  const placed = await tenant.post<{ call_id: string }>("/v1/calls/outbound", {
    agent_id: agent.body.agent_id,
    to_number: SOMEBODY,
    from_number: TALKER,
    dynamic_vars: { name: "Ada" },
  });
  check(`POST /v1/calls/outbound: ${placed.status}`, placed.status === 201);
  const [call] = await twilio.dial({ say: ["What are your opening hours?"], lingerMs: 1_000 });
  for (const { by, text } of call?.conversation ?? [])
    say(`${by === "agent" ? "  agent" : "callee"}: ${text.trim()}`);
  check(
    "the callee talks with the agent",
    call?.conversation.some(({ text }) => text.startsWith("Acme")) === true,
  );
  const told = () => customer.last("call.completed") as { call_id?: string } | undefined;
  check("the customer is told", await becomes(() => told()?.call_id === placed.body.call_id));
  show(told());
  const texted = await tenant.post("/v1/sms", {
    agent_id: agent.body.agent_id,
    to: SOMEBODY,
    from_number: TALKER,
    message: "Thank you for your time, Ada.",
  });
  check(`POST /v1/sms: ${texted.status}`, texted.status === 201);
  await twilio.deliverTexts();
  check("the customer is told that it arrived", await customer.told("sms.delivered"));
  show(customer.last("sms.delivered"));
  for (const number of [TALKER, TRIAL])
    await tenant.delete(`/v1/phone-numbers/${encodeURIComponent(number)}`);
}
