import * as z from "zod/mini";
import { DEFAULT_LIMIT } from "../src/http/page.ts";
import { availableQuery } from "../src/phone-numbers/schema.ts";
import { ACCOUNT_REASONS } from "../src/twilio-accounts/health.ts";
import { connectBody } from "../src/twilio-accounts/schema.ts";
import { ACCOUNT_ID, ACCOUNT_SID, TOKEN } from "./examples.ts";
import {
  answer,
  answered,
  deleted,
  described,
  exampleOf,
  listAnswer,
  pageQuery,
  type Reference,
  time,
} from "./operation.ts";
import { numberSid, phoneNumber, TWILIO_ERRORS } from "./phone-number-answers.ts";
import { answeredBy } from "./phone-number-preview.ts";

const accountId = answered(z.string(), "Its id here.", ACCOUNT_ID);
const twilioSid = answered(z.string(), "Its SID at Twilio.", ACCOUNT_SID);

const requests = z.array(
  z.object({
    step: answered(z.string(), "What it is about.", "rule"),
    request: answered(z.string(), "A `curl` command, with names in capitals for what only you know."),
  }),
);

export const account = z
  .object({
    twilio_account_id: accountId,
    twilio_sid: twilioSid,
    region: answered(z.string(), "The Twilio Region of its credentials.", "us1"),
    credential: answered(z.enum(["auth_token", "api_key"]), "By what this service uses it.", "auth_token"),
    signed_by: answered(
      z.enum(["auth_token", "shared_key"]),
      "With what Twilio signs its webhooks; an API key signs none.",
      "auth_token",
    ),
    status: answered(
      z.enum(["connected", "connecting", "failed"]),
      "`connecting`: no request that its SharedKey signed has come yet; see `to_do`. `failed`: Twilio refuses its credentials. Send new ones with `POST /v1/twilio-accounts`.",
      "connected",
    ),
    to_do: answered(
      requests,
      "While it is `connecting`: the requests that make Twilio sign with a SharedKey, in this order; none while this service makes them itself.",
      [],
    ),
    not_made: answered(
      z.nullable(
        z.object({
          reason: answered(z.string(), "Why, in a word.", "missing_permission"),
          twilio_code: answered(z.optional(z.int()), "Twilio's error code, if it sent one.", 70051),
          permission: answered(
            z.optional(z.string()),
            "The permission that the API key lacks, if Twilio names it.",
          ),
        }),
      ),
      "Why this service could not make them itself. Null: it was not refused.",
      null,
    ),
    health: answered(
      z.enum(["ok", ...ACCOUNT_REASONS]),
      "What is known of it: `ok`, or what is most seriously wrong. An account without numbers is not checked.",
      "ok",
    ),
    friendly_name: answered(
      z.nullable(z.string()),
      "Its name at Twilio, when it was connected.",
      "Reception Ltd",
    ),
    numbers: answered(z.int(), "How many numbers are imported from it, those under way too.", 3),
    created_at: time("When it came here"),
  })
  .check(z.meta({ id: "TwilioAccount", description: "A Twilio account that is known here." }));

export const accountExample = exampleOf(account, { numbers: 0 });

export const accountAnswer = (description: string, status?: 201) =>
  answer(description, z.object({ twilio_account: account }), { twilio_account: accountExample }, status);

const capability = z.nullable(z.boolean());
const available = z
  .object({
    phone_number: phoneNumber,
    friendly_name: answered(z.string(), "Its name at Twilio.", "Front desk"),
    twilio_sid: answered(
      z.string(),
      "The account that has it: a subaccount's SID, if it is one.",
      ACCOUNT_SID,
    ),
    twilio_number_sid: numberSid,
    capabilities: answered(
      z.object({ voice: capability, sms: capability }),
      "What it can, as Twilio says; null if Twilio does not say.",
    ),
    answered_by: answered(z.object({ voice: answeredBy, sms: answeredBy }), "Who answers it today."),
    imported: answered(z.boolean(), "Whether the calling API key has imported it."),
  })
  .check(z.meta({ id: "AvailableNumber", description: "A number of a Twilio account." }));

const availableExample = exampleOf(available, {
  capabilities: { voice: true, sms: true },
  answered_by: {
    voice: { kind: "twilio_demo", host: "demo.twilio.com" },
    sms: { kind: "nobody" },
  },
  imported: false,
});

/** The query of {@link availablePage}. */
export const availablePlace = {
  limit: { description: "How many numbers to return, 100 at most." },
  after: { description: "`next` of the page before." },
};

export const availablePage = answer(
  "A page of numbers.",
  z.object({
    available_numbers: z.array(available),
    limit: answered(z.int(), "The limit that was applied."),
    next: answered(z.nullable(z.string()), "Where the next page begins: send it as `after`. Null: no more."),
  }),
  { available_numbers: [availableExample], limit: DEFAULT_LIMIT, next: null },
);

const connectFields = described(connectBody, {
  twilio_sid: { description: "The Account SID. Also spelled `twilioSid`.", examples: [ACCOUNT_SID] },
  twilio_token: { description: "Its Auth Token. Also spelled `twilioToken`.", examples: [TOKEN] },
  twilio_api_key_sid: {
    description: "An API key of the account, Standard or Restricted (us1 only), in place of the Auth Token.",
    examples: [`SK${"5d".repeat(16)}`],
  },
  twilio_api_key_secret: { description: "Its secret." },
  webhook_signing_key_id: {
    description:
      "The id of the SharedKey that signs this account's webhooks. May come later, with its secret alone.",
  },
  webhook_signing_key: { description: "The secret of the SharedKey." },
  region: {
    description: "The Twilio Region of the token. Left out, the one that takes it is found.",
    examples: ["us1"],
  },
});

/** The body that connects an account. */
export const connectRequest = {
  schema: connectFields,
  example: { twilio_sid: ACCOUNT_SID, twilio_token: TOKEN },
};

export const CREDENTIAL_ERRORS = TWILIO_ERRORS.filter((code) => code !== "number_not_in_twilio");

export const twilioAccountReference: Reference = {
  tag: {
    name: "Twilio accounts",
    description: "Connect a Twilio account once; then its numbers are imported without its Auth Token.",
  },
  operations: {
    "POST /v1/twilio-accounts": {
      id: "connectTwilioAccount",
      summary: "Connect a Twilio account",
      description:
        "Tries the credentials at Twilio, and keeps them sealed. From then on `POST /v1/phone-numbers` and " +
        "`POST /v1/phone-number-imports` need no `twilio_token` for it, and no `twilio_sid` if it is your only account.\n\n" +
        "Sent again, it replaces the Auth Token for all numbers of the account, as a PATCH of a number does: the answer is a 200. " +
        "A connected account stays until you delete it. One that only came with an import's token goes with its last number.\n\n" +
        "Where the deployment allows it (`ALLOW_API_KEYS`), an API key stands in place of the Auth Token. It signs no webhook, so a SharedKey of the " +
        "account does. Without one in the request, this service makes it, with a Setting and a Rule for its own address, where the key may: " +
        "the account is `connecting` for about a minute. Where it may not, `not_made` says why, and `to_do` has the requests; the SharedKey's id " +
        "and secret may then come in a second request. A new SharedKey counts at once, and the one before for a day more.",
      body: connectRequest,
      answers: [
        accountAnswer("It is connected.", 201),
        accountAnswer("It was connected already, and has these credentials now."),
      ],
      errors: [
        "missing_field",
        "invalid_twilio_sid",
        "api_keys_disabled",
        "account_not_found",
        ...CREDENTIAL_ERRORS,
      ],
    },
    "GET /v1/twilio-accounts": {
      id: "listTwilioAccounts",
      summary: "List Twilio accounts",
      tool: {
        name: "list_twilio_accounts",
        text: "The known Twilio accounts: numbers are imported from these.",
      },
      description:
        "The Twilio accounts that are known here, newest first: connected ones, and those of your numbers.",
      query: pageQuery,
      answers: [listAnswer("twilio_accounts", account, accountExample, { of: "accounts" })],
    },
    "GET /v1/twilio-accounts/{twilio_account_id}": {
      id: "getTwilioAccount",
      summary: "Get a Twilio account",
      description: "One of the Twilio accounts that are known here.",
      answers: [accountAnswer("The account.")],
    },
    "DELETE /v1/twilio-accounts/{twilio_account_id}": {
      id: "disconnectTwilioAccount",
      summary: "Disconnect a Twilio account",
      description:
        "Deletes the account's credentials here. While it has numbers, it is a 409 `account_in_use`. If a number that was " +
        "released is still being given back at Twilio, what that needs stays until it is done, for a week at most. The Rule, the Setting and " +
        "the SharedKey that this service made at Twilio are removed, which goes on for a minute or two after the answer.",
      answers: [
        answer(
          "It is gone.",
          z.object({
            twilio_account: z.object({
              twilio_account_id: accountId,
              twilio_sid: twilioSid,
              deleted,
              not_removed: answered(
                z.optional(z.array(z.enum(["rule", "setting", "shared_key"]))),
                "What this service made at Twilio and could not remove, because Twilio no longer takes the API key. `to_do` removes it.",
              ),
              to_do: z.optional(requests),
            }),
          }),
        ),
      ],
      errors: ["account_in_use"],
    },
    "GET /v1/twilio-accounts/{twilio_account_id}/available-numbers": {
      id: "listAvailableNumbers",
      summary: "List numbers to import",
      tool: {
        name: "list_available_numbers",
        text: "The numbers of a known Twilio account as they are at Twilio: who answers each today, and whether it is imported.",
        arguments: {
          twilio_account_id: "Or the SID (AC…).",
          after: "next of the page before.",
          include_subaccounts: "",
        },
      },
      description:
        "The numbers of the account as they are at Twilio now, and who answers each today. A page may have fewer numbers than " +
        "`limit`; only `next: null` is the end. With `include_subaccounts`, one account comes after the other.",
      query: described(availableQuery, {
        ...availablePlace,
        include_subaccounts: {
          description: "Whether numbers of active subaccounts are listed too.",
          examples: ["true"],
        },
      }),
      answers: [availablePage],
      errors: ["needs_auth_token", "not_consented", "read_only_secret", ...CREDENTIAL_ERRORS],
    },
  },
};
