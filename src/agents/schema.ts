import * as z from "zod/mini";
import { body, optionalText, requiredText } from "../http/schema.ts";
import { connectSchema, fallbackSchema } from "./connect.ts";

const MAX_NAME_LENGTH = 100;
const MAX_PROMPT_LENGTH = 16_000;
// Twilio speaks at most 4,096 characters in one <Say>; a greeting is far shorter.
const MAX_WELCOME_LENGTH = 1_000;
const MAX_VOICE_ID_LENGTH = 100;
const MAX_URL_LENGTH = 2_048;
const MAX_LANGUAGE_LENGTH = 35; // RFC 5646, 4.4.1
const DEFAULT_LANGUAGE = "en";

/** A BCP 47 tag in its canonical spelling. */
const language = z.pipe(
  z.optional(
    z
      .string()
      .check(z.maxLength(MAX_LANGUAGE_LENGTH, "invalid_field"), z.refine(isLanguageTag, "invalid_field")),
  ),
  z.transform((tag) => (tag === undefined ? DEFAULT_LANGUAGE : new Intl.Locale(tag).toString())),
);

/** An optional value that is null where it is not given. */
function nullable<Schema extends z.ZodMiniType>(schema: Schema) {
  return z.pipe(
    z.optional(schema),
    z.transform((value) => value ?? null),
  );
}

/** `POST /v1/agents` */
export const createAgentBody = body({
  name: requiredText().check(z.maxLength(MAX_NAME_LENGTH, "invalid_field")),
  system_prompt: optionalText(MAX_PROMPT_LENGTH, "prompt_too_long"),
  welcome_message: optionalText(MAX_WELCOME_LENGTH),
  language,
  voice_id: optionalText(MAX_VOICE_ID_LENGTH),
  is_active: z._default(z.boolean(), true),
  // Which hosts it may name depends on the deployment; see `checkUrls` in routes.ts.
  webhook_url: optionalText(MAX_URL_LENGTH, "invalid_url"),
  connect: nullable(connectSchema),
  fallback: nullable(fallbackSchema),
  record: z._default(z.boolean(), false),
});

export type CreateAgentBody = z.output<typeof createAgentBody>;

function isLanguageTag(tag: string): boolean {
  try {
    new Intl.Locale(tag);
    return true;
  } catch {
    return false;
  }
}
