import * as z from "zod/mini";
import { ApiError } from "../http/errors.ts";
import { pageShape } from "../http/page.ts";
import { query } from "../http/query.ts";
import { body, dryRunField, maxLength, requiredText } from "../http/schema.ts";
import { agentId, type NumberGiven, numberFields } from "../phone-numbers/schema.ts";
import { ownAliases } from "../phone-numbers/settings-schema.ts";
import { accountAliases, accountFields } from "../twilio-accounts/schema.ts";
import { OUTCOMES } from "./job.ts";

export const MAX_ITEMS = 5_000;
const MAX_BODY_BYTES = 2 * 1024 * 1024;
/** What stands beside the items needs less. */
const REST_BYTES = 64 * 1024;

const MAX_PHONE_NUMBER_LENGTH = 64;

/** A number of a bulk import. Whether it is in E.164, the import of the number says. */
export const item = body(
  {
    phone_number: requiredText().check(maxLength(MAX_PHONE_NUMBER_LENGTH)),
    twilio_sid: accountFields.twilio_sid,
    agent_id: z.optional(agentId),
    ...numberFields,
  },
  {
    phone_number: "phoneNumber",
    twilio_sid: accountAliases.twilio_sid,
    agent_id: "agentId",
    ...ownAliases,
  },
);

/** `POST /v1/phone-number-imports`: each field in snake_case or camelCase. */
export const bulkImportBody = body(
  {
    items: z.optional(
      z.array(item).check(z.minLength(1, "invalid_field"), z.maxLength(MAX_ITEMS, "invalid_field")),
    ),
    all: z.optional(z.boolean()),
    ...accountFields,
    agent_id: z.optional(agentId),
    ...numberFields,
    include_subaccounts: z.optional(z.boolean()),
    dry_run: dryRunField(),
  },
  {
    ...accountAliases,
    agent_id: "agentId",
    ...ownAliases,
    include_subaccounts: "includeSubaccounts",
  },
);

export type BulkImportBody = z.output<typeof bulkImportBody>;

/** What is a number's own of an item, or the default of all. */
export function ownOf(given: NumberGiven): NumberGiven {
  const names = Object.keys(numberFields) as (keyof NumberGiven)[];
  return Object.fromEntries(
    names.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])),
  );
}

/** The bound of the body. Of a larger one its sender learns how many of its items fit. */
export const bodyLimit = {
  maxBytes: MAX_BODY_BYTES,
  tooLarge: (start: Uint8Array) => {
    const fit = countItems(new TextDecoder().decode(start.subarray(0, MAX_BODY_BYTES - REST_BYTES)));
    const message = `A bulk import may have 2 MiB: the first ${fit} items fit. Send the others in another one.`;
    return new ApiError("payload_too_large", fit > 0 ? { message, details: { items_that_fit: fit } } : {});
  },
};

/** How many items the start of a body has in full. @internal */
export function countItems(start: string): number {
  let [depth, count] = [0, 0];
  for (const mark of start.replace(/"(?:[^"\\]|\\.)*"?/gs, "").match(/[{}]/g) ?? []) {
    depth += mark === "{" ? 1 : -1;
    if (mark === "}" && depth === 1) count += 1;
  }
  return count;
}

const outcome = z.optional(z.enum(OUTCOMES));

/** `GET /v1/phone-number-imports/{import_id}/results` */
export const resultsQuery = query({ outcome, ...pageShape });

/** `GET /v1/phone-number-imports/{import_id}/results.csv` */
export const csvQuery = query({ outcome });

/** `POST /v1/phone-number-imports/{import_id}/retry`. */
export const retryBody = body(
  { twilio_token: accountFields.twilio_token },
  { twilio_token: accountAliases.twilio_token },
);
