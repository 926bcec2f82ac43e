import * as z from "zod/mini";
import type { Fault } from "../http/faults.ts";
import { body, maxLength, pattern, requiredText } from "../http/schema.ts";
import { REGIONS } from "../twilio/regions.ts";
import { CREDENTIAL_ADVICE } from "./diagnose.ts";

const ACCOUNT_SID = /^AC[a-f0-9]{32}$/;
// Twilio's tokens have 32 characters. This only bounds what we store.
const tokenLength = maxLength(256);

const twilioToken = requiredText().check(tokenLength);
/** In a change, where nothing may be null. */
export const newTwilioToken = z.optional(z.string().check(tokenLength));

const invalidSid = (sid: string): Fault => ({
  code: "invalid_twilio_sid",
  ...(sid.startsWith("SK") && {
    hint: CREDENTIAL_ADVICE.api_key_in_sid,
    details: { reason: "api_key_in_sid" },
  }),
});

const twilioSid = requiredText().check(pattern(ACCOUNT_SID, invalidSid));

/** Public SDKs of Nixflex document the longer names as well. */
export const accountAliases = {
  twilio_sid: ["twilioSid", "twilio_account_sid", "twilioAccountSid"],
  twilio_token: ["twilioToken", "twilio_auth_token", "twilioAuthToken"],
} as const;

/** The account of an import: `known.ts` says what may be left out. */
export const accountFields = { twilio_sid: z.optional(twilioSid), twilio_token: z.optional(twilioToken) };

/** `POST /v1/twilio-accounts`: each field in snake_case or camelCase. */
export const connectBody = body(
  { twilio_sid: twilioSid, twilio_token: twilioToken, region: z.optional(z.enum(REGIONS)) },
  accountAliases,
);

export type ConnectBody = z.output<typeof connectBody>;
