import type { ToolDefinition } from "../tools/definition.ts";

export const DEFAULT_LANGUAGE = "en";

/** Settings that are whole numbers: the default, the least and the most. */
export const RANGES = {
  max_call_duration_seconds: [600, 30, 7_200],
  silence_hangup_seconds: [30, 5, 300],
  max_turns: [100, 1, 500],
  max_tokens_per_turn: [300, 16, 2_048],
  max_characters_per_turn: [1_000, 50, 4_000],
  inbound_url_timeout_ms: [3_000, 500, 8_000],
} as const;

type Numbers = Record<keyof typeof RANGES, number>;

/** How an agent without a runtime talks, and who is asked first, unless set. One column in D1 holds what differs. */
export const DEFAULTS = {
  transfer_numbers: [] as string[],
  ...(Object.fromEntries(Object.entries(RANGES).map(([name, [unset]]) => [name, unset])) as Numbers),
  ai_speaks_first: true as boolean,
  transcript: true as boolean,
  tools: [] as ToolDefinition[],
  sms_reply: false as boolean,
  inbound_url: null as string | null,
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
