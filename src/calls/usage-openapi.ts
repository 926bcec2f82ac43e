import * as z from "zod/mini";
import { answered, type Reference } from "../http/operation.ts";

const count = (what: string, example: number) => answered(z.int(), what, example);
const minutes = answered(
  z.number(),
  "Minutes that were talked: seconds divided by 60, to two decimals.",
  31.5,
);
const date = (what: string) => answered(z.iso.date(), what, "2026-01-31");

const usageAnswer = z
  .object({
    since: date("The first day."),
    until: date("The last day."),
    calls: z.object({ inbound: count("Calls to you.", 12), outbound: count("Calls from you.", 3), minutes }),
    sms: z.object({ received: count("Texts to you.", 4), sent: count("Texts from you.", 2) }),
    numbers: count("Numbers that are imported now.", 5),
    days: z.array(
      z.object({ date: date("The day."), calls: count("Calls.", 15), minutes, sms: count("Texts.", 6) }),
    ),
  })
  .check(z.meta({ id: "Usage", description: "What a key has used, by UTC day." }));

export const usageReference: Reference = {
  tag: { name: "Usage", description: "Calls, minutes and texts by UTC day." },
  operations: {
    "GET /v1/usage": {
      id: "getUsage",
      summary: "Get usage",
      description:
        "Calls, minutes and texts by UTC day, counted as they happen. A call counts on the day it begins. 30 days unless told.",
      auth: "apiKey",
      query: z.object({
        since: answered(z.optional(z.string()), "The first day, as `YYYY-MM-DD` or an RFC 3339 time."),
        until: answered(
          z.optional(z.string()),
          "The last day, included. Today unless told; at most 366 days in all.",
        ),
      }),
      answers: [
        {
          status: 200,
          description: "The sums, and each day.",
          schema: usageAnswer,
          example: {
            since: "2026-01-31",
            until: "2026-01-31",
            calls: { inbound: 12, outbound: 3, minutes: 31.5 },
            sms: { received: 4, sent: 2 },
            numbers: 5,
            days: [{ date: "2026-01-31", calls: 15, minutes: 31.5, sms: 6 }],
          },
        },
      ],
      errors: ["invalid_field"],
    },
  },
};
