import * as z from "zod/mini";
import { ACCOUNT_REASONS } from "../src/twilio-accounts/health.ts";
import { ACCOUNT_SID, TIME } from "./examples.ts";
import { answer, answered, type Reference, resource, time, warnings } from "./operation.ts";
import { entryExample, health, numberEntry } from "./phone-number-answers.ts";

const accountHealth = resource("AccountHealth", "The health of everything that an API key has.", {
  status: answered(z.enum(["ok", "attention"]), "`ok` if all numbers and accounts are `ok`."),
  phone_numbers: z.object({
    count: answered(z.int(), "How many numbers there are."),
    by_health: answered(z.record(z.string(), z.int()), "How many of them have each health.", { ok: 3 }),
  }),
  twilio_accounts: answered(
    z.array(
      z.object({
        twilio_sid: answered(z.string(), "The Twilio account.", ACCOUNT_SID),
        region: answered(z.string(), "The Twilio Region of its credentials.", "us1"),
        health: answered(
          health,
          "The result of its last check. A problem with the account concerns all its numbers.",
          "ok",
        ),
        health_reasons: answered(z.array(z.enum(ACCOUNT_REASONS)), "Everything that is wrong with it."),
        checked_at: z.nullable(time("When all its numbers were last checked; null if never")),
        next_check_at: z.nullable(time("When it is checked next; null while it has no number")),
        warnings: answered(
          warnings._zod.def.innerType,
          "What to know about it, although it may be `ok`: `webhook_rule`.",
        ),
      }),
    ),
    "The Twilio accounts that are known here.",
  ),
});

export const reconciliationReference: Reference = {
  tag: {
    name: "Health of numbers",
    description:
      "Once an hour this service compares the numbers of every Twilio account with Twilio. It repairs what differs, or only " +
      "reports it if the number's `drift_policy` is `report`.",
  },
  operations: {
    "POST /v1/phone-numbers/{number}/check": {
      id: "checkPhoneNumber",
      summary: "Check a number now",
      tool: {
        name: "check_phone_number",
        text: "Compares a number with Twilio now and repairs what differs, unless its drift_policy is report. Use it when calls do not arrive: health says what is wrong.",
      },
      description:
        "Compares the number with Twilio at once, by the rules of the hourly check, and answers the result. If Twilio refuses " +
        "or does not answer, `health` says so.",
      answers: [
        answer("The number after the check.", z.object({ phone_number: numberEntry }), {
          phone_number: { ...entryExample, checked_at: TIME },
        }),
      ],
    },
    "GET /v1/account/health": {
      id: "getAccountHealth",
      summary: "Get the health of all numbers",
      tool: {
        name: "get_account_health",
        text: "How many numbers have each health, and the health of each Twilio account. Begin here when something does not work.",
      },
      description:
        "How many numbers of the calling API key have each health, and the health of each of its Twilio accounts.",
      answers: [
        answer("The summary.", accountHealth, {
          status: "ok",
          phone_numbers: { count: 3, by_health: { ok: 3 } },
          twilio_accounts: [
            {
              twilio_sid: ACCOUNT_SID,
              region: "us1",
              health: "ok",
              health_reasons: [],
              checked_at: TIME,
              next_check_at: TIME,
              warnings: [],
            },
          ],
        }),
      ],
    },
  },
};
