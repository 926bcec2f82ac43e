import { json, send, sendExpecting } from "../measure/client.ts";
import type { Runtime } from "./runtime.ts";
import type { TwilioAccount, TwilioNumber } from "./simulator.ts";

/** A customer of the service: an API key, an agent, and imports with them. */
export type Customer = {
  /** @throws Error where the answer is not 201 */
  importNumber: (account: TwilioAccount, number: TwilioNumber, at?: string) => Promise<void>;
  /** How many round trips to D1 an import took. */
  countTrips: (account: TwilioAccount, number: TwilioNumber) => Promise<number>;
};

/** Everything goes through the API, as a customer's requests do. */
export async function createCustomer({ urls, adminToken }: Runtime): Promise<Customer> {
  const post = async (path: string, bearer: string, body: unknown) =>
    JSON.parse(await sendExpecting(201, request(urls.worker, path, bearer, body)));
  const key = await post("/v1/keys", adminToken, { name: "bench" });
  const bearer = `${key.key_id}:${key.key_secret}`;
  const agent = await post("/v1/agents", bearer, {
    name: "Receptionist",
    welcome_message: "Hello, you have reached Acme Dental. How can I help?",
  });
  const importRequest = (at: string, account: TwilioAccount, number: TwilioNumber) =>
    request(at, "/v1/phone-numbers", bearer, {
      phone_number: number.phone_number,
      twilio_sid: account.sid,
      twilio_token: account.authToken,
      agent_id: agent.agent_id,
    });

  return {
    async importNumber(account, number, at = urls.worker) {
      await sendExpecting(201, importRequest(at, account, number));
    },
    async countTrips(account, number) {
      const { status, headers } = await send(importRequest(urls.counting, account, number));
      if (status !== 201) throw new Error(`the counted import answered ${status}`);
      return Number(headers["x-d1-trips"]);
    },
  };
}

function request(origin: string, path: string, bearer: string, body: unknown) {
  return {
    url: `${origin}${path}`,
    headers: { ...json, authorization: `Bearer ${bearer}` },
    body: JSON.stringify(body),
  };
}
