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
  number: { description: "An imported number in E.164, its plus as `+` or `%2B`.", examples: [NUMBER] },
});

/** Twilio refuses the credentials, or does not answer as it should. */
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
  tag: { name: "Phone numbers", description: "Your own Twilio numbers, answered by this service." },
  operations: {
    "POST /v1/phone-numbers": {
      id: "importPhoneNumber",
      summary: "Import a number",
      description:
        "Imports a number that you own at Twilio. This service checks the fields, looks up the credentials and the number at " +
        "Twilio, looks up the agent, points the number's voice, SMS and status webhooks here, clears what the number was bound " +
        "to (SIP trunk, TwiML App, fax), and stores the number with its agent. If there are several faults, you get the first " +
        "in this order.\n\n" +
        "You may write every field in snake_case or in camelCase: `phone_number` or `phoneNumber`. If you send both, " +
        "snake_case wins. Values are trimmed, null and empty count as absent, unknown fields are ignored.\n\n" +
        "You can import a number only once: a second import is a 409, even with the same body. If the second import brings " +
        "a newer Auth Token that Twilio accepts, this service stores it for all numbers of that account under your API " +
        "key, as with a PATCH of the number.\n\n" +
        '`details.outcome: "unknown"` in an error means that the import is neither finished nor undone yet: send it again; ' +
        "you need not wait. This happens if Twilio did not answer the update (a deadline, a 5xx, a broken connection) and " +
        "has not carried it out. For some seconds this service watches whether Twilio carries it out late, and undoes it if " +
        "so. After that nothing is left of the import.\n\n" +
        "**Plan before you act.** Send the same body with `?dry_run=true`: it is checked in the same way, gives the same " +
        "errors, and changes nothing. The answer (200) says what the import would change, who answers the number today, and " +
        "what to know before, for example that a Messaging Service gets its texts. Send its `plan_hash` with the import: if " +
        "the number has changed since, the import is a 409 `plan_changed`.\n\n" +
        "**Refused credentials.** If Twilio refuses the credentials, this service makes up to two more requests to find out " +
        `why. \`details.reason\` gives the reason, and the message says what to do:\n\n${REASONS}`,
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
              "The SID of the account that owns the number; if a subaccount owns it, the subaccount's SID. Also spelled " +
              "`twilioSid`.",
            examples: [ACCOUNT_SID],
          },
          twilio_token: {
            description:
              "The Auth Token of that account. An API key (`SK…`) does not work: Twilio signs webhooks with the Auth " +
              "Token. Also spelled `twilioToken`.",
            examples: [TOKEN],
          },
          agent_id: {
            description: "An agent of the calling API key. Also spelled `agentId`.",
            examples: [AGENT_ID],
          },
          plan_hash: {
            description:
              "The `plan_hash` of a dry run, to import the number only if it has not changed since. Also spelled `planHash`.",
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
          description: "The number. Twilio now sends its calls and texts here.",
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
        "The numbers of the calling API key, newest first, without those whose import or release is not finished.",
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
      summary: "Get a number",
      description:
        "One of the numbers of the calling API key. A number of another key is `number_not_found`.",
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
        "Changes a number's agent, directions, drift policy or Auth Token. Send at least one field. A field that is left out, " +
        "null or empty does not change. camelCase works too, as in the import.\n\n" +
        "**A new Auth Token** is tried at Twilio before it is stored. It is used for all your numbers of the same Twilio " +
        "account. Twilio signs with the old token until you promote the new one. So the old token verifies webhooks until " +
        "the first one that Twilio signs with the new token, but for 24 hours at most. If Twilio refuses the new token, " +
        "nothing changes, and `details.reason` says why, as in the import.",
      auth: "apiKey",
      path: numberInPath,
      body: {
        schema: described(changeBody, {
          agent_id: { description: "An agent of the calling API key.", examples: [AGENT_ID] },
          inbound_enabled: {
            description:
              "Whether this service answers calls and texts. If not, callers hear that the number takes no calls.",
          },
          outbound_enabled: { description: "Whether calls may be made from the number." },
          twilio_token: {
            description: "A new Auth Token of the number's Twilio account.",
            examples: [TOKEN],
          },
          drift_policy: {
            description:
              "`repair` (the default) undoes a change that somebody makes at Twilio, `report` only reports it. Repairs stop if " +
              "another system keeps changing the number; set this field, even to its present value, to start them again.",
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
        "Restores what answered the number before the import, and deletes the number here. You keep the number at Twilio and " +
        "still pay Twilio for it.\n\n" +
        "Only fields that still point here are restored; a field that you have changed since stays as you set it. For calls, " +
        "texts and the status callback the answer says `restored`, `cleared` (nothing was there before), `left_alone` or " +
        "`unreachable`.\n\n" +
        "**Leaving is always possible.** If Twilio is down or refuses the token, this service still deletes the number here. " +
        "The answer is then a 200 with `unreachable` and a `reason`, and you can run `requests` in a shell to restore the " +
        "number yourself: first set `TWILIO_AUTH_TOKEN` and the variables for the query strings and passwords in your URLs. " +
        "Until then callers hear that the number takes no calls. This service tries again for a week. Later, an import and a " +
        "release of the number restore the rest.\n\n" +
        "If Twilio refuses the whole update, this service restores calls, texts and the status callback one by one. Then only " +
        "what Twilio refuses is `unreachable`, and `requests` has the request for that part.\n\n" +
        "**If your API key was revoked**, import the number under a new key with the credentials of its Twilio account, and " +
        "then release it. That restores what the number had before the first import.",
      auth: "apiKey",
      path: numberInPath,
      answers: [
        {
          status: 200,
          description: "The number is deleted here. The answer says what happened to it at Twilio.",
          schema: z.object({ phone_number: releasedNumber }),
          example: { phone_number: releasedExample },
        },
      ],
      errors: ["invalid_phone_format", "number_not_found", "release_in_progress"],
    },
  },
};
