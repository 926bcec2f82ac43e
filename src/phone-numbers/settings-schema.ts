import * as z from "zod/mini";
import { camelCase } from "../agents/connect-schema.ts";
import { agentFields, text, variables } from "../agents/schema.ts";
import { emptyIsGiven, flat, maxLength, minLength, satisfies } from "../http/schema.ts";

// What may be set of a number's own. No I/O here.

const MAX_JSON_BYTES = 4 * 1024;
export const MAX_METADATA_ENTRIES = 50;

export const bytesOf = (value: object) => new TextEncoder().encode(JSON.stringify(value)).byteLength;
export const isSmall = (value: object) => bytesOf(value) <= MAX_JSON_BYTES;
export const TOO_LARGE = {
  code: "metadata_too_large",
  problem: { problem: "too_long", max_length: MAX_JSON_BYTES },
  hint: "It may have 4,096 bytes as JSON in all.",
} as const;

/** What stands in a column of its own. */
const columnFields = {
  external_id: text(255),
  label: text(100),
  metadata: flat(
    z.string().check(minLength(1), maxLength(40, "metadata_too_large")),
    z.nullable(text(500, "metadata_too_large")),
    MAX_METADATA_ENTRIES,
    "metadata_too_large",
  ).check(satisfies(isSmall, TOO_LARGE)),
};

/** Instead of the agent's, or beside it. One column in D1 holds those that are set. */
export const settingFields = {
  custom_prompt: text(8_000, "custom_prompt_too_long"),
  sms_prompt: text(20_000, "sms_prompt_too_long"),
  welcome_message: agentFields.welcome_message.schema,
  voice_id: agentFields.voice_id.schema,
  language: agentFields.language.schema,
  transfer_numbers: agentFields.transfer_numbers.schema,
  fallback: agentFields.fallback.schema,
  record: agentFields.record.schema,
  sms_reply: agentFields.sms_reply.schema,
  inbound_url: agentFields.inbound_url.schema,
  inbound_url_timeout_ms: agentFields.inbound_url_timeout_ms.schema,
  dynamic_vars: variables.check(satisfies(isSmall, { ...TOO_LARGE, code: "invalid_field" })),
};

export const ownFields = { ...columnFields, ...settingFields };
type Fields = typeof ownFields;

export const NAMES = Object.keys(ownFields) as (keyof Fields)[];

/** Other spellings of the fields: camelCase, and what other services call them. */
const SYNONYMS: { [Name in keyof Fields]?: string[] } = {
  record: ["record_call", "recordCall"],
  sms_reply: ["sms_reply_enabled", "smsReplyEnabled"],
  dynamic_vars: ["dynamic_variables", "dynamicVariables"],
};
export const ownAliases = Object.fromEntries(
  NAMES.map((name) => [name, [camelCase(name), ...(SYNONYMS[name] ?? [])]]),
) as { [Name in keyof Fields]: string[] };

/** An empty `welcome_message` is silence. */
const field = <Schema extends z.ZodMiniType>(name: string, schema: Schema): Schema =>
  name === "welcome_message" ? emptyIsGiven(schema) : schema;

/** The fields of an import: null is absent. */
export const ownImportFields = Object.fromEntries(
  NAMES.map((name) => [name, field(name, z.optional(ownFields[name] as z.ZodMiniType))]),
) as { [Name in keyof Fields]: z.ZodMiniOptional<Fields[Name]> };

/** The fields of a change: null is the agent's own again. */
export const ownChangeFields = Object.fromEntries(
  NAMES.map((name) => [name, field(name, z.optional(z.nullable(ownFields[name] as z.ZodMiniType)))]),
) as { [Name in keyof Fields]: z.ZodMiniOptional<z.ZodMiniNullable<Fields[Name]>> };

/** What a request gives; undefined does not change. */
export type OwnGiven = { [Name in keyof Fields]?: z.output<Fields[Name]> | null | undefined };
