import * as z from "zod/mini";
import { variables } from "../agents/schema.ts";
import { isPhoneNumber } from "../http/phone-number.ts";
import { body, maxLength, minLength, optionalText, orNull, requiredText } from "../http/schema.ts";
import { MACHINE_DETECTIONS } from "../twilio/calls.ts";

const MAX_ID_LENGTH = 100;
const MAX_PROMPT_LENGTH = 8_000;
const MAX_WELCOME_LENGTH = 1_000;
// Twilio speaks at most 4,096 characters in one <Say>.
const MAX_VOICEMAIL_LENGTH = 1_000;
const MAX_MESSAGE_LENGTH = 1_600;

const agentId = requiredText().check(maxLength(MAX_ID_LENGTH));
const toNumber = requiredText().check(isPhoneNumber());
const fromNumber = orNull(z.string().check(isPhoneNumber()));

/** `POST /v1/calls/outbound` */
export const callBody = body(
  {
    agent_id: agentId,
    to_number: toNumber,
    from_number: fromNumber,
    prompt: optionalText(MAX_PROMPT_LENGTH, "prompt_too_long"),
    dynamic_vars: z._default(variables, {}),
    welcome_message: optionalText(MAX_WELCOME_LENGTH),
    ai_speaks_first: z.optional(z.boolean()),
    machine_detection: z.optional(z.enum(MACHINE_DETECTIONS)),
    voicemail_message: optionalText(MAX_VOICEMAIL_LENGTH),
  },
  {
    agent_id: "agentId",
    to_number: ["toNumber", "to"],
    from_number: ["fromNumber", "from"],
    // `variables`: the published SDK says so; docs/sdks.md.
    dynamic_vars: ["dynamicVars", "dynamic_variables", "dynamicVariables", "variables"],
    welcome_message: ["welcomeMessage", "first_message", "firstMessage"],
    ai_speaks_first: "aiSpeaksFirst",
    machine_detection: "machineDetection",
    voicemail_message: "voicemailMessage",
  },
  // Fields that count only together, or not together.
  (call) => [
    ...(call.ai_speaks_first === false && call.welcome_message !== null
      ? ["welcome_message", "ai_speaks_first"].map((field) => ({
          field,
          code: "invalid_field" as const,
          hint: "An agent that does not speak first has no `welcome_message`. Leave one of the two out.",
          problem: { problem: "not_allowed" as const },
        }))
      : []),
    ...(call.voicemail_message !== null && call.machine_detection === undefined
      ? [
          {
            field: "machine_detection",
            code: "missing_field" as const,
            hint: "Without it nobody knows when a machine answers, so `voicemail_message` would never be said.",
            problem: { problem: "required" as const, allowed: MACHINE_DETECTIONS },
          },
        ]
      : []),
  ],
);

export type CallBody = z.output<typeof callBody>;

/** `POST /v1/sms` */
export const textBody = body(
  {
    agent_id: agentId,
    to: toNumber,
    message: requiredText().check(minLength(1), maxLength(MAX_MESSAGE_LENGTH, "message_too_long")),
    from_number: fromNumber,
  },
  {
    agent_id: "agentId",
    to: ["to_number", "toNumber"],
    message: "body",
    from_number: ["fromNumber", "from"],
  },
);

export type TextBody = z.output<typeof textBody>;
