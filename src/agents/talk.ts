import type { ToolDefinition } from "../tools/definition.ts";

export const DEFAULT_LANGUAGE = "en";

/** How an agent without a runtime talks, and who is asked first, unless set. One column in D1 holds what differs. */
export const DEFAULTS = {
  transfer_numbers: [] as string[],
  max_call_duration_seconds: 600 as number,
  silence_hangup_seconds: 30 as number,
  max_turns: 100 as number,
  max_tokens_per_turn: 300 as number,
  max_characters_per_turn: 1_000 as number,
  ai_speaks_first: true as boolean,
  transcript: true as boolean,
  tools: [] as ToolDefinition[],
  sms_reply: false as boolean,
  inbound_url: null as string | null,
  inbound_url_timeout_ms: 3_000 as number,
};

/** How an agent without a runtime talks, as a row has it. */
export type Talk = typeof DEFAULTS;

/** @param column JSON of what differs from the defaults; null if nothing does */
export function talkOf(column: string | null): Talk {
  return column === null ? DEFAULTS : { ...DEFAULTS, ...(JSON.parse(column) as Partial<Talk>) };
}

/** The column for these settings. */
export function talkColumn(talk: Talk): string | null {
  const different = Object.entries(talk).filter(
    ([key, value]) => JSON.stringify(value) !== JSON.stringify(DEFAULTS[key as keyof Talk]),
  );
  return different.length === 0 ? null : JSON.stringify(Object.fromEntries(different));
}
