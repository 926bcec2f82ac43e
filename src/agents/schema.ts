import * as z from "zod/mini";
import type { ErrorCode } from "../http/errors.ts";
import { body, changes, maxLength, requiredText, satisfies } from "../http/schema.ts";
import { connectSchema, fallbackSchema } from "./connect.ts";
import { talkFields } from "./talk.ts";
import { DEFAULTS } from "./talk-settings.ts";

const MAX_NAME_LENGTH = 100;
const MAX_PROMPT_LENGTH = 16_000;
// Twilio speaks at most 4,096 characters in one <Say>; a greeting is much shorter.
const MAX_WELCOME_LENGTH = 1_000;
const MAX_VOICE_ID_LENGTH = 100;
const MAX_URL_LENGTH = 2_048;
const MAX_LANGUAGE_LENGTH = 35; // RFC 5646, 4.4.1
const DEFAULT_LANGUAGE = "en";

/** A BCP 47 tag in its canonical spelling. */
const language = z.pipe(
  z.string().check(maxLength(MAX_LANGUAGE_LENGTH), satisfies(isLanguageTag)),
  z.transform((tag) => new Intl.Locale(tag).toString()),
);

const text = (length: number, tooLong?: ErrorCode) => z.string().check(maxLength(length, tooLong));

/** What each field may be, if it is present. */
const fields = {
  name: requiredText().check(maxLength(MAX_NAME_LENGTH)),
  system_prompt: text(MAX_PROMPT_LENGTH, "prompt_too_long"),
  welcome_message: text(MAX_WELCOME_LENGTH),
  language,
  voice_id: text(MAX_VOICE_ID_LENGTH),
  is_active: z.boolean(),
  // The allowed hosts depend on the deployment; see `checkUrls` in urls.ts.
  webhook_url: text(MAX_URL_LENGTH, "invalid_url"),
  connect: connectSchema,
  fallback: fallbackSchema,
  record: z.boolean(),
};

/** An optional value; null if it is absent. */
function orNull<Schema extends z.ZodMiniType>(schema: Schema) {
  return z.pipe(
    z.optional(schema),
    z.transform((value) => value ?? null),
  );
}

/** `POST /v1/agents` */
export const createAgentBody = body({
  name: fields.name,
  system_prompt: orNull(fields.system_prompt),
  welcome_message: orNull(fields.welcome_message),
  language: z.prefault(fields.language, DEFAULT_LANGUAGE),
  voice_id: orNull(fields.voice_id),
  is_active: z._default(fields.is_active, true),
  webhook_url: orNull(fields.webhook_url),
  connect: orNull(fields.connect),
  fallback: orNull(fields.fallback),
  record: z._default(fields.record, false),
  transfer_numbers: z._default(talkFields.transfer_numbers, DEFAULTS.transfer_numbers),
  max_call_duration_seconds: z._default(
    talkFields.max_call_duration_seconds,
    DEFAULTS.max_call_duration_seconds,
  ),
  silence_hangup_seconds: z._default(talkFields.silence_hangup_seconds, DEFAULTS.silence_hangup_seconds),
  max_turns: z._default(talkFields.max_turns, DEFAULTS.max_turns),
  max_tokens_per_turn: z._default(talkFields.max_tokens_per_turn, DEFAULTS.max_tokens_per_turn),
  max_characters_per_turn: z._default(talkFields.max_characters_per_turn, DEFAULTS.max_characters_per_turn),
  transcript: z._default(talkFields.transcript, DEFAULTS.transcript),
  ai_speaks_first: z._default(talkFields.ai_speaks_first, DEFAULTS.ai_speaks_first),
  sms_reply: z._default(talkFields.sms_reply, DEFAULTS.sms_reply),
});

export type CreateAgentBody = z.output<typeof createAgentBody>;

/** An optional field; null resets it to the value of a new agent. */
function orDefault<Schema extends z.ZodMiniType, Default>(schema: Schema, value: Default) {
  return z.optional(
    z.pipe(
      z.nullable(schema),
      z.transform((given) => given ?? value),
    ),
  );
}

/** `PUT /v1/agents/{agent_id}`: an absent field does not change. */
export const updateAgentBody = changes({
  name: z.optional(fields.name),
  system_prompt: z.optional(z.nullable(fields.system_prompt)),
  welcome_message: z.optional(z.nullable(fields.welcome_message)),
  language: orDefault(fields.language, DEFAULT_LANGUAGE),
  voice_id: z.optional(z.nullable(fields.voice_id)),
  is_active: orDefault(fields.is_active, true),
  webhook_url: z.optional(z.nullable(fields.webhook_url)),
  connect: z.optional(z.nullable(fields.connect)),
  fallback: z.optional(z.nullable(fields.fallback)),
  record: orDefault(fields.record, false),
  transfer_numbers: orDefault(talkFields.transfer_numbers, DEFAULTS.transfer_numbers),
  max_call_duration_seconds: orDefault(
    talkFields.max_call_duration_seconds,
    DEFAULTS.max_call_duration_seconds,
  ),
  silence_hangup_seconds: orDefault(talkFields.silence_hangup_seconds, DEFAULTS.silence_hangup_seconds),
  max_turns: orDefault(talkFields.max_turns, DEFAULTS.max_turns),
  max_tokens_per_turn: orDefault(talkFields.max_tokens_per_turn, DEFAULTS.max_tokens_per_turn),
  max_characters_per_turn: orDefault(talkFields.max_characters_per_turn, DEFAULTS.max_characters_per_turn),
  transcript: orDefault(talkFields.transcript, DEFAULTS.transcript),
  ai_speaks_first: orDefault(talkFields.ai_speaks_first, DEFAULTS.ai_speaks_first),
  sms_reply: orDefault(talkFields.sms_reply, DEFAULTS.sms_reply),
});

export type UpdateAgentBody = z.output<typeof updateAgentBody>;

function isLanguageTag(tag: string): boolean {
  try {
    new Intl.Locale(tag);
    return true;
  } catch {
    return false;
  }
}
