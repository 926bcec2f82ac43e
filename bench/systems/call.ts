import { sign } from "../../src/twilio/signature.ts";
import { newSid } from "../../test/twilio-simulator/state.ts";
import { type HttpRequest, send } from "../measure/client.ts";
import { PUBLIC_BASE_URL } from "./deployed.ts";
import type { TwilioAccount, TwilioNumber } from "./simulator.ts";

/**
 * Twilio's request for an incoming call: the parameters it sends for a call from a US mobile, signed.
 *
 * @param url where the number points, on the public address
 * @param origin where the request goes instead of the public address
 */
export async function signedCall(
  account: TwilioAccount,
  { phone_number }: TwilioNumber,
  url: string,
  origin: string,
): Promise<HttpRequest> {
  const from = "+14158675309";
  const parameters = new URLSearchParams({
    CallSid: newSid("CA"),
    AccountSid: account.sid,
    From: from,
    To: phone_number,
    Caller: from,
    Called: phone_number,
    CallStatus: "ringing",
    ApiVersion: "2010-04-01",
    Direction: "inbound",
    CallToken: JSON.stringify({ parentCallInfoToken: "x".repeat(400), identityHeaderTokens: [] }),
    StirVerstat: "TN-Validation-Passed-A",
    ...place("From"),
    ...place("To"),
    ...place("Caller"),
    ...place("Called"),
  });
  return {
    url: url.replace(PUBLIC_BASE_URL, origin),
    headers: {
      "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
      "x-twilio-signature": await sign(account.authToken, url, parameters),
      "i-twilio-idempotency-token": crypto.randomUUID(),
      "user-agent": "TwilioProxy/1.1",
    },
    body: parameters.toString(),
  };
}

function place(of: string): Record<string, string> {
  return { [`${of}City`]: "NOVATO", [`${of}State`]: "CA", [`${of}Zip`]: "94949", [`${of}Country`]: "US" };
}

/** @throws Error where the call is not answered with TwiML */
export async function answer(call: HttpRequest): Promise<void> {
  const { status, body } = await send(call);
  if (status !== 200 || !body.includes("<Response")) {
    throw new Error(`${call.url} answered ${status}: ${body.slice(0, 300)}`);
  }
}
