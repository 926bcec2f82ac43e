import type { NumberResource } from "../twilio-simulator/resource.ts";
import { haveNumber } from "./twilio.ts";
import { createAgent, createKey, type Key } from "./worker.ts";

/** The body of an import. */
export type ImportRequest = {
  phone_number: string;
  twilio_sid: string;
  twilio_token: string;
  agent_id: string;
};

/** Everything an import needs: a number at Twilio, a key, an agent, and the body that names them. */
export async function prepareImport(fields: Partial<NumberResource> = {}, key?: Key) {
  const { account, number } = haveNumber(fields);
  const owner = key ?? (await createKey());
  const body: ImportRequest = {
    phone_number: number.phone_number,
    twilio_sid: account.sid,
    twilio_token: account.authToken,
    agent_id: await createAgent(owner),
  };
  return { account, number, key: owner, body };
}
