import * as z from "zod/mini";
import { language } from "../src/agents/schema.ts";
import { serialiseOwn } from "../src/phone-numbers/change-settings.ts";
import { NOTHING_OWN } from "../src/phone-numbers/settings.ts";
import { ownFields, type ownImportFields } from "../src/phone-numbers/settings-schema.ts";
import { answered, type FieldDescription } from "./operation.ts";

// What is each number's own, in an import, in a change and in an answer.

type Name = keyof typeof ownImportFields;

export const ownDescriptions: Record<Name, FieldDescription> = {
  external_id: {
    description: "Your own id of the business that has the number; several numbers may have the same.",
    examples: ["customer-42"],
  },
  label: { description: "A name for people; the console shows it first.", examples: ["Acme Dental"] },
  metadata: {
    description:
      "What you want to know of the number again: up to 50 texts of 500 characters, 4,096 bytes in all. A change keeps the " +
      "names that it does not have, and null removes one.",
    examples: [{ crm: "4711" }],
  },
  custom_prompt: {
    description: "Stands after the agent's `system_prompt`.",
    examples: ["You answer for Acme Dental, open Monday to Friday."],
  },
  sms_prompt: {
    description: "Stands after both prompts where a text is answered.",
    examples: ["Answer in one sentence."],
  },
  welcome_message: {
    description: "Instead of the agent's. An empty text is silence until the other side has spoken.",
    examples: ["Hello, you have reached Acme Dental."],
  },
  voice_id: { description: "Instead of the agent's.", examples: ["Dennis"] },
  language: { description: "Instead of the agent's, as a BCP 47 tag.", examples: ["en-GB"] },
  transfer_numbers: {
    description: "Whom callers may be put through to, instead of the agent's; an empty list is nobody.",
    examples: [["+441632960123"]],
  },
  fallback: {
    description: "What happens to a call if the runtime fails, instead of the agent's.",
    examples: [{ type: "dial", number: "+441632960123" }],
  },
  record: { description: "Whether calls are recorded, instead of the agent's. Also `record_call`." },
  sms_reply: {
    description: "Whether the agent answers texts, instead of the agent's. Also `sms_reply_enabled`.",
  },
  inbound_url: {
    description: "Who is asked before a call or text is answered, instead of the agent's.",
    examples: ["https://example.com/inbound"],
  },
  inbound_url_timeout_ms: { description: "How long a caller waits for that, instead of the agent's." },
  dynamic_vars: {
    description:
      "Texts for `{{name}}` and `{{name|default}}` in every prompt and greeting: up to 50, of up to 500 characters, 4,096 " +
      "bytes in all. A call's own win. The agent's runtime gets them as `<Parameter>`s.",
    examples: [{ business: "Acme Dental" }],
  },
};

/** The same in words for a model. */
export const ownWords = {
  external_id: "The user's own id of the business.",
  label: "A name for people.",
  metadata: "Texts to remember; null removes one.",
  custom_prompt: "Instructions for this number, after the agent's.",
  sms_prompt: "Instructions for its texts, after those.",
  welcome_message: "Instead of the agent's; empty is silence.",
  voice_id: "Instead of the agent's.",
  language: "Instead of the agent's, as a BCP 47 tag.",
  transfer_numbers: "Instead of the agent's: up to 10.",
  fallback: "Instead of the agent's: {type: say, text} or {type: dial, number}.",
  record: "Whether its calls are recorded.",
  sms_reply: "Whether its texts are answered.",
  inbound_url: "Which https URL is asked first, instead of the agent's.",
  inbound_url_timeout_ms: "How long a caller waits for that.",
  dynamic_vars: "Texts for {{name}} in every prompt and greeting.",
};

/** Of a tool that refers to another one. */
export const unsaidOwn = Object.fromEntries(Object.keys(ownWords).map((name) => [name, ""]));

/** The same in an answer: null is not set. */
export const ownEntry = Object.fromEntries(
  Object.entries(ownFields).map(([name, schema]) => [
    name,
    answered(
      z.nullable(
        // What is stored is in the form that a transform at the end gives it.
        name === "language"
          ? (language._zod.def.in as z.ZodMiniType)
          : name === "metadata"
            ? z.record(z.string(), z.string())
            : (schema as z.ZodMiniType),
      ),
      `${ownDescriptions[name as Name].description} null: not set.`,
    ),
  ]),
);

export const ownExample = serialiseOwn(NOTHING_OWN);

export const OWN_ERRORS = [
  "metadata_too_large",
  "custom_prompt_too_long",
  "sms_prompt_too_long",
  "invalid_url",
] as const;
