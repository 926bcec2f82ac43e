import * as z from "zod/mini";
import { pageShape } from "../http/page.ts";
import { phoneNumberInQuery } from "../http/phone-number.ts";
import { query } from "../http/query.ts";
import { satisfies } from "../http/schema.ts";
import { CALL_STATUSES, DIRECTIONS } from "./call.ts";

/** `GET /v1/calls` */
export const listCallsQuery = query({
  agent_id: z.optional(z.string()),
  phone_number: z.optional(phoneNumberInQuery()),
  external_id: z.optional(z.string()),
  direction: z.optional(z.enum(DIRECTIONS)),
  status: z.optional(z.enum(CALL_STATUSES)),
  ...pageShape,
});

const DAY = "2026-01-31";
const DATE = /^\d{4}-\d{2}-\d{2}(?:T[0-9:.]{5,12}(?:Z|[+-]\d{2}:\d{2}))?$/;

/** A day or a time, as milliseconds. */
const date = z.pipe(
  z.string().check(
    satisfies(
      (text: string) => {
        const time = DATE.test(text) ? Date.parse(text) : Number.NaN;
        // `Date.parse` takes 30 February for 2 March.
        return (
          !Number.isNaN(time) && (text.length > DAY.length || new Date(time).toISOString().startsWith(text))
        );
      },
      {
        code: "invalid_parameter",
        hint: "Send a day as YYYY-MM-DD, or a time as RFC 3339; days are those of UTC.",
      },
    ),
  ),
  z.transform((text) => Date.parse(text)),
);

/** `GET /v1/usage` */
export const usageQuery = query({
  since: z.optional(date),
  until: z.optional(date),
  external_id: z.optional(z.string()),
});

export type UsageQuery = z.output<typeof usageQuery>;
