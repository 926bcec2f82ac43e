import * as z from "zod/mini";
import type { ErrorCode } from "../http/errors.ts";
import { query } from "../http/query.ts";
import {
  body,
  changes,
  flat,
  isName,
  maxLength,
  nullIsDefault,
  orNull,
  pattern,
  requiredText,
  satisfies,
  wholeNumber,
} from "../http/schema.ts";
import { toolsSchema } from "../tools/definition.ts";
import { connectSchema, fallbackSchema, isDialable } from "./connect-schema.ts";
import { DEFAULT_LANGUAGE, DEFAULTS, RANGES } from "./talk.ts";

const MAX_NAME_LENGTH = 100;
const MAX_PROMPT_LENGTH = 16_000;
// Twilio speaks at most 4,096 characters in one <Say>; a greeting is much shorter.
const MAX_WELCOME_LENGTH = 1_000;
const MAX_VOICE_ID_LENGTH = 100;
export const MAX_URL_LENGTH = 2_048;
const MAX_LANGUAGE_LENGTH = 35; // RFC 5646, 4.4.1
const MAX_TRANSFER_NUMBERS = 10;
const MAX_VARIABLES = 50;
const MAX_VALUE_LENGTH = 500;
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/;

/** `dynamic_vars`, of a call and of a number. */
export const variables = flat(
  z.string().check(pattern(VARIABLE_NAME, "A name has 64 letters, digits, ., - and _ at most.")),
  z.string().check(maxLength(MAX_VALUE_LENGTH)),
  MAX_VARIABLES,
);

/** A BCP 47 tag in its canonical spelling. */
export const language = z.pipe(
  z
    .string()
    .check(
      maxLength(MAX_LANGUAGE_LENGTH),
      satisfies(isLanguageTag, { code: "invalid_field", hint: "Send a BCP 47 tag, such as en-GB." }),
    ),
  z.transform((tag) => new Intl.Locale(tag).toString()),
);

export const text = (length: number, tooLong?: ErrorCode) => z.string().check(maxLength(length, tooLong));

/** A field: what it may be, and what it is unless given. */
type Field = { schema: z.ZodMiniType; default: unknown };

const numberFields = Object.fromEntries(
  Object.entries(RANGES).map(([name, [unset, min, max]]) => [
    name,
    { schema: wholeNumber(min, max), default: unset },
  ]),
) as Record<keyof typeof RANGES, { schema: ReturnType<typeof wholeNumber>; default: number }>;

/** How an agent without a runtime talks, and who is asked first. */
const talkFields = {
  transfer_numbers: {
    schema: z.array(z.string().check(isDialable)).check(maxLength(MAX_TRANSFER_NUMBERS)),
    default: DEFAULTS.transfer_numbers,
  },
  ...numberFields,
  ai_speaks_first: { schema: z.boolean(), default: DEFAULTS.ai_speaks_first },
  transcript: { schema: z.boolean(), default: DEFAULTS.transcript },
  tools: { schema: toolsSchema, default: DEFAULTS.tools },
  sms_reply: { schema: z.boolean(), default: DEFAULTS.sms_reply },
  // Asked before a call is answered; src/answering/ask-first.ts.
  inbound_url: { schema: text(MAX_URL_LENGTH, "invalid_url"), default: DEFAULTS.inbound_url },
} satisfies Record<string, Field>;

/** Every field of an agent but its name, which has no default. The bodies and the answer are derived from this table. */
export const agentFields = {
  system_prompt: { schema: text(MAX_PROMPT_LENGTH, "prompt_too_long"), default: null },
  welcome_message: { schema: text(MAX_WELCOME_LENGTH), default: null },
  language: { schema: language, default: DEFAULT_LANGUAGE as string },
  voice_id: { schema: text(MAX_VOICE_ID_LENGTH), default: null },
  is_active: { schema: z.boolean(), default: true as boolean },
  // The allowed hosts depend on the deployment; see `withCheckedUrls` in urls.ts.
  webhook_url: { schema: text(MAX_URL_LENGTH, "invalid_url"), default: null },
  connect: { schema: connectSchema, default: null },
  fallback: { schema: fallbackSchema, default: null },
  record: { schema: z.boolean(), default: false as boolean },
  ...talkFields,
} satisfies Record<string, Field>;

type Fields = typeof agentFields;
type Value<Of extends Field> = z.output<Of["schema"]> | Of["default"];

const name = requiredText().check(maxLength(MAX_NAME_LENGTH), isName);

/** The same of each field. */
function eachField<Shape>(of: (field: Field) => z.ZodMiniType): Shape {
  return Object.fromEntries(Object.entries(agentFields).map(([key, field]) => [key, of(field)])) as Shape;
}

/** `POST /v1/agents` */
export const createAgentBody = body({
  name,
  ...eachField<{ [Name in keyof Fields]: z.ZodMiniType<Value<Fields[Name]>> }>((field) =>
    field.default === null ? orNull(field.schema) : z._default(field.schema, field.default),
  ),
});

export type CreateAgentBody = z.output<typeof createAgentBody>;

/** `PUT` and `PATCH /v1/agents/{agent_id}` */
export const updateAgentBody = changes({
  name: z.optional(name),
  ...eachField<{ [Name in keyof Fields]: z.ZodMiniOptional<z.ZodMiniType<Value<Fields[Name]>>> }>((field) =>
    nullIsDefault(field.schema, field.default),
  ),
});

export type UpdateAgentBody = z.output<typeof updateAgentBody>;

/** `DELETE /v1/agents/{agent_id}` */
export const deleteAgentQuery = query({ force: z.optional(z.enum(["true", "false"])) });

function isLanguageTag(tag: string): boolean {
  try {
    new Intl.Locale(tag);
    return true;
  } catch {
    return false;
  }
}
