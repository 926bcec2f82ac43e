import * as z from "zod/mini";
import { body, requiredText } from "../http/schema.ts";

/** E.164: up to 15 digits, the first not zero. https://www.twilio.com/docs/glossary/what-e164 */
const E164 = /^\+[1-9][0-9]{1,14}$/;
const ACCOUNT_SID = /^AC[a-f0-9]{32}$/;
// Twilio's tokens have 32 characters and our agent ids 22; these only bound what is stored or looked up.
const MAX_TOKEN_LENGTH = 256;
const MAX_AGENT_ID_LENGTH = 64;

/** `POST /v1/phone-numbers`: each field by its own name or in camelCase. */
export const importBody = body(
  {
    phone_number: requiredText().check(z.regex(E164, "invalid_phone_format")),
    twilio_sid: requiredText().check(z.regex(ACCOUNT_SID, "invalid_twilio_sid")),
    twilio_token: requiredText().check(z.maxLength(MAX_TOKEN_LENGTH, "invalid_field")),
    agent_id: requiredText().check(z.maxLength(MAX_AGENT_ID_LENGTH, "invalid_field")),
  },
  { phone_number: "phoneNumber", twilio_sid: "twilioSid", twilio_token: "twilioToken", agent_id: "agentId" },
);

export type ImportBody = z.output<typeof importBody>;
