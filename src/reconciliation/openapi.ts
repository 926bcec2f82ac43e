import * as z from "zod/mini";
import { answered, described, type Reference, time } from "../http/operation.ts";
import { ACCOUNT_SID, entryExample, NUMBER, numberEntry } from "../phone-numbers/answers.openapi.ts";
import { health } from "../phone-numbers/health.openapi.ts";

const TIME = "2026-01-31T12:00:00.000Z";

const accountHealth = z
  .object({
    status: answered(z.enum(["ok", "attention"]), "`ok` where all numbers and accounts are."),
    phone_numbers: z.object({
      count: answered(z.int(), "How many numbers there are."),
      by_health: answered(z.record(z.string(), z.int()), "How many of them are found how.", { ok: 3 }),
    }),
    twilio_accounts: answered(
      z.array(
        z.object({
          twilio_sid: answered(z.string(), "The Twilio account.", ACCOUNT_SID),
          health: answered(
            health,
            "How it was found; what is wrong with it is true of all its numbers.",
            "ok",
          ),
          checked_at: z.nullable(time("When it was last compared as a whole; null where it never was")),
          next_check_at: time("When it is compared next"),
        }),
      ),
      "The Twilio accounts of the key's numbers.",
    ),
  })
  .check(z.meta({ id: "AccountHealth", description: "How all that an API key has is found." }));

export const reconciliationReference: Reference = {
  tag: {
    name: "Health of numbers",
    description:
      "Every Twilio account is compared with what is here once an hour; what differs is mended, or reported where " +
      "`drift_policy` says so.",
  },
  operations: {
    "POST /v1/phone-numbers/{number}/check": {
      id: "checkPhoneNumber",
      summary: "Look at a number now",
      description:
        "Compares the number with Twilio at once, by the rules of the hourly check, and answers how it is now. Where Twilio " +
        "refuses or does not answer, `health` says so.",
      auth: "apiKey",
      path: described(z.object({ number: z.string() }), {
        number: {
          description: "The number in E.164; the plus sign as it is or as `%2B`.",
          examples: [NUMBER],
        },
      }),
      answers: [
        {
          status: 200,
          description: "The number, as it is after the check.",
          schema: z.object({ phone_number: numberEntry }),
          example: { phone_number: { ...entryExample, checked_at: TIME } },
        },
      ],
      errors: ["invalid_phone_format", "number_not_found"],
    },
    "GET /v1/account/health": {
      id: "getAccountHealth",
      summary: "Sum up the health of everything",
      description: "How many numbers of the calling API key are found how, and each of its Twilio accounts.",
      auth: "apiKey",
      answers: [
        {
          status: 200,
          description: "The summary.",
          schema: accountHealth,
          example: {
            status: "ok",
            phone_numbers: { count: 3, by_health: { ok: 3 } },
            twilio_accounts: [
              { twilio_sid: ACCOUNT_SID, health: "ok", checked_at: TIME, next_check_at: TIME },
            ],
          },
        },
      ],
      errors: [],
    },
  },
};
