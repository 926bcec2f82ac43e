import * as z from "zod/mini";
import { changeBody, listNumbersQuery } from "../src/phone-numbers/schema.ts";
import { delivered, delivery } from "./events.ts";
import { ACCOUNT_SID, AGENT_ID, KEY_ID, TOKEN } from "./examples.ts";
import { answer, described, listAnswer, listQuery, pageQuery, type Reference } from "./operation.ts";
import {
  entryExample,
  givenBack,
  numberEntry,
  releasedExample,
  releasedNumber,
  TWILIO_ERRORS,
} from "./phone-number-answers.ts";
import { importOperation } from "./phone-number-import.ts";
import { OWN_ERRORS, ownDescriptions, unsaidOwn } from "./phone-number-own.ts";
import { changePlan, dryRunField, dryRunQuery, releasePlan } from "./phone-number-plans.ts";

export const phoneNumberReference: Reference = {
  tag: { name: "Phone numbers", description: "Your own Twilio numbers, answered by this service." },
  operations: {
    "POST /v1/phone-numbers": importOperation,
    "GET /v1/phone-numbers": {
      id: "listPhoneNumbers",
      summary: "List numbers",
      tool: {
        name: "list_phone_numbers",
        text: "The imported numbers, newest first, each with its agent, directions and health.",
      },
      description:
        "The numbers of the calling API key, newest first, without those whose import or release is not finished.",
      query: listQuery(listNumbersQuery, {
        agent_id: {
          description: "Only numbers of this agent; `none`: those whose agent was deleted.",
          examples: [AGENT_ID],
        },
        external_id: { description: "Only numbers with this `external_id`.", examples: ["customer-42"] },
        twilio_sid: { description: "Only numbers of this Twilio account.", examples: [ACCOUNT_SID] },
        health: {
          description: "Only numbers that are found like this; `attention`: all that are not `ok`.",
          examples: ["ok"],
        },
        search: {
          description:
            "Only numbers with these digits in a row, or with this in their `label` or `external_id`.",
          examples: ["6468"],
        },
      }),
      answers: [listAnswer("phone_numbers", numberEntry, entryExample, { of: "numbers" })],
    },
    "GET /v1/phone-numbers/{number}": {
      id: "getPhoneNumber",
      summary: "Get a number",
      tool: {
        name: "get_phone_number",
        text: "An imported number: its agent, directions, health, and what this service set at Twilio.",
      },
      description:
        "One of the numbers of the calling API key. A number of another key is `number_not_found`.",
      answers: [
        answer("The number.", z.object({ phone_number: numberEntry }), { phone_number: entryExample }),
      ],
    },
    "GET /v1/phone-numbers/{number}/events": {
      id: "listPhoneNumberEvents",
      summary: "List what happened to a number",
      tool: {
        name: "list_phone_number_events",
        text: "What happened to a number in 30 days: imported, changed at Twilio by somebody, repaired, gone. Empty if its agent has no webhook_url. For its calls use list_calls.",
      },
      description:
        "That it was imported, found changed at Twilio, repaired or gone, newest first, for 30 days, if its agent has a " +
        "`webhook_url`: an event that nobody receives is not kept. Its calls are in `GET /v1/calls?phone_number=`.",
      query: pageQuery,
      answers: [
        listAnswer(
          "deliveries",
          delivery,
          { ...delivered, event: "number.imported" },
          { of: "events and their deliveries" },
        ),
      ],
    },
    "PATCH /v1/phone-numbers/{number}": {
      id: "changePhoneNumber",
      summary: "Change a number",
      tool: {
        name: "change_phone_number",
        text:
          "Gives a number to another agent, or changes whether it answers, whether it calls, whether its calls, texts or both come here, or " +
          "what happens when somebody changes it at Twilio. An argument that is left out changes nothing; what is its own is as in " +
          "import_phone_number, and null is the agent's again.",
        arguments: {
          agent_id: "Who answers from now on.",
          inbound_enabled:
            "Whether the agent answers. If false, callers hear that the number takes no calls.",
          outbound_enabled: "Whether the agent may call and text from the number.",
          channels:
            "What comes here: voice, sms or both. One that is not listed is given back as it was found.",
          drift_policy:
            "repair undoes what somebody changes at Twilio, report only tells of it. Setting it also starts repairs again that had stopped.",
          ...unsaidOwn,
        },
        withholds: ["twilio_token"],
      },
      description:
        "Changes a number's agent, directions, channels, drift policy, Auth Token, or what is its own. Send at least one field. A field that is left out " +
        "does not change. null makes `drift_policy` its default again, and what is the number's own (from `external_id` on) the agent's again; no other field may be null. camelCase works too, as in the import.\n\n" +
        "**A new Auth Token** is tried at Twilio before it is stored. It is used for all your numbers of the same Twilio " +
        "account. Twilio signs with the old token until you promote the new one. So the old token verifies webhooks until " +
        "the first one that Twilio signs with the new token, but for 24 hours at most. If Twilio refuses the new token, " +
        "nothing changes, and `details.reason` says why, as in the import.\n\n" +
        "**Channels.** One that is added is pointed here as by an import; what it had is kept. One that is left out is given back " +
        "as by a release: `given_back` says what happened at Twilio. If Twilio fails, recovery gives the channel back within " +
        "minutes, and it is answered as by a number without an agent until then.\n\n" +
        "**Plan before you act.** With `?dry_run=true` nothing changes: `changes` has each field as it is and as it would be, " +
        "and `twilio_changes` those of the number at Twilio. A new Auth Token is tried at Twilio all the same.",
      query: dryRunQuery,
      body: {
        schema: described(changeBody, {
          agent_id: { description: "An agent of the calling API key.", examples: [AGENT_ID] },
          inbound_enabled: {
            description:
              "Whether this service answers calls and texts. If not, callers hear that the number takes no calls.",
          },
          outbound_enabled: { description: "Whether calls may be made from the number." },
          channels: {
            description: "`voice`, `sms` or both: what comes here of what comes in.",
            examples: [["voice", "sms"]],
          },
          twilio_token: {
            description: "A new Auth Token of the number's Twilio account.",
            examples: [TOKEN],
          },
          drift_policy: {
            description:
              "`repair` (the default) undoes a change that somebody makes at Twilio, `report` only reports it. Repairs stop if " +
              "another system keeps changing the number; set this field, even to its present value, to start them again.",
          },
          ...ownDescriptions,
          dry_run: dryRunField,
        }),
        example: { inbound_enabled: false },
      },
      answers: [
        answer(
          "The number as it is now.",
          z.union([z.object({ phone_number: numberEntry, given_back: z.optional(givenBack) }), changePlan]),
          { phone_number: { ...entryExample, inbound_enabled: false } },
        ),
      ],
      errors: [
        "missing_field",
        ...OWN_ERRORS,
        "release_in_progress",
        "channel_not_supported",
        "not_consented",
        "agent_not_found",
        "number_in_other_region",
        "twilio_update_rejected",
        "twilio_webhooks_not_applied",
        "account_uses_api_key",
        ...TWILIO_ERRORS,
      ],
    },
    "DELETE /v1/phone-numbers/{number}": {
      id: "releasePhoneNumber",
      summary: "Release a number",
      tool: {
        name: "release_phone_number",
        text:
          "Gives a number back: what answered it before the import is restored at Twilio, and the number is deleted here. The user keeps " +
          "it at Twilio. What the user has changed at Twilio since stays. It works although Twilio is down: then the answer says " +
          "unreachable, and has requests with which the user restores the rest.",
      },
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
        "then release it. That restores what the number had before the first import.\n\n" +
        "**Plan before you act.** With `?dry_run=true` nothing changes: `twilio` says what the release would do to each " +
        "channel, and `changes` has each field as it is and as it would be.",
      query: dryRunQuery,
      answers: [
        answer(
          "The number is deleted here. The answer says what happened to it at Twilio.",
          z.union([z.object({ phone_number: releasedNumber }), releasePlan]),
          { phone_number: releasedExample },
        ),
      ],
      errors: ["release_in_progress"],
    },
    "DELETE /v1/admin/phone-numbers/{number}": {
      id: "releaseAnyPhoneNumber",
      summary: "Release a number of any key",
      description:
        "For the operator: releases a number whoever has imported it, as its key would. For the owner of a number that is " +
        "held by a key that no longer has it at Twilio, and cannot be asked. The key gets `number.released`.",
      auth: "adminToken",
      answers: [
        answer(
          "The number is deleted here. The answer says what happened to it at Twilio, and whose it was.",
          z.object({
            phone_number: z.object({ ...releasedNumber._zod.def.shape, key_id: z.string() }),
          }),
          { phone_number: { ...releasedExample, key_id: KEY_ID } },
        ),
      ],
      errors: ["release_in_progress"],
    },
  },
};
