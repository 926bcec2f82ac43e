import * as z from "zod/mini";
import { answered, described, listAnswer, listQuery, type Reference } from "../http/operation.ts";
import { DEFAULT_LIMIT } from "../http/page.ts";
import { CREDENTIAL_ADVICE } from "../twilio-accounts/diagnose.ts";
import {
  ACCOUNT_SID,
  AGENT_ID,
  entryExample,
  importedExample,
  importedNumber,
  NUMBER,
  numberEntry,
  releasedExample,
  releasedNumber,
} from "./answers.openapi.ts";
import { importPlan, planExample } from "./preview/openapi.ts";
import { changeBody, importBody } from "./schema.ts";

const TOKEN = "the Auth Token of that account";

const numberInPath = described(z.object({ number: z.string() }), {
  number: { description: "An imported number in E.164, its plus as it is or as `%2B`.", examples: [NUMBER] },
});

/** Twilio's refusals of credentials, and Twilio's troubles. */
const TWILIO_ERRORS = [
  "twilio_auth_failed",
  "twilio_invalid_credentials",
  "twilio_rate_limited",
  "twilio_unavailable",
  "number_not_in_twilio",
] as const;

const REASONS = Object.entries(CREDENTIAL_ADVICE)
  .map(([reason, advice]) => `- \`${reason}\`: ${advice}`)
  .join("\n");

export const phoneNumberReference: Reference = {
  tag: { name: "Phone numbers", description: "Numbers of your own Twilio account, answered here." },
  operations: {
    "POST /v1/phone-numbers": {
      id: "importPhoneNumber",
      summary: "Import a number",
      description:
        "Imports a number that you own at Twilio. In this order: the fields are checked; the credentials and the number " +
        "are looked up at Twilio; the agent is looked up; the number's voice, SMS and status webhooks are pointed " +
        "here, and what it was bound to (SIP trunk, TwiML App, fax) is cleared; the number is stored with its agent. Of " +
        "several faults the first in this order is reported.\n\n" +
        "Every field may be spelled in snake_case or in camelCase: `phone_number` or `phoneNumber`, and so on; where both " +
        "are given, snake_case wins. Values are trimmed, null and empty count as absent, unknown fields are ignored.\n\n" +
        "A number is imported once: a second import is a 409 even with the same body. If it brings a newer Auth Token, " +
        "which Twilio has just accepted, that token takes the place of the stored one for all numbers of that account " +
        "under your API key, as with a PATCH of the number.\n\n" +
        '`details.outcome: "unknown"` in an error means that the import could be neither finished nor undone yet: send ' +
        "it again, at once if you like. So it is where Twilio did not answer the update (a deadline, a 5xx, a broken " +
        "connection) and has not carried it out. For some seconds it is watched whether Twilio does so late; then that " +
        "is undone, and nothing is left of the import.\n\n" +
        "**Plan before you act.** With `?dry_run=true` the same body is looked at in the same way, gives the same errors, " +
        "and changes nothing anywhere. The answer is 200 and says what the import would change, who answers the number " +
        "today, and what to know before: a Messaging Service, for one, whose own settings get its texts. Sent with the " +
        "import, its `plan_hash` makes the import a 409 `plan_changed` if the number is not as it was.\n\n" +
        "**Refused credentials.** Where Twilio refuses them, `details.reason` says why, as far as two more requests can " +
        `tell, and the message what to do:\n\n${REASONS}`,
      auth: "apiKey",
      query: z.object({
        dry_run: answered(
          z.optional(z.enum(["true", "false"])),
          "`true` asks for a plan and changes nothing.",
        ),
      }),
      body: {
        schema: described(importBody, {
          phone_number: {
            description: "A number of that Twilio account, in E.164. Also spelled `phoneNumber`.",
            examples: [NUMBER],
          },
          twilio_sid: {
            description:
              "The SID of the account that owns the number: a subaccount's own, where it is in one. Also spelled " +
              "`twilioSid`.",
            examples: [ACCOUNT_SID],
          },
          twilio_token: {
            description:
              "The Auth Token of that account. An API key (`SK…`) will not do: Twilio signs webhooks with the Auth " +
              "Token. Also spelled `twilioToken`.",
            examples: [TOKEN],
          },
          agent_id: {
            description: "An agent of the calling API key. Also spelled `agentId`.",
            examples: [AGENT_ID],
          },
          plan_hash: {
            description:
              "The `plan_hash` of a dry run, to import only what that has seen. Also spelled `planHash`.",
            examples: [planExample.plan_hash],
          },
        }),
        example: {
          phone_number: NUMBER,
          twilio_sid: ACCOUNT_SID,
          twilio_token: TOKEN,
          agent_id: AGENT_ID,
        },
      },
      answers: [
        {
          status: 201,
          description: "The number; its calls and texts come here from now on.",
          schema: z.object({ phone_number: importedNumber }),
          example: { phone_number: importedExample },
        },
        {
          status: 200,
          description: "With `dry_run`: what the import would do.",
          schema: importPlan,
          example: planExample,
        },
      ],
      errors: [
        "missing_field",
        "invalid_phone_format",
        "invalid_twilio_sid",
        ...TWILIO_ERRORS,
        "agent_not_found",
        "agent_not_owned",
        "number_already_imported",
        "plan_changed",
        "twilio_update_rejected",
        "twilio_webhooks_not_applied",
      ],
    },
    "GET /v1/phone-numbers": {
      id: "listPhoneNumbers",
      summary: "List numbers",
      description:
        "The numbers of the calling API key, newest first. One whose import or release is not finished is not among them.",
      auth: "apiKey",
      query: listQuery({
        agent_id: answered(z.optional(z.string()), "Only numbers of this agent.", AGENT_ID),
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
        "`details.reason` says why it was refused, as in the import.",
      auth: "apiKey",
      path: numberInPath,
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
        }),
        example: { inbound_enabled: false },
      },
      answers: [
        {
          status: 200,
          description: "The number as it is now.",
          schema: z.object({ phone_number: numberEntry }),
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
        "account, and then release it: what it had before the first import is put back.",
      auth: "apiKey",
      path: numberInPath,
      answers: [
        {
          status: 200,
          description: "The number is gone here; what became of it at Twilio.",
          schema: z.object({ phone_number: releasedNumber }),
          example: { phone_number: releasedExample },
        },
      ],
      errors: ["invalid_phone_format", "number_not_found", "release_in_progress"],
    },
  },
};
