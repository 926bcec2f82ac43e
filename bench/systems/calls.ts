import { sign } from "../../src/twilio/signature.ts";
import { newSid } from "../../test/twilio-simulator/state.ts";
import { type HttpRequest, send } from "../measure/http.ts";
import { atOnce } from "../measure/rounds.ts";
import type { Systems } from "./systems.ts";
import type { TwilioAccount } from "./twilio.ts";
import { PUBLIC_BASE_URL } from "./workerd.ts";

const IMPORTS_IN_FLIGHT = 8;
const PLACES = ["From", "To", "Caller", "Called"];

/**
 * Numbers of the account, imported, and a signed call to each. Where a call goes is read from Twilio, as it is in life.
 *
 * @param origin where the calls are sent instead of the public address
 */
export async function callableNumbers(
  { twilio, account, customer }: Systems,
  origin: string,
  count: number,
): Promise<[HttpRequest, ...HttpRequest[]]> {
  const numbers = await twilio.addNumbers(account, count);
  await atOnce(numbers, IMPORTS_IN_FLIGHT, (number) => customer(account, number));
  const calls = numbers.map(async ({ sid, phone_number }) =>
    signedCall(account, phone_number, await twilio.urlOf(sid, "voice_url"), origin),
  );
  return Promise.all(calls) as Promise<[HttpRequest, ...HttpRequest[]]>;
}

/**
 * Twilio's request for an incoming call: the parameters it sends for a call from a US mobile, signed.
 *
 * @param url where the number points, on the public address
 * @param told what Twilio says otherwise, such as at the call's end
 */
export async function signedCall(
  account: TwilioAccount,
  to: string,
  url: string,
  origin: string,
  told: Readonly<Record<string, string>> = {},
): Promise<HttpRequest> {
  const from = "+14158675309";
  const places = PLACES.map((of) => `${of}City=NOVATO&${of}State=CA&${of}Zip=94949&${of}Country=US`);
  const parameters = new URLSearchParams(places.join("&"));
  for (const [name, value] of Object.entries({
    CallSid: newSid("CA"),
    AccountSid: account.sid,
    From: from,
    To: to,
    Caller: from,
    Called: to,
    CallStatus: "ringing",
    ApiVersion: "2010-04-01",
    Direction: "inbound",
    CallToken: JSON.stringify({ parentCallInfoToken: "x".repeat(400), identityHeaderTokens: [] }),
    StirVerstat: "TN-Validation-Passed-A",
    ...told,
  })) {
    parameters.set(name, value);
  }
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

/** @returns the TwiML @throws Error if there is none */
export async function answer(call: HttpRequest): Promise<string> {
  const { status, body } = await send(call);
  if (status === 200 && body.includes("<Response")) return body;
  throw new Error(`${call.url} answered ${status}: ${body.slice(0, 300)}`);
}
