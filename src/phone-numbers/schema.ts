import * as z from "zod/mini";
import { body, type Fault, maxLength, optionalText, pattern, requiredText } from "../http/schema.ts";

/** E.164: up to 15 digits, the first not zero. https://www.twilio.com/docs/glossary/what-e164 */
const E164 = /^\+[1-9][0-9]{1,14}$/;
const ACCOUNT_SID = /^AC[a-f0-9]{32}$/;
// Twilio's tokens have 32 characters and our agent ids 22. These limits only bound what we store or look up.
const MAX_TOKEN_LENGTH = 256;
const MAX_AGENT_ID_LENGTH = 64;

const MAX_PLAN_HASH_LENGTH = 128;

const twilioToken = requiredText().check(maxLength(MAX_TOKEN_LENGTH));
const agentId = requiredText().check(maxLength(MAX_AGENT_ID_LENGTH));

const invalidSid = (sid: string): Fault => ({
  code: "invalid_twilio_sid",
  reason: sid.startsWith("SK") ? "api_key_in_sid" : undefined,
});

/** `POST /v1/phone-numbers`: each field in snake_case or camelCase. */
export const importBody = body(
  {
    phone_number: requiredText().check(pattern(E164, "invalid_phone_format")),
    twilio_sid: requiredText().check(pattern(ACCOUNT_SID, invalidSid)),
    twilio_token: twilioToken,
    agent_id: agentId,
    plan_hash: optionalText(MAX_PLAN_HASH_LENGTH),
  },
  {
    phone_number: "phoneNumber",
    twilio_sid: "twilioSid",
    twilio_token: "twilioToken",
    agent_id: "agentId",
    plan_hash: "planHash",
  },
);

export type ImportBody = z.output<typeof importBody>;

/** `PATCH /v1/phone-numbers/{number}`: a field that is left out, null or empty does not change. */
export const changeBody = body(
  {
    agent_id: z.optional(agentId),
    inbound_enabled: z.optional(z.boolean()),
    outbound_enabled: z.optional(z.boolean()),
    twilio_token: z.optional(twilioToken),
    drift_policy: z.optional(z.enum(["repair", "report"])),
  },
  {
    agent_id: "agentId",
    inbound_enabled: "inboundEnabled",
    outbound_enabled: "outboundEnabled",
    twilio_token: "twilioToken",
    drift_policy: "driftPolicy",
  },
);

export type ChangeBody = z.output<typeof changeBody>;

export function isE164(text: string): boolean {
  return E164.test(text);
}
