import * as z from "zod/mini";
import { answered, described, listAnswer, listQuery, type Reference } from "../http/operation.ts";
import { DEFAULT_LIMIT } from "../http/page.ts";
import {
  ACCOUNT_SID,
  AGENT_ID,
  entryExample,
  NUMBER,
  numberEntry,
  releasedExample,
  releasedNumber,
  TOKEN,
  TWILIO_ERRORS,
} from "./answers.openapi.ts";
import { health } from "./health.openapi.ts";
import { importOperation } from "./import/openapi.ts";
import { changePlan, dryRunField, dryRunQuery, releasePlan } from "./plans.openapi.ts";
import { changeBody } from "./schema.ts";

const numberInPath = described(z.object({ number: z.string() }), {
  number: { description: "An imported number in E.164, its plus as it is or as `%2B`.", examples: [NUMBER] },
});

export const phoneNumberReference: Reference = {
  tag: { name: "Phone numbers", description: "Numbers of your own Twilio account, answered here." },
  operations: {
    "POST /v1/phone-numbers": importOperation,
    "GET /v1/phone-numbers": {
      id: "listPhoneNumbers",
      summary: "List numbers",
      description:
        "The numbers of the calling API key, newest first. One whose import or release is not finished is not among them.",
      auth: "apiKey",
      query: listQuery({
        agent_id: answered(z.optional(z.string()), "Only numbers of this agent.", AGENT_ID),
        twilio_sid: answered(z.optional(z.string()), "Only numbers of this Twilio account.", ACCOUNT_SID),
        health: answered(z.optional(health), "Only numbers that are found like this.", "ok"),
      }),
      answers: [
        {
          status: 200,
          description: "A page of numbers, and how many there are in all.",
          schema: listAnswer("phone_numbers", numberEntry),
          example: { phone_numbers: [entryExample], count: 1, limit: DEFAULT_LIMIT, offset: 0 },
        },
      ],
      errors: ["invalid_field"],
    },
    "GET /v1/phone-numbers/{number}": {
      id: "getPhoneNumber",
      summary: "Look at a number",
      description:
        "One of the numbers of the calling API key. Another key's number is as unknown as none at all.",
      auth: "apiKey",
      path: numberInPath,
      answers: [
        {
          status: 200,
          description: "The number.",
          schema: z.object({ phone_number: numberEntry }),
          example: { phone_number: entryExample },
        },
      ],
      errors: ["invalid_phone_format", "number_not_found"],
    },
    "PATCH /v1/phone-numbers/{number}": {
      id: "changePhoneNumber",
      summary: "Change a number",
      description:
        "Moves a number to another agent, switches what it takes, or replaces the Auth Token. At least one field must be " +
        "there; what is left out, null or empty stays as it is. camelCase is taken too, as in the import.\n\n" +
        "**A new Auth Token** is tried at Twilio before it is kept, and counts for all your numbers of the same Twilio " +
        "account. Twilio signs with the old one until you promote the new one, so the old one verifies calls until the " +
        "first that the new one has signed, and for 24 hours at most. A token that Twilio refuses changes nothing; " +
        "`details.reason` says why it was refused, as in the import.\n\n" +
        "**Plan before you act.** With `?dry_run=true` nothing is changed: `changes` has each field as it is and as it " +
        "would be. A new Auth Token is tried at Twilio all the same.",
      auth: "apiKey",
      path: numberInPath,
      query: dryRunQuery,
      body: {
        schema: described(changeBody, {
          agent_id: { description: "An agent of the calling API key.", examples: [AGENT_ID] },
          inbound_enabled: {
            description: "Whether calls and texts are taken. Callers of a number that takes none hear so.",
          },
          outbound_enabled: { description: "Whether calls may be made from the number." },
          twilio_token: {
            description: "A new Auth Token of the number's Twilio account.",
            examples: [TOKEN],
          },
          drift_policy: {
            description:
              "`repair` (as after an import) mends what somebody changes at Twilio, `report` only tells of it. Setting it, " +
              "even to what it is, takes up repairs again that were given up because somebody kept undoing them.",
          },
          dry_run: dryRunField,
        }),
        example: { inbound_enabled: false },
      },
      answers: [
        {
          status: 200,
          description: "The number as it is now.",
          schema: z.union([z.object({ phone_number: numberEntry }), changePlan]),
          example: { phone_number: { ...entryExample, inbound_enabled: false } },
        },
      ],
      errors: [
        "missing_field",
        "invalid_phone_format",
        "number_not_found",
        "agent_not_found",
        ...TWILIO_ERRORS,
      ],
    },
    "DELETE /v1/phone-numbers/{number}": {
      id: "releasePhoneNumber",
      summary: "Release a number",
      description:
        "Gives the number back to whatever answered it before, and forgets it. You keep it at Twilio and go on paying " +
        "Twilio for it.\n\n" +
        "What the import overwrote is put back, but only where the number still points here: what you have re-pointed " +
        "since is left alone. For calls, texts and the status callback the answer says `restored`, `cleared` (there was " +
        "nothing before, so there is nothing now), `left_alone` or `unreachable`.\n\n" +
        "**Leaving is always possible.** Where Twilio cannot be told, because it is down or the token is dead, the number " +
        "is deleted here all the same. The answer is a 200 that says so by `unreachable` and `reason`, and `requests` has " +
        "what to run in a shell to do it yourself: set `TWILIO_AUTH_TOKEN` first, and the variables that stand for the " +
        "query strings and passwords in your URLs, which are not shown. Until then callers hear a polite sentence. It is " +
        "tried again for a week, and the next import and release of the number puts back what could not be put back now.\n\n" +
        "Where Twilio refuses what was there as a whole, calls, texts and the status callback are put back one by one. Only " +
        "what is refused is `unreachable` then, and `requests` has the request for that alone.\n\n" +
        "**After your API key was revoked**, import the number under a new key, with the credentials of its Twilio " +
        "account, and then release it: what it had before the first import is put back.\n\n" +
        "**Plan before you act.** With `?dry_run=true` nothing is changed: `twilio` says what the release would do to each " +
        "channel, and `changes` has each field as it is and as it would be.",
      auth: "apiKey",
      path: numberInPath,
      query: dryRunQuery,
      answers: [
        {
          status: 200,
          description: "The number is gone here; what became of it at Twilio.",
          schema: z.union([z.object({ phone_number: releasedNumber }), releasePlan]),
          example: { phone_number: releasedExample },
        },
      ],
      errors: ["invalid_phone_format", "number_not_found", "release_in_progress"],
    },
  },
};
