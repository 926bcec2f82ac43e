import * as z from "zod/mini";
import { ANSWERERS } from "../src/phone-numbers/preview/answered-by.ts";
import { FIELD_OF } from "../src/twilio/incoming-phone-numbers.ts";
import { AGENT_ID } from "./examples.ts";
import { answered, exampleOf, resource, warnings } from "./operation.ts";
import { numberSid, phoneNumber } from "./phone-number-answers.ts";

// The answer of a dry run.

export const answeredBy = resource("AnsweredBy", "Who answers, according to the number's configuration.", {
  kind: answered(z.enum(ANSWERERS), "What answers.", "voice_platform"),
  name: answered(z.optional(z.string()), "The platform, if it is a known one.", "Vapi"),
  host: answered(z.optional(z.string()), "The host of the URL that Twilio calls.", "api.vapi.ai"),
  sid: answered(z.optional(z.string()), "The SID of the trunk, application, flow or bin."),
});

/** Fields of a number at Twilio that would change. */
export const fieldChanges = z.array(
  z.object({
    field: answered(z.enum(FIELD_OF), "The field of Twilio's IncomingPhoneNumber resource.", "voice_url"),
    present: answered(
      z.string(),
      "What it holds; empty where it is unset. Query strings, user names and passwords in it read `[redacted]`.",
    ),
    new: answered(
      z.string(),
      "What it would hold; empty if it is cleared. `{id}` stands for the id that an import gives the number.",
    ),
  }),
);

export const importPlan = resource("ImportPlan", "What an import would do.", {
  dry_run: answered(z.literal(true), "Always true: a dry run writes nothing anywhere."),
  phone_number: z.object({
    phone_number: phoneNumber,
    agent_id: answered(z.string(), "The agent that would answer it.", AGENT_ID),
    twilio_number_sid: numberSid,
  }),
  answered_by: z.object({ voice: answeredBy, sms: answeredBy }),
  changes: answered(fieldChanges, "The fields that the import would change."),
  warnings: answered(
    warnings._zod.def.innerType,
    "What to know before you import; empty where there is nothing.",
  ),
  unchecked: answered(
    z.array(z.enum(["messaging_service", "region", "account", "webhook_rules", "text_registration"])),
    "What Twilio did not tell us. About these, a missing warning proves nothing.",
  ),
  plan_hash: answered(
    z.string(),
    "Send it with the import: if the number has changed since, the import is refused.",
    `k1.${"5f2c9a7e".repeat(8)}`,
  ),
});

export const planExample = exampleOf(importPlan, {
  answered_by: {
    voice: exampleOf(answeredBy, { name: "Vapi", host: "api.vapi.ai" }),
    sms: { kind: "nobody" },
  },
  changes: [
    {
      field: "voice_url",
      present: "https://api.vapi.ai/twilio/inbound_call?[redacted]",
      new: "https://numbers.example.com/webhooks/twilio/{twilio_account_id}/{id}/voice",
    },
  ],
  warnings: [{ code: "trial_account", message: "This is a trial account: …", details: {} }],
});
