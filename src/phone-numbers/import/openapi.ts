import * as z from "zod/mini";
import { described, type Operation } from "../../http/operation.ts";
import { CREDENTIAL_ADVICE } from "../../twilio-accounts/diagnose.ts";
import {
  ACCOUNT_SID,
  AGENT_ID,
  importedExample,
  importedNumber,
  NUMBER,
  TOKEN,
  TWILIO_ERRORS,
} from "../answers.openapi.ts";
import { dryRunField, dryRunQuery } from "../plans.openapi.ts";
import { importPlan, planExample } from "../preview/openapi.ts";
import { importBody } from "../schema.ts";

const REASONS = Object.entries(CREDENTIAL_ADVICE)
  .map(([reason, advice]) => `- \`${reason}\`: ${advice}`)
  .join("\n");

export const importOperation: Operation = {
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
  query: dryRunQuery,
  body: {
    schema: described(importBody, {
      phone_number: {
        description: "A number of that Twilio account, in E.164. Also spelled `phoneNumber`.",
        examples: [NUMBER],
      },
      twilio_sid: {
        description:
          "The SID of the account that owns the number: a subaccount's own, if it is in one. Also spelled " +
          "`twilioSid` or `twilio_account_sid`.",
        examples: [ACCOUNT_SID],
      },
      twilio_token: {
        description:
          "The Auth Token of that account. An API key (`SK…`) will not do: Twilio signs webhooks with the Auth " +
          "Token. Also spelled `twilioToken` or `twilio_auth_token`.",
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
      dry_run: dryRunField,
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
};
