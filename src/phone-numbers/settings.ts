import * as z from "zod/mini";
import { camelCase, type Fallback } from "../agents/connect.ts";
import { variables } from "../agents/fill.ts";
import { agentFields, type Talk, talkOf, text } from "../agents/schema.ts";
import type { AgentRow } from "../agents/store.ts";
import { checkedUrl, normalUrl } from "../agents/urls.ts";
import { ApiError } from "../http/errors.ts";
import { faultError } from "../http/faults.ts";
import { emptyIsGiven, flat, maxLength, minLength, satisfies } from "../http/schema.ts";

// What is each number's own: one agent serves many numbers, and each number is a business of its own. No I/O here.

const MAX_JSON_BYTES = 4 * 1024;
const MAX_METADATA_ENTRIES = 50;
// As much as an agent has: a route in memory holds both.
const MAX_SETTINGS_BYTES = 56 * 1024;

const bytesOf = (value: object) => new TextEncoder().encode(JSON.stringify(value)).byteLength;
const isSmall = (value: object) => bytesOf(value) <= MAX_JSON_BYTES;
const TOO_LARGE = {
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
const settingFields = {
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

const NAMES = Object.keys(ownFields) as (keyof Fields)[];

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

/** What a number has set of its own. */
export type Settings = { [Name in keyof typeof settingFields]?: z.output<Fields[Name]> };

export type Metadata = Readonly<Record<string, string>>;

/** What is a number's own, as its row has it. */
export type OwnColumns = {
  external_id: string | null;
  label: string | null;
  /** JSON of a `Metadata`. */
  metadata: string | null;
  /** JSON of the `Settings`. */
  settings: string | null;
};

export const settingsOf = (column: string | null): Settings =>
  column === null ? {} : (JSON.parse(column) as Settings);

export const metadataOf = (column: string | null): Metadata | null =>
  column === null ? null : (JSON.parse(column) as Metadata);

/** What is a number's own, as the API answers it: null is not set. */
export function serialiseOwn({ external_id, label, metadata, settings }: OwnColumns) {
  const unset = Object.fromEntries(Object.keys(settingFields).map((name) => [name, null])) as {
    [Name in keyof typeof settingFields]: z.output<Fields[Name]> | null;
  };
  return { external_id, label, metadata: metadataOf(metadata), ...unset, ...settingsOf(settings) };
}

export const NOTHING_OWN: OwnColumns = { external_id: null, label: null, metadata: null, settings: null };

/**
 * The columns with these changes, whose URL was checked. Metadata is merged.
 *
 * @throws ApiError `metadata_too_large`, `payload_too_large`
 */
export function changedOwn(before: OwnColumns, given: OwnGiven): OwnColumns {
  const present = serialiseOwn(before);
  const changes = Object.fromEntries(
    NAMES.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])),
  ) as OwnGiven;
  const { external_id = null, label = null, metadata, ...settings } = { ...present, ...changes };
  // Other parsers may read an odd spelling otherwise.
  if (settings.inbound_url) settings.inbound_url = normalUrl(settings.inbound_url);
  const merged = withoutNulls({ ...(given.metadata && present.metadata), ...metadata });
  if (given.metadata && !(isSmall(merged) && Object.keys(merged).length <= MAX_METADATA_ENTRIES))
    throw faultError([{ field: "metadata", ...TOO_LARGE }]);
  const set = withoutNulls(settings);
  if (bytesOf(set) > MAX_SETTINGS_BYTES)
    throw new ApiError("payload_too_large", {
      message: "The settings of a number may have 56 KiB in all. Shorten its texts.",
    });
  return { external_id, label, metadata: jsonOf(merged), settings: jsonOf(set) };
}

function withoutNulls(object: object): object {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null));
}

const jsonOf = (object: object): string | null =>
  Object.keys(object).length === 0 ? null : JSON.stringify(object);

/** How an agent speaks and is reached, where a number may have something of its own. */
export type Speaking = {
  systemPrompt: string | null;
  /** Follows the prompt where a text is answered. */
  smsPrompt: string | null;
  /** Empty: silence, until the other side has spoken. */
  welcomeMessage: string | null;
  language: string;
  voiceId: string | null;
  fallback: Fallback | null;
  record: boolean;
  talk: Talk;
};

export type AgentColumns = {
  [Name in "system_prompt" | "welcome_message" | "language" | "voice_id" | "fallback" | "record" | "talk"]:
    | AgentRow[Name]
    | null;
};

/** The agent with what a number has of its own. The JSON was validated when it was written. */
export function speakingOf(agent: AgentColumns, own: Settings): Speaking {
  const { custom_prompt, transfer_numbers, sms_reply, welcome_message } = own;
  const talk = talkOf(agent.talk);
  return {
    systemPrompt: [agent.system_prompt, custom_prompt].filter(Boolean).join("\n\n") || null,
    smsPrompt: own.sms_prompt ?? null,
    welcomeMessage: welcome_message ?? agent.welcome_message,
    language: own.language ?? agent.language ?? agentFields.language.default,
    voiceId: own.voice_id ?? agent.voice_id,
    fallback: own.fallback ?? (agent.fallback === null ? null : (JSON.parse(agent.fallback) as Fallback)),
    record: own.record ?? agent.record === 1,
    talk: {
      ...talk,
      transfer_numbers: transfer_numbers ?? talk.transfer_numbers,
      sms_reply: sms_reply ?? talk.sms_reply,
      inbound_url: own.inbound_url ?? talk.inbound_url,
      inbound_url_timeout_ms: own.inbound_url_timeout_ms ?? talk.inbound_url_timeout_ms,
      ...(welcome_message === "" && { ai_speaks_first: false }),
    },
  };
}

/** @throws ApiError `invalid_url` */
export function checkInboundUrl(
  { inbound_url }: Pick<OwnGiven, "inbound_url">,
  { publicBaseUrl, ownAddresses: ownUrls, delivery: { allowLocal } }: UrlServices,
): void {
  if (inbound_url) checkedUrl("inbound_url", inbound_url, "https:", { publicBaseUrl, ownUrls, allowLocal });
}

type UrlServices = {
  publicBaseUrl: string;
  ownAddresses: readonly string[];
  delivery: { allowLocal: boolean };
};
