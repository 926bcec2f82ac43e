import * as z from "zod/mini";
import { answered, described, type Reference } from "../http/operation.ts";
import { importBody } from "./schema.ts";

const NUMBER = "+447446466847";
const AGENT_ID = "agent_125207e452f8714a";
const NUMBER_SID = "PN451e0ddf654327e36baab58dfbcd30d6";

const importedNumber = z
  .object({
    phone_number: answered(z.string(), "The number in E.164.", NUMBER),
    agent_id: answered(z.string(), "The agent that answers it.", AGENT_ID),
    twilio_number_sid: answered(
      z.string().check(z.regex(/^PN[0-9a-fA-F]{32}$/)),
      "The number's SID at Twilio.",
      NUMBER_SID,
    ),
    inbound_enabled: answered(z.boolean(), "Whether its calls and texts are taken."),
    outbound_enabled: answered(z.boolean(), "Whether calls may be made from it."),
  })
  .check(z.meta({ id: "ImportedNumber", description: "A number that was just imported." }));

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
        "under your API key; calls signed with the old one are accepted for another 24 hours.\n\n" +
        '`details.outcome: "unknown"` in an error means that the import could be neither finished nor undone yet: send ' +
        "it again.",
      auth: "apiKey",
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
            examples: [`AC${"0".repeat(31)}1`],
          },
          twilio_token: {
            description:
              "The Auth Token of that account. An API key (`SK…`) will not do: Twilio signs webhooks with the Auth " +
              "Token. Also spelled `twilioToken`.",
            examples: ["the Auth Token of that account"],
          },
          agent_id: {
            description: "An agent of the calling API key. Also spelled `agentId`.",
            examples: [AGENT_ID],
          },
        }),
        example: {
          phone_number: NUMBER,
          twilio_sid: `AC${"0".repeat(31)}1`,
          twilio_token: "the Auth Token of that account",
          agent_id: AGENT_ID,
        },
      },
      answers: [
        {
          status: 201,
          description: "The number; its calls and texts come here from now on.",
          schema: z.object({ phone_number: importedNumber }),
          example: {
            phone_number: {
              phone_number: NUMBER,
              agent_id: AGENT_ID,
              twilio_number_sid: NUMBER_SID,
              inbound_enabled: true,
              outbound_enabled: true,
            },
          },
        },
      ],
      errors: [
        "missing_field",
        "invalid_phone_format",
        "invalid_twilio_sid",
        "twilio_auth_failed",
        "twilio_invalid_credentials",
        "twilio_rate_limited",
        "twilio_unavailable",
        "number_not_in_twilio",
        "agent_not_found",
        "agent_not_owned",
        "number_already_imported",
        "twilio_update_rejected",
        "twilio_webhooks_not_applied",
      ],
    },
  },
};
