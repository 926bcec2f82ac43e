import * as z from "zod/mini";
import { pageShape } from "../http/page.ts";
import { query } from "../http/query.ts";
import { body, dryRunField, maxLength, optionalText, pattern, requiredText } from "../http/schema.ts";
import { ACCOUNT_SID, agentId, invalidSid, twilioToken } from "../phone-numbers/schema.ts";
import { OUTCOMES } from "./job.ts";

export const MAX_ITEMS = 5_000;
/** 5,000 items with all of their fields at full length need less. */
export const MAX_BODY_BYTES = 2 * 1024 * 1024;

const MAX_PHONE_NUMBER_LENGTH = 64;
const MAX_EXTERNAL_ID_LENGTH = 128;

const twilioSid = z.string().check(pattern(ACCOUNT_SID, invalidSid));

/** A number of a bulk import. Whether it is in E.164, the import of the number says. */
export const item = body(
  {
    phone_number: requiredText().check(maxLength(MAX_PHONE_NUMBER_LENGTH)),
    twilio_sid: z.optional(twilioSid),
    agent_id: z.optional(agentId),
    external_id: optionalText(MAX_EXTERNAL_ID_LENGTH),
  },
  {
    phone_number: "phoneNumber",
    twilio_sid: ["twilioSid", "twilio_account_sid", "twilioAccountSid"],
    agent_id: "agentId",
    external_id: "externalId",
  },
);

/** `POST /v1/phone-number-imports`: each field in snake_case or camelCase. */
export const bulkImportBody = body(
  {
    items: z.optional(
      z.array(item).check(z.minLength(1, "invalid_field"), z.maxLength(MAX_ITEMS, "invalid_field")),
    ),
    all: z.optional(z.boolean()),
    twilio_sid: requiredText().check(pattern(ACCOUNT_SID, invalidSid)),
    twilio_token: twilioToken,
    agent_id: z.optional(agentId),
    include_subaccounts: z.optional(z.boolean()),
    dry_run: dryRunField(),
  },
  {
    twilio_sid: ["twilioSid", "twilio_account_sid", "twilioAccountSid"],
    twilio_token: ["twilioToken", "twilio_auth_token", "twilioAuthToken"],
    agent_id: "agentId",
    include_subaccounts: "includeSubaccounts",
  },
);

export type BulkImportBody = z.output<typeof bulkImportBody>;

const outcome = z.optional(z.enum(OUTCOMES));

/** `GET /v1/phone-number-imports/{import_id}/results` */
export const resultsQuery = query({ outcome, ...pageShape });

/** `GET /v1/phone-number-imports/{import_id}/results.csv` */
export const csvQuery = query({ outcome });

/** `POST /v1/phone-number-imports/{import_id}/retry`. */
export const retryBody = body(
  { twilio_token: twilioToken },
  { twilio_token: ["twilioToken", "twilio_auth_token", "twilioAuthToken"] },
);
