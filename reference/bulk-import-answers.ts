import * as z from "zod/mini";
import { OUTCOMES } from "../src/bulk-imports/job.ts";
import { errorEnvelope } from "./errors.ts";
import { ACCOUNT_SID, AGENT_ID, IMPORT_ID, NUMBER, NUMBER_SID, TIME } from "./examples.ts";
import { answered, exampleOf, resource, time } from "./operation.ts";

import { importPlan } from "./phone-number-preview.ts";

// What the bulk imports answer.

export const importId = answered(z.string(), "The id of the bulk import.", IMPORT_ID);
const outcome = z.enum(OUTCOMES);
const { error } = errorEnvelope._zod.def.shape;
const { answered_by, warnings, unchecked } = importPlan._zod.def.shape;

export const status = resource("PhoneNumberImport", "A bulk import.", {
  import_id: importId,
  status: answered(
    z.enum(["queued", "running", "completed", "cancelled"]),
    "Where it is. `ended_at` is set when the last number that was under way is settled.",
    "running",
  ),
  stop_reason: answered(
    z.nullable(z.enum(["cancelled", "key_revoked"])),
    "Why it was stopped before its end; null if it was not.",
  ),
  dry_run: answered(z.boolean(), "Whether it only plans."),
  total: answered(z.int(), "How many numbers are known. With `all` it grows while accounts are read.", 3),
  counts: answered(
    z.object(
      Object.fromEntries([...OUTCOMES, "waiting"].map((name) => [name, z.int()])) as Record<
        (typeof OUTCOMES)[number] | "waiting",
        z.ZodMiniInt
      >,
    ),
    "How many numbers have each outcome, and how many wait for theirs.",
  ),
  rate_per_minute: answered(z.int(), "How many numbers were settled in the last minute.", 120),
  seconds_left: answered(z.nullable(z.int()), "About how long it still takes; null if nobody can know."),
  account_errors: answered(
    z.array(z.object({ twilio_sid: z.string(), error })),
    "Twilio accounts whose numbers cannot be had, with the reason: up to a hundred.",
  ),
  created_at: time("When it was created"),
  started_at: z.nullable(time("When it began, or was last begun anew; null if it has not yet")),
  ended_at: z.nullable(time("When it ended; null if it has not")),
});

const counts = { imported: 1, already_yours: 0, failed: 1, skipped: 0, planned: 0, waiting: 1 };
export const statusExample = exampleOf(status, { dry_run: false, counts, seconds_left: 1, started_at: TIME });
export const endedExample = {
  ...statusExample,
  status: "cancelled",
  stop_reason: "cancelled",
  ended_at: TIME,
};

export const result = resource("PhoneNumberImportResult", "A number of a bulk import.", {
  phone_number: answered(z.string(), "The number as it was sent, or as Twilio lists it.", NUMBER),
  twilio_sid: answered(z.nullable(z.string()), "Its Twilio account; null if it was not found.", ACCOUNT_SID),
  agent_id: answered(
    z.nullable(z.string()),
    "Who answers the number, or is to answer it; of `already_yours` the agent that it has.",
    AGENT_ID,
  ),
  requested_agent_id: answered(z.nullable(z.string()), "The agent that was asked for.", AGENT_ID),
  external_id: answered(z.nullable(z.string()), "Your own id of the number, as you sent it."),
  twilio_number_sid: answered(z.nullable(z.string()), "The number's SID at Twilio, if known.", NUMBER_SID),
  outcome: answered(
    z.nullable(outcome),
    "`imported`; `already_yours`: this API key has it already; `failed`: see `error`; `skipped`: see `reason`; `planned`: " +
      "a dry run that found nothing against it; null while it waits.",
    "imported",
  ),
  reason: answered(
    z.nullable(z.enum(["duplicate", "cancelled", "key_revoked"])),
    "Why it was skipped: it was in `items` before, or the bulk import was stopped.",
  ),
  error: answered(
    z.nullable(error),
    "The error as `POST /v1/phone-numbers` gives it; null if there is none.",
  ),
  plan: answered(
    z.nullable(z.object({ answered_by, warnings, unchecked })),
    "With `planned`: these fields of the number's dry run.",
  ),
});

export const resultExample = exampleOf(result, { external_id: "customer-17" });
