import * as z from "zod/mini";
import { maxLength, pattern, satisfies } from "../http/schema.ts";
import { DIALABLE } from "./connect.ts";

// How an agent without a runtime talks: flat fields in the API, one column in D1.

const MAX_TRANSFER_NUMBERS = 10;

const whole = (minimum: number, maximum: number) =>
  z.int().check(satisfies((value: number) => value >= minimum && value <= maximum));

/** What each field may be. */
export const talkFields = {
  transfer_numbers: z
    .array(z.string().check(pattern(DIALABLE, "invalid_field")))
    .check(maxLength(MAX_TRANSFER_NUMBERS)),
  max_call_duration_seconds: whole(30, 7_200),
  silence_hangup_seconds: whole(5, 300),
  max_turns: whole(1, 500),
  max_tokens_per_turn: whole(16, 2_048),
  max_characters_per_turn: whole(50, 4_000),
  ai_speaks_first: z.boolean(),
  transcript: z.boolean(),
  sms_reply: z.boolean(),
};
