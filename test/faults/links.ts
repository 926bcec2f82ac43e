import { expect } from "vitest";
import { MAX_FAILURES } from "../../src/connect-links/store.ts";
import { learnCredential } from "./credentials.ts";
import type { Act } from "./rude.ts";

// A tenant sends a connect link, and the owner of the account brings a number by it.

/** A new link, and a way to ask by it; or why there is none. */
async function open({ tenant, overrides, request }: Act) {
  const made = await request("POST", "/v1/connect-links", { agent_id: tenant.agents[0].id });
  if (made.status !== 201) return { refusal: made };
  const { url, connect_link_id: id } = await made.json<{ url: string; connect_link_id: string }>();
  // Each customer has an address of their own, which may send so much a minute.
  const address = [...crypto.getRandomValues(new Uint8Array(4))].join(".");
  const headers = { authorization: `Bearer ${url.split("#")[1]}`, cookie: "", "cf-connecting-ip": address };
  const ask = (to: string, body: object) =>
    request("POST", `/v1/connect/${to}`, body, { ...overrides, headers } as Act["overrides"]);
  return { id, headers, ask };
}

/** @returns the answer to the last thing that was tried */
export async function bring(act: Act): Promise<Response> {
  const { tenant, belief, isSure } = act;
  const { account, phoneNumber: phone_number } = belief;
  const { refusal, headers, ask } = await open(act);
  if (refusal) return refusal;
  const { sid: twilio_sid, authToken: twilio_token } = account;
  const connected = await ask("twilio-account", { twilio_sid, twilio_token });
  if (isSure) expect(connected.status, "its owner may connect it").toBe(200);
  if (connected.ok && account.authToken === twilio_token) tenant.outdated.delete(account);
  await learnCredential(tenant, account);
  // What it has connected opens to this browser alone.
  headers.cookie = connected.headers.get("set-cookie")?.split(";")[0] ?? "";
  return connected.ok ? ask("phone-numbers", { phone_number }) : connected;
}

/** Somebody who has a link, and not the account, tries tokens until it is locked. */
export async function guess(act: Act): Promise<void> {
  const { refusal, id, ask } = await open(act);
  if (refusal) return;
  const tries = async () => {
    const twilio_token = crypto.randomUUID().replaceAll("-", "");
    const { status } = await ask("twilio-account", { twilio_sid: act.belief.account.sid, twilio_token });
    expect([401, 409, 410, 429, 502, 503, 504], "no token is guessed").toContain(status);
    return status;
  };
  let last = 0;
  for (let attempt = 0; attempt < MAX_FAILURES; attempt += 1) last = await tries();
  if (!act.isSure) return;
  expect(last, "the last guess locks it").toBe(410);
  const link = await (await act.request("GET", `/v1/connect-links/${id}`)).json();
  expect(link).toMatchObject({ status: "locked" });
}
