import * as z from "zod/mini";
import { TwilioError } from "./errors.ts";
import { askTwilio, callTwilio, type TwilioCredentials, type TwilioEndpoint } from "./http.ts";
import { type Listing, listingOf } from "./listing.ts";

// https://www.twilio.com/docs/voice/api/call-resource

const call = z.object({
  sid: z.string().check(z.regex(/^CA[0-9a-fA-F]{32}$/)),
  from: z.nullish(z.string()),
  to: z.nullish(z.string()),
  direction: z.nullish(z.string()),
  date_created: z.nullish(z.string()),
});

const page = z.object({ calls: z.array(call) });

/** Twilio's answering machine detection. https://www.twilio.com/docs/voice/answering-machine-detection */
export const MACHINE_DETECTIONS = ["Enable", "DetectMessageEnd"] as const;
export type MachineDetection = (typeof MACHINE_DETECTIONS)[number];

export type CallToCreate = {
  from: string;
  to: string;
  url: string;
  fallbackUrl: string;
  statusCallback: string;
  /** The detection runs while the callee is already talked to, and its result comes to `callback`. */
  machine: { detection: MachineDetection; callback: string } | null;
};

const LOOKED_AT = 200;
/** So many digits at its end are the same, however a number is written. */
const ENDING = 7;

/**
 * Places a call.
 *
 * @returns its SID
 * @throws TwilioError; `unavailable` leaves open whether it was placed
 */
export async function createCall(
  endpoint: TwilioEndpoint,
  credentials: TwilioCredentials,
  { from, to, url, fallbackUrl, statusCallback, machine }: CallToCreate,
): Promise<string> {
  const form: [string, string][] = [
    ["From", from],
    ["To", to],
    ["Url", url],
    ["Method", "POST"],
    ["FallbackUrl", fallbackUrl],
    ["FallbackMethod", "POST"],
    ["StatusCallback", statusCallback],
    // Twilio calls it at the end only, unless told otherwise: that the call is answered, its request for TwiML says.
    ["StatusCallbackMethod", "POST"],
  ];
  if (machine) {
    form.push(["MachineDetection", machine.detection], ["AsyncAmd", "true"]);
    form.push(["AsyncAmdStatusCallback", machine.callback], ["AsyncAmdStatusCallbackMethod", "POST"]);
  }
  const request = { method: "POST", path: pathOf(credentials, "Calls.json"), form } as const;
  return (await askTwilio(call, endpoint, credentials, request)).sid;
}

/**
 * The newest calls that the REST API placed from a number. Twilio does not tell whose URL a call asks, and may write the
 * number that it calls in another way.
 *
 * @throws TwilioError
 */
export async function listCalls(
  endpoint: TwilioEndpoint,
  credentials: TwilioCredentials,
  { from, to }: { from: string; to: string },
): Promise<Listing> {
  const query = new URLSearchParams({ From: from, PageSize: String(LOOKED_AT) });
  const path = pathOf(credentials, `Calls.json?${query}`);
  const answer = await askTwilio(page, endpoint, credentials, { method: "GET", path });
  return listingOf(
    answer.calls,
    LOOKED_AT,
    (entry) => (entry.to ?? to).slice(-ENDING) === to.slice(-ENDING),
    (entry) => entry.to === to,
  );
}

/**
 * Goes on with a live call by another document. This sets what the call does, so it is sent once more if nobody knows
 * whether Twilio took it: at worst the document begins again.
 *
 * @throws TwilioError
 */
export async function redirectCall(
  endpoint: TwilioEndpoint,
  credentials: TwilioCredentials,
  sid: string,
  twiml: string,
): Promise<void> {
  const path = pathOf(credentials, `Calls/${sid}.json`);
  const request = { method: "POST", path, form: { Twiml: twiml } } as const;
  await callTwilio(endpoint, credentials, request).catch((error: unknown) => {
    if (error instanceof TwilioError && error.facts.failure === "unavailable")
      return callTwilio(endpoint, credentials, request);
    throw error;
  });
}

/**
 * Ends a call, or cancels one that is not answered yet.
 *
 * @returns its status as Twilio has it now
 * @throws TwilioError
 */
export async function endCall(
  endpoint: TwilioEndpoint,
  credentials: TwilioCredentials,
  sid: string,
): Promise<string | null> {
  const path = pathOf(credentials, `Calls/${sid}.json`);
  const answer = await callTwilio(endpoint, credentials, {
    method: "POST",
    path,
    form: { Status: "completed" },
  });
  return z.safeParse(z.object({ status: z.string() }), answer).data?.status ?? null;
}

const pathOf = ({ accountSid }: TwilioCredentials, rest: string) =>
  `/2010-04-01/Accounts/${accountSid}/${rest}`;
