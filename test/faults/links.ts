import { expect } from "vitest";
import { learnCredential } from "./credentials.ts";
import type { Act } from "./rude.ts";

// A tenant sends a connect link, and the owner of the account brings a number by it.

/** @returns the answer to the last thing that was tried */
export async function bring({ tenant, belief, isSure, overrides, request }: Act): Promise<Response> {
  const { account, phoneNumber: phone_number } = belief;
  const [agent] = tenant.agents;
  const made = await request("POST", "/v1/connect-links", { agent_id: agent.id });
  if (made.status !== 201) return made;
  const { url } = await made.json<{ url: string }>();
  const headers = { authorization: `Bearer ${url.split("#")[1]}`, cookie: "" };
  const ask = (to: string, body: object) =>
    request("POST", `/v1/connect/${to}`, body, { ...overrides, headers } as Act["overrides"]);
  const { sid: twilio_sid, authToken: twilio_token } = account;
  const connected = await ask("twilio-account", { twilio_sid, twilio_token });
  if (isSure) expect(connected.status, "its owner may connect it").toBe(200);
  if (connected.ok && account.authToken === twilio_token) tenant.outdated.delete(account);
  await learnCredential(tenant, account);
  // What it has connected opens to this browser alone.
  headers.cookie = connected.headers.get("set-cookie")?.split(";")[0] ?? "";
  return connected.ok ? ask("phone-numbers", { phone_number }) : connected;
}
