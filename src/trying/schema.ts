import * as z from "zod/mini";
import { language } from "../agents/schema.ts";
import { RANGES } from "../agents/talk.ts";
import { messageOf } from "../http/faults.ts";
import { isPhoneNumber, phoneNumberInQuery } from "../http/phone-number.ts";
import { query } from "../http/query.ts";
import { body, maxLength, minLength, missingOrInvalid, optionalText, requiredText } from "../http/schema.ts";

export const MAX_MESSAGES = 40;
export const MAX_MESSAGE_LENGTH = 1_600;
/** What an agent may say at once is taken back whole. */
export const [, , MAX_ANSWER_LENGTH] = RANGES.max_characters_per_turn;
const MAX_PROMPT_LENGTH = 16_000;

const TOO_LONG = messageOf({
  code: "invalid_field",
  problem: { problem: "too_long", max_length: MAX_MESSAGE_LENGTH },
});
const message = z
  .strictObject({
    role: z.enum(["caller", "agent"]),
    text: requiredText().check(minLength(1), maxLength(MAX_ANSWER_LENGTH)),
  })
  .check(
    z.refine(({ role, text }) => role === "agent" || text.length <= MAX_MESSAGE_LENGTH, {
      path: ["text"],
      error: TOO_LONG,
    }),
  );

/** `POST /v1/agents/{agent_id}/try` */
export const tryBody = body(
  {
    messages: z
      .array(message, { error: missingOrInvalid })
      .check(z.minLength(1, "invalid_field"), z.maxLength(MAX_MESSAGES, "invalid_field")),
    system_prompt: optionalText(MAX_PROMPT_LENGTH, "prompt_too_long"),
    phone_number: z.optional(z.string().check(isPhoneNumber())),
  },
  { system_prompt: "systemPrompt", phone_number: "phoneNumber" },
);

export type TryBody = z.output<typeof tryBody>;

/** `GET /v1/sentences` */
export const sentencesQuery = query({
  language: z._default(language, "en"),
  phone_number: z.optional(phoneNumberInQuery()),
});
