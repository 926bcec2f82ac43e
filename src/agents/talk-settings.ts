// How an agent without a runtime talks, as a row has it. The API's side is in talk.ts.

export type Talk = {
  transfer_numbers: string[];
  max_call_duration_seconds: number;
  silence_hangup_seconds: number;
  max_turns: number;
  max_tokens_per_turn: number;
  max_characters_per_turn: number;
  ai_speaks_first: boolean;
  transcript: boolean;
  sms_reply: boolean;
};

/** What each is unless given. */
export const DEFAULTS: Talk = {
  transfer_numbers: [],
  max_call_duration_seconds: 600,
  silence_hangup_seconds: 30,
  max_turns: 100,
  max_tokens_per_turn: 300,
  max_characters_per_turn: 1_000,
  ai_speaks_first: true,
  transcript: true,
  sms_reply: false,
};

/** @param column JSON of what differs from the defaults; null if nothing does */
export function talkOf(column: string | null): Talk {
  return column === null ? DEFAULTS : { ...DEFAULTS, ...(JSON.parse(column) as Partial<Talk>) };
}

/** The column for these settings. */
export function talkColumn(talk: Talk): string | null {
  const different = Object.entries(talk).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(DEFAULTS[name as keyof Talk]),
  );
  return different.length === 0 ? null : JSON.stringify(Object.fromEntries(different));
}
