import { type AgentOwner, selectOwner } from "../../agents/store.ts";
import { batch } from "../../database.ts";
import { ApiError } from "../../http/errors.ts";
import type { Services } from "../../services.ts";
import type { IncomingPhoneNumber, IncomingPhoneNumbers } from "../../twilio/incoming-phone-numbers.ts";
import { diagnose } from "../../twilio-accounts/diagnose.ts";
import type { TwilioAccountRow } from "../../twilio-accounts/row.ts";
import { selectAccount } from "../../twilio-accounts/store.ts";
import type { ImportBody } from "../schema.ts";
import { type ExistingRow, selectByPhoneNumber } from "./store.ts";

/** What is known of a number before it is imported. */
export type Known = {
  number: IncomingPhoneNumber;
  existing: ExistingRow | undefined;
  account: TwilioAccountRow | undefined;
};

/** Asks Twilio and D1 at the same time. Throws in the contract's order: Twilio's error first, then the agent's. */
export async function lookUp(
  body: ImportBody,
  apiKeyId: string,
  twilio: IncomingPhoneNumbers,
  { db, twilio: endpoint }: Services,
): Promise<Known> {
  const [found, stored] = await Promise.allSettled([
    twilio.find(body.phone_number),
    batch(db, [
      selectByPhoneNumber(db, body.phone_number),
      selectOwner(db, body.agent_id),
      selectAccount(db, { apiKeyId, accountSid: body.twilio_sid }),
    ]),
  ]);
  if (found.status === "rejected") {
    const credentials = { accountSid: body.twilio_sid, authToken: body.twilio_token };
    throw await diagnose(found.reason, endpoint, credentials);
  }
  if (!found.value) throw new ApiError("number_not_in_twilio");
  if (stored.status === "rejected") throw stored.reason;

  const [numbers, agents, accounts] = stored.value;
  const agent = agents?.results[0] as AgentOwner | undefined;
  if (!agent) throw new ApiError("agent_not_found");
  if (agent.api_key_id !== apiKeyId) throw new ApiError("agent_not_owned");
  return {
    number: found.value,
    existing: numbers?.results[0] as ExistingRow | undefined,
    account: accounts?.results[0] as TwilioAccountRow | undefined,
  };
}
