import * as z from "zod/mini";
import type { Fault, FieldFault } from "../http/faults.ts";
import { isObject } from "../http/json.ts";
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

const API_KEY_SID = /^SK[a-fA-F0-9]{32}$/;
const text = () => z.optional(z.string().check(tokenLength));
const CREDENTIAL = {
  twilio_token: text(),
  twilio_api_key_sid: z.optional(z.string().check(pattern(API_KEY_SID, "It is SK and 32 hex digits."))),
  twilio_api_key_secret: text(),
  webhook_signing_key_id: text(),
  webhook_signing_key: text(),
};
const connectAliases = {
  ...accountAliases,
  twilio_api_key_sid: "twilioApiKeySid",
  twilio_api_key_secret: "twilioApiKeySecret",
  webhook_signing_key_id: "webhookSigningKeyId",
  webhook_signing_key: "webhookSigningKey",
} as const;

type Sent = { [field in keyof typeof CREDENTIAL]?: unknown };

/** Whether a request has any field of an API key or of its SharedKey. */
export const isByApiKey = ({ twilio_token: _, ...others }: Sent): boolean =>
  Object.keys(CREDENTIAL).some((name) => others[name as keyof typeof others] !== undefined);

/** Whether a request brings what signs in: without it, a SharedKey goes with the stored API key. */
export const hasCredential = ({ twilio_token, twilio_api_key_sid }: Sent): boolean =>
  twilio_token !== undefined || twilio_api_key_sid !== undefined;

export const required = (field: string): FieldFault => ({ field, code: "missing_field" });

/** What is wrong with the credentials of a request, taken together. A SharedKey may come alone if the API key is stored. */
function credentialFaults(sent: Sent): FieldFault[] {
  const missing = (field: keyof Sent) => (sent[field] === undefined ? [required(field)] : []);
  if (!isByApiKey(sent)) return missing("twilio_token");
  const together = (a: keyof Sent, b: keyof Sent) =>
    sent[a] === undefined && sent[b] === undefined ? [] : [...missing(a), ...missing(b)];
  const both: FieldFault = {
    field: "twilio_token",
    code: "invalid_field",
    hint: "Send the Auth Token or an API key, not both.",
    problem: { problem: "not_allowed" },
  };
  return [
    ...(sent.twilio_token === undefined ? [] : [both]),
    ...together("twilio_api_key_sid", "twilio_api_key_secret"),
    ...together("webhook_signing_key_id", "webhook_signing_key"),
  ];
}

/** `POST /v1/twilio-accounts`: each field in snake_case or camelCase. */
export const connectBody = body(
  { twilio_sid: twilioSid, ...CREDENTIAL, region: z.optional(z.enum(REGIONS)) },
  connectAliases,
  credentialFaults,
);

const anything = z.optional(z.unknown());
const anyCredential = body(
  Object.fromEntries([...Object.keys(CREDENTIAL), "dry_run"].map((name) => [name, anything])),
  connectAliases,
);

/** The same for a body that has other faults, so that one answer names them all. */
export const missingCredential = (sent: unknown): FieldFault[] =>
  isObject(sent) ? credentialFaults(anyCredential.parse(sent) as Sent) : [];

export type ConnectBody = z.output<typeof connectBody>;
