import * as z from "zod/mini";
import { dryRunQuery as query } from "../src/http/query.ts";
import { answered, described, resource, warnings } from "./operation.ts";
import { numberEntry, numberSid, phoneNumber, releasedChannels } from "./phone-number-answers.ts";
import { fieldChanges } from "./phone-number-preview.ts";

// Dry runs: how they are asked for, and what those of a change and of a release answer.

const DRY_RUN =
  "`true`, `1` or nothing behind it asks for a plan and changes nothing. Also spelled `dryRun`, and taken in the body too.";

export const dryRunQuery = described(query, { dry_run: { description: DRY_RUN, examples: ["true"] } });

export const dryRunField = { description: "The same as `?dry_run=`.", examples: [true] };

const isDryRun = answered(z.literal(true), "Always true: nothing was written anywhere.");

const value = z.union([
  z.string(),
  z.boolean(),
  z.null(),
  z.array(z.string()),
  z.record(z.string(), z.string()),
]);

export const changePlan = resource(
  "ChangePlan",
  "What a change would change; `phone_number` is as it is now.",
  {
    dry_run: isDryRun,
    phone_number: numberEntry,
    changes: z.array(
      z.object({
        field: answered(z.string(), "The field of the request.", "agent_id"),
        present: answered(value, "What it is; a token reads `[redacted]`."),
        new: answered(value, "What it would be."),
      }),
    ),
    twilio_changes: answered(
      z.optional(fieldChanges),
      "The fields that would change at Twilio. Only if `channels` would change.",
    ),
    warnings,
  },
);

export const releasePlan = resource("ReleasePlan", "What a release would do.", {
  dry_run: isDryRun,
  phone_number: z.object({
    phone_number: phoneNumber,
    deleted: answered(z.literal(false), "Always false: the number is still here."),
    twilio_number_sid: numberSid,
    ...releasedChannels,
  }),
  changes: answered(fieldChanges, "The fields that the release would change at Twilio."),
});
