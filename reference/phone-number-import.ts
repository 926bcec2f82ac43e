import * as z from "zod/mini";
import { importBody } from "../src/phone-numbers/schema.ts";
import { CREDENTIAL_ADVICE } from "../src/twilio-accounts/diagnose.ts";
import { ACCOUNT_SID, AGENT_ID, NUMBER, TOKEN } from "./examples.ts";
import { answer, described, type Operation } from "./operation.ts";
import { importedExample, importedNumber, TWILIO_ERRORS } from "./phone-number-answers.ts";
import { OWN_ERRORS, ownDescriptions, ownWords } from "./phone-number-own.ts";
import { dryRunField, dryRunQuery } from "./phone-number-plans.ts";
import { importPlan, planExample } from "./phone-number-preview.ts";

const REASONS = Object.entries(CREDENTIAL_ADVICE)
  .map(([reason, advice]) => `- \`${reason}\`: ${advice}`)
  .join("\n");

export const channelsField = {
  description:
    "What the import takes over of what comes in: `voice`, `sms` or both. Left out: all that the number can. The fields " +
    "of the other at Twilio are neither changed nor compared.",
  examples: [["voice"]],
};

export const importOperation: Operation = {
  id: "importPhoneNumber",
  summary: "Import a number",
  tool: {
    name: "import_phone_number",
    text:
      "Lets an agent answer a Twilio number that the user owns: its calls and texts come here from then on. What answered it " +
      "before is kept, and release_phone_number restores it. Needs an agent: list_agents or create_agent. The plan asks Twilio, " +
      "and shows what would change and what to know before. The account must be one of list_twilio_accounts; for another one, the user runs " +
      "the command line's accounts connect, or imports its first number at /console. Never ask for an Auth Token. " +
      "If an error has details.outcome unknown, repeat the call.",
    arguments: {
      phone_number: "A number of that Twilio account, in E.164.",
      twilio_sid: "Its account (AC…); not needed if only one is known.",
      agent_id: "Who answers.",
      channels:
        "What to take over: voice, sms or both; left out, all that the number can. The other stays as it is at Twilio.",
      plan_hash: "From the plan: if the number has changed since, it is not imported.",
      ...ownWords,
    },
    withholds: ["twilio_token"],
  },
  description:
    "Imports a number that you own at Twilio. This service checks the fields, looks up the credentials and the number at " +
    "Twilio, looks up the agent, points the number's voice, SMS and status webhooks here, clears what the number was bound " +
    "to (SIP trunk, TwiML App, fax), and stores the number with its agent. If there are several faults, you get the first " +
    "in this order.\n\n" +
    "You may write every field in snake_case or in camelCase: `phone_number` or `phoneNumber`. If you send both, " +
    "snake_case wins. Values are trimmed, null and empty count as absent, unknown fields are ignored and named in `warnings`.\n\n" +
    "You can import a number only once: a second import is a 409, even with the same body. If the second import brings " +
    "a newer Auth Token that Twilio accepts, this service stores it for all numbers of that account under your API " +
    "key, as with a PATCH of the number.\n\n" +
    '`details.outcome: "unknown"` in an error means that the import is neither finished nor undone yet: send it again; ' +
    "you need not wait. This happens if Twilio did not answer the update (a deadline, a 5xx, a broken connection) and " +
    "has not carried it out. For some seconds this service watches whether Twilio carries it out late, and undoes it if " +
    "so. After that nothing is left of the import.\n\n" +
    "**A known account.** If the Twilio account was connected with `POST /v1/twilio-accounts`, or you have a number of it here, leave " +
    "`twilio_token` out; and `twilio_sid` too, if it is your only account.\n\n" +
    "**Plan before you act.** Send the same body with `?dry_run=true`: it is checked in the same way, gives the same " +
    "errors, and changes nothing. The answer (200) says what the import would change, who answers the number today, and " +
    "what to know before, for example that a Messaging Service gets its texts. Send its `plan_hash` with the import: if " +
    "the number has changed since, the import is a 409 `plan_changed`.\n\n" +
    "**Refused credentials.** If Twilio refuses the credentials, this service makes up to two more requests to find out " +
    `why. \`details.reason\` gives the reason, and the message says what to do:\n\n${REASONS}`,
  query: dryRunQuery,
  body: {
    schema: described(importBody, {
      phone_number: {
        description: "A number of that Twilio account, in E.164. Also spelled `phoneNumber`.",
        examples: [NUMBER],
      },
      twilio_sid: {
        description:
          "The SID of the account that owns the number; if a subaccount owns it, the subaccount's SID. Also spelled " +
          "`twilioSid` or `twilio_account_sid`.",
        examples: [ACCOUNT_SID],
      },
      twilio_token: {
        description:
          "The Auth Token of that account. An API key (`SK…`) does not work: Twilio signs webhooks with the Auth " +
          "Token. Also spelled `twilioToken` or `twilio_auth_token`.",
        examples: [TOKEN],
      },
      agent_id: {
        description: "An agent of the calling API key. Also spelled `agentId`.",
        examples: [AGENT_ID],
      },
      channels: channelsField,
      plan_hash: {
        description:
          "The `plan_hash` of a dry run, to import the number only if it has not changed since. Also spelled `planHash`.",
        examples: [planExample.plan_hash],
      },
      ...ownDescriptions,
      dry_run: dryRunField,
    }),
    example: { phone_number: NUMBER, twilio_sid: ACCOUNT_SID, twilio_token: TOKEN, agent_id: AGENT_ID },
  },
  answers: [
    answer(
      "The number. Twilio now sends its calls and texts here.",
      z.object({ phone_number: importedNumber }),
      { phone_number: importedExample },
      201,
    ),
    answer("With `dry_run`: what the import would do.", importPlan, planExample),
  ],
  errors: [
    "limit_reached/403",
    "missing_field",
    ...OWN_ERRORS,
    "invalid_phone_format",
    "invalid_twilio_sid",
    ...TWILIO_ERRORS,
    "account_uses_api_key",
    "signing_key_missing",
    "account_connecting",
    "channel_not_supported",
    "agent_not_found",
    "agent_not_owned",
    "not_consented",
    "number_in_other_region",
    "number_already_imported",
    "plan_changed",
    "twilio_update_rejected",
    "twilio_webhooks_not_applied",
  ],
};
