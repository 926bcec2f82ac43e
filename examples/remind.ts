import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type Client, createClient } from "@nixflex/numbers";

// Has an agent call somebody about an appointment, and texts who was not reached.
//
//   NIXFLEX_URL=https://numbers.example.com NIXFLEX_KEY=KEY_ID:KEY_SECRET AGENT_ID=agent_… \
//   npx node examples/remind.ts +14155550123 Ada "Friday at ten"

export type Appointment = {
  /** Yours: run again with the same id, nobody is called or texted twice. */
  id: string;
  phoneNumber: string;
  name: string;
  time: string;
};

/** @returns how the call ended, or the text's id if nobody answered */
export async function remind(
  nixflex: Client,
  agentId: string,
  { id, phoneNumber, name, time }: Appointment,
  everyMs = 2_000,
): Promise<{ call: string } | { text: string }> {
  const { call_id } = await nixflex.placeCall(
    {
      body: {
        agent_id: agentId,
        to_number: phoneNumber,
        prompt:
          "You call {{name}} to confirm the appointment on {{time}}. If it does not suit, say that we call back.",
        dynamic_vars: { name, time },
      },
    },
    { headers: { "idempotency-key": `call-${id}` } },
  );
  for (;;) {
    const { status, ended_reason } = await nixflex.getCall({ path: { call_id } });
    if (status === "completed") return { call: ended_reason ?? status };
    if (["busy", "no-answer", "failed", "canceled"].includes(status)) break;
    await delay(everyMs);
  }
  const { message_id } = await nixflex.sendText(
    {
      body: {
        agent_id: agentId,
        to: phoneNumber,
        message: `Hello ${name}, we could not reach you. Your appointment is on ${time}.`,
      },
    },
    { headers: { "idempotency-key": `text-${id}` } },
  );
  return { text: message_id };
}

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set.`);
  return value;
}

if (import.meta.main) {
  const nixflex = createClient({ baseUrl: setting("NIXFLEX_URL"), token: setting("NIXFLEX_KEY") });
  const [phoneNumber = "", name = "", time = ""] = process.argv.slice(2);
  console.log(await remind(nixflex, setting("AGENT_ID"), { id: randomUUID(), phoneNumber, name, time }));
}
