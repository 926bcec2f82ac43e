import type * as z from "zod/mini";
import type { Fallback } from "../agents/connect-schema.ts";
import type { AgentRow } from "../agents/store.ts";
import { DEFAULT_LANGUAGE, type Talk, talkOf } from "../agents/talk.ts";
import type { settingFields } from "./settings-schema.ts";

// What is each number's own: one agent serves many numbers, and each number is a business of its own. No I/O here.

/** What a number has set of its own. */
export type Settings = {
  [Name in keyof typeof settingFields]?: z.output<(typeof settingFields)[Name]>;
};

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

export const NOTHING_OWN: OwnColumns = { external_id: null, label: null, metadata: null, settings: null };

export const settingsOf = (column: string | null): Settings =>
  column === null ? {} : (JSON.parse(column) as Settings);

export const metadataOf = (column: string | null): Metadata | null =>
  column === null ? null : (JSON.parse(column) as Metadata);

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
    language: own.language ?? agent.language ?? DEFAULT_LANGUAGE,
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
