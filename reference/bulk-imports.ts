import * as z from "zod/mini";
import {
  bulkImportBody,
  csvQuery,
  item,
  MAX_ITEMS,
  resultsQuery,
  retryBody,
} from "../src/bulk-imports/schema.ts";
import {
  endedExample,
  importId,
  result,
  resultExample,
  status,
  statusExample,
} from "./bulk-import-answers.ts";
import { ACCOUNT_SID, AGENT_ID, NUMBER, NUMBER_SID, TOKEN } from "./examples.ts";
import {
  answer,
  answered,
  described,
  listAnswer,
  listQuery,
  pageQuery,
  type Reference,
} from "./operation.ts";
import { channelsField } from "./phone-number-import.ts";
import { OWN_ERRORS, ownDescriptions, unsaidOwn } from "./phone-number-own.ts";
import { dryRunField, dryRunQuery } from "./phone-number-plans.ts";
import { CREDENTIAL_ERRORS } from "./twilio-accounts.ts";

const ofOutcome = { description: "Only numbers with this outcome.", examples: ["failed"] };
const itemFields = { channels: channelsField, ...ownDescriptions };
const ownDefaults = Object.fromEntries(
  Object.keys(itemFields).map((name) => [name, { description: "Of every number that says nothing of it." }]),
) as typeof itemFields;

export const bulkImportReference: Reference = {
  tag: { name: "Bulk imports", description: "Many numbers at once, of an account and its subaccounts." },
  operations: {
    "POST /v1/phone-number-imports": {
      id: "createPhoneNumberImport",
      summary: "Import many numbers",
      tool: {
        name: "create_phone_number_import",
        text:
          "Imports many numbers in the background: those of items, or with all every number of a Twilio account. Follow it with " +
          "get_phone_number_import. Numbers that are imported already stay as they are, so it may be repeated. The plan checks " +
          "arguments, credentials and agents at Twilio, not each number. The account is one of list_twilio_accounts.",
        arguments: {
          ...unsaidOwn,
          channels: "",
          items:
            "The numbers, 1 to 5,000, or send all: [{phone_number, twilio_sid, agent_id, and what is its own as in " +
            "import_phone_number}]. What is its own may stand beside them too, for all.",
          twilio_sid: "The SID (AC…) of their account or its parent.",
          all: "Every number of the account. Then no items.",
          include_subaccounts: "Also its active subaccounts.",
        },
        withholds: ["twilio_token"],
      },
      description:
        `Imports up to ${MAX_ITEMS.toLocaleString("en")} numbers in the background, or every number of a Twilio account. ` +
        "Each number is imported as by `POST /v1/phone-numbers`, with the same checks and the same errors. What would fail for every " +
        "number fails here: the fields, the credentials, the agent.\n\n" +
        "Two numbers of a Twilio account are imported at a time, and many accounts side by side. If Twilio answers 429, the " +
        "account waits. A failure that may pass is tried again.\n\n" +
        "**Subaccounts.** With the credentials of the parent account, an item may name a subaccount in `twilio_sid`: this service asks " +
        "Twilio for its Auth Token. With `include_subaccounts`, items without `twilio_sid` are looked for in all active " +
        "subaccounts, and `all` means the numbers of them all.\n\n" +
        "**A known account** (see `POST /v1/twilio-accounts`) needs no `twilio_token`, and no `twilio_sid` if it is your only one.\n\n" +
        "**Sending it twice does no harm**: a number that you have already is `already_yours`. The credentials are sealed, and " +
        "deleted when the bulk import ends. If the API key is revoked, it stops.\n\n" +
        "**What is each number's own** may stand beside `items`, as the default of every number that says nothing of it, and in an " +
        "item, instead of the default. A number that is yours already keeps what it has: change it with " +
        "`PATCH /v1/phone-numbers/{number}`.\n\n" +
        "The body may have 2 MiB. Of a larger one, `details.items_that_fit` says how many of its items fit.\n\n" +
        "An API key may have five bulk imports that are not finished; the next one is `rate_limit_exceeded`.",
      query: dryRunQuery,
      body: {
        schema: z.object({
          ...described(bulkImportBody, {
            items: { description: `The numbers, 1 to ${MAX_ITEMS.toLocaleString("en")}.` },
            all: { description: "If true: every number of the account. Do not send `items` then." },
            twilio_sid: {
              description: "The Twilio account of the numbers, or the parent of their accounts.",
              examples: [ACCOUNT_SID],
            },
            twilio_token: { description: "The Auth Token of that account.", examples: [TOKEN] },
            agent_id: { description: "The agent of every number that names none.", examples: [AGENT_ID] },
            ...ownDefaults,
            include_subaccounts: { description: "Whether its active subaccounts are meant too." },
            dry_run: dryRunField,
          })._zod.def.shape,
          items: answered(
            z.optional(
              z.array(
                described(item, {
                  phone_number: { description: "The number in E.164.", examples: [NUMBER] },
                  twilio_sid: { description: "Its Twilio account, if it is a subaccount." },
                  agent_id: { description: "Its agent, if it has one of its own." },
                  ...itemFields,
                }),
              ),
            ),
            `The numbers, 1 to ${MAX_ITEMS.toLocaleString("en")}.`,
          ),
        }),
        example: {
          items: [{ phone_number: NUMBER, external_id: "customer-17", label: "Acme Dental" }],
          twilio_sid: ACCOUNT_SID,
          twilio_token: TOKEN,
          agent_id: AGENT_ID,
        },
      },
      answers: [
        answer(
          "It has begun.",
          z.object({
            import_id: importId,
            status: answered(z.enum(["queued"]), "Always `queued`."),
            total: answered(z.nullable(z.int()), "How many numbers; null with `all`, until they are read."),
          }),
          { status: "queued", total: 1 },
          202,
        ),
      ],
      errors: [
        "missing_field",
        ...OWN_ERRORS,
        "invalid_twilio_sid",
        ...CREDENTIAL_ERRORS,
        "account_uses_api_key",
        "needs_auth_token",
        "agent_not_found",
        "agent_not_owned",
        "not_consented",
      ],
    },
    "GET /v1/phone-number-imports": {
      id: "listPhoneNumberImports",
      summary: "List bulk imports",
      tool: {
        name: "list_phone_number_imports",
        text: "The bulk imports, newest first, until 30 days after their end.",
      },
      description: "The bulk imports of the calling API key, newest first, until 30 days after their end.",
      query: pageQuery,
      answers: [listAnswer("phone_number_imports", status, statusExample, { of: "bulk imports" })],
    },
    "GET /v1/phone-number-imports/{import_id}": {
      id: "getPhoneNumberImport",
      summary: "Get a bulk import",
      tool: {
        name: "get_phone_number_import",
        text: "How far a bulk import is. Ask every ten seconds until ended_at is set.",
      },
      description: "How far it is. Ask every few seconds until `ended_at` is set.",
      answers: [answer("The bulk import.", status, statusExample)],
    },
    "GET /v1/phone-number-imports/{import_id}/results": {
      id: "listPhoneNumberImportResults",
      summary: "List results",
      tool: {
        name: "list_phone_number_import_results",
        text: "What became of each number of a bulk import. With outcome failed: why, and what to do.",
      },
      description: "The numbers of a bulk import and what became of each, in the order in which they came.",
      query: listQuery(resultsQuery, { outcome: ofOutcome }),
      answers: [listAnswer("results", result, resultExample)],
    },
    "GET /v1/phone-number-imports/{import_id}/results.csv": {
      id: "downloadPhoneNumberImportResults",
      summary: "Download results",
      description:
        "All results as comma-separated values, with the columns of the results and `error_code` and `error_message`. A cell " +
        "that a spreadsheet would take for a formula begins with an apostrophe; a number in E.164 does not.",
      query: described(csvQuery, { outcome: ofOutcome }),
      answers: [
        {
          status: 200,
          description: "The results.",
          mediaType: "text/csv",
          schema: z.string(),
          example: `phone_number,twilio_sid,agent_id,requested_agent_id,external_id,twilio_number_sid,outcome,reason,error_code,error_message\r\n${NUMBER},${ACCOUNT_SID},${AGENT_ID},${AGENT_ID},customer-17,${NUMBER_SID},imported,,,\r\n`,
        },
      ],
    },
    "POST /v1/phone-number-imports/{import_id}/cancel": {
      id: "cancelPhoneNumberImport",
      summary: "Cancel a bulk import",
      tool: {
        name: "cancel_phone_number_import",
        text: "Stops a bulk import. Numbers that it has imported stay imported; the others are skipped.",
      },
      description:
        "No further number is begun; those that are under way come to their end, and what is imported stays imported. A bulk " +
        "import that has ended stays as it is.",
      answers: [answer("The bulk import.", status, endedExample)],
    },
    "POST /v1/phone-number-imports/{import_id}/retry": {
      id: "retryPhoneNumberImport",
      summary: "Retry a bulk import",
      description:
        "Begins an ended bulk import anew with the numbers that failed, or were skipped because it was stopped. Its credentials were " +
        "deleted at its end, so send the Auth Token of the same account again, unless the account is known (see `POST /v1/twilio-accounts`).",
      body: {
        schema: described(retryBody, {
          twilio_token: {
            description: "The Auth Token of the account that was sent first.",
            examples: [TOKEN],
          },
        }),
        example: { twilio_token: TOKEN },
      },
      answers: [answer("The bulk import.", status, statusExample)],
      errors: [
        "missing_field",
        "not_consented",
        "phone_number_import_running",
        "account_uses_api_key",
        ...CREDENTIAL_ERRORS,
      ],
    },
  },
};
