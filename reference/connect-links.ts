import * as z from "zod/mini";
import { createLinkBody, linkNumberBody, linkNumbersQuery } from "../src/connect-links/schema.ts";
import { CHANNELS } from "../src/phone-numbers/channels.ts";
import { ACCOUNT_SID, AGENT_ID, LINK_ID, NUMBER } from "./examples.ts";
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
import { phoneNumber, TWILIO_ERRORS } from "./phone-number-answers.ts";
import { channelsField } from "./phone-number-import.ts";
import { ownDescriptions } from "./phone-number-own.ts";
import { dryRunField, dryRunQuery } from "./phone-number-plans.ts";
import { importPlan, planExample } from "./phone-number-preview.ts";
import {
  account,
  accountAnswer,
  accountExample,
  availablePage,
  availablePlace,
  CREDENTIAL_ERRORS,
  connectRequest,
} from "./twilio-accounts.ts";

const LINK_URL = `https://numbers.example.com/connect#nxfl_${"4f1c9a7e".repeat(8)}`;
const REDIRECT_URL = "https://reseller.example/numbers";

const linkId = answered(z.string(), "Its id.", LINK_ID);
const status = answered(
  z.enum(["open", "completed", "expired", "locked"]),
  "`completed`: it has brought as many numbers as it may. With fewer it is `open`, and more may come, until it is `expired`: " +
    "`phone_numbers` has what came. `locked`: Twilio refused credentials ten times.",
  "open",
);
const channels = answered(
  z.nullable(z.array(z.enum(CHANNELS))),
  "What the imports take over; null: all that a number can.",
);
const brandName = answered(z.nullable(z.string()), "The name that the page shows.", "Acme");
const redirectUrl = answered(
  z.nullable(z.string()),
  "Where the customer goes in the end; null: nowhere.",
  REDIRECT_URL,
);
const twilioSid = answered(
  z.nullable(z.string()),
  "The account that was connected; null: none, or it is gone.",
  ACCOUNT_SID,
);
const phoneNumbers = answered(
  z.array(
    z.object({
      phone_number: phoneNumber,
      imported: answered(z.boolean(), "Whether it is here now; false: it was released."),
      first_inbound_at: answered(
        z.nullable(z.string()),
        "When its first call or text came in; null: not yet.",
      ),
    }),
  ),
  "The numbers that it has brought.",
);

const link = z
  .object({
    connect_link_id: linkId,
    status,
    agent_id: answered(z.string(), "Who answers the numbers.", AGENT_ID),
    channels,
    external_id: answered(z.nullable(z.string()), "What the numbers get.", "dentist-17"),
    label: answered(z.nullable(z.string()), "What the numbers get.", "Acme Dental"),
    metadata: answered(z.nullable(z.record(z.string(), z.string())), "What the numbers get."),
    brand_name: brandName,
    max_numbers: answered(z.int(), "How many numbers it may bring.", 1),
    redirect_url: redirectUrl,
    twilio_sid: twilioSid,
    phone_numbers: phoneNumbers,
    refused_credentials: answered(z.int(), "How often Twilio has refused what the customer entered.", 0),
    expires_at: time("When it expires"),
    created_at: time("When it was made"),
  })
  .check(z.meta({ id: "ConnectLink", description: "A connect link, as its API key sees it." }));

const example = exampleOf(link, {
  status: "completed",
  phone_numbers: [{ phone_number: NUMBER, imported: true, first_inbound_at: null }],
});

const customerLink = z
  .object({
    connect_link_id: linkId,
    status,
    key_name: answered(z.string(), "Who asks: the name that the operator gave the API key.", "Reseller Ltd"),
    brand_name: brandName,
    agent_name: answered(
      z.nullable(z.string()),
      "Who answers the numbers; null: it was deleted.",
      "Receptionist",
    ),
    channels,
    numbers_left: answered(z.int(), "How many more numbers may be connected.", 1),
    redirect_url: redirectUrl,
    credentials: answered(
      z.array(z.enum(["api_key", "auth_token"])),
      "By which credentials the account may be connected.",
    ),
    twilio_account: answered(
      z.nullable(account),
      "The account that was connected; null: none, or it is gone.",
    ),
    phone_numbers: phoneNumbers,
    expires_at: time("When it expires"),
  })
  .check(z.meta({ id: "CustomerConnectLink", description: "A connect link, as its customer sees it." }));

const customerExample = exampleOf(customerLink, {
  credentials: ["auth_token"],
  twilio_account: accountExample,
});

const { external_id, label, metadata } = ownDescriptions;

const CLOSED = ["connect_link_expired", "connect_link_used", "connect_link_locked"] as const;

export const connectLinkReference: Reference = {
  tag: {
    name: "Connect links",
    description:
      "Your customers connect their own Twilio accounts on a page of this deployment, and you never see their credentials. " +
      "Only where the operator has set `CONNECT_LINKS`.",
  },
  operations: {
    "POST /v1/connect-links": {
      id: "createConnectLink",
      summary: "Make a connect link",
      description:
        "Makes a URL for one customer of yours. On its page the customer enters Twilio credentials, picks numbers, sees who answers " +
        "them today and what changes, and confirms. The numbers come to your agent; the credentials are used for these numbers only, and " +
        "for the `channels` that it names. The `url` is answered once. A key has 10,000 links at most, ended ones too.",
      isUnkept: true,
      body: {
        schema: described(createLinkBody, {
          agent_id: { description: "Who answers the numbers. Also spelled `agentId`.", examples: [AGENT_ID] },
          channels: channelsField,
          external_id,
          label,
          metadata,
          brand_name: {
            description:
              "Your name, which the page shows: 60 characters, no URL. The key's name stands beside it.",
            examples: ["Acme"],
          },
          max_numbers: { description: "How many numbers it may bring." },
          expires_in_seconds: { description: "How long it works." },
          redirect_url: {
            description:
              "Where the customer goes in the end, https. It gets `connect_link_id` and `status` as query parameters.",
            examples: [REDIRECT_URL],
          },
        }),
        example: { agent_id: AGENT_ID, brand_name: "Acme", redirect_url: REDIRECT_URL },
      },
      answers: [
        answer(
          "Send the customer to the `url`. It is not shown again.",
          z.object({
            connect_link_id: linkId,
            url: answered(z.string(), "The page. A browser does not send what is behind the `#`.", LINK_URL),
            expires_at: time("When it expires"),
          }),
          {},
          201,
        ),
      ],
      errors: [
        "connect_links_disabled",
        "limit_reached/403",
        "missing_field",
        "metadata_too_large",
        "invalid_url",
        "agent_not_found",
      ],
    },
    "GET /v1/connect-links": {
      id: "listConnectLinks",
      summary: "List connect links",
      description: "Your links, newest first, until 90 days after they expired.",
      query: pageQuery,
      answers: [listAnswer("connect_links", link, example, { of: "links" })],
      errors: ["connect_links_disabled"],
    },
    "GET /v1/connect-links/{connect_link_id}": {
      id: "getConnectLink",
      summary: "Get a connect link",
      description: "What became of a link.",
      answers: [answer("The link.", link, example)],
      errors: ["connect_links_disabled"],
    },
    "DELETE /v1/connect-links/{connect_link_id}": {
      id: "deleteConnectLink",
      summary: "Delete a connect link",
      description: "It stops working at once. The numbers that it has brought stay.",
      answers: [answer("It is gone.", z.object({ connect_link_id: linkId, deleted }))],
      errors: ["connect_links_disabled"],
    },
    "GET /v1/connect": {
      id: "seeConnectLink",
      summary: "See a link as its customer",
      description:
        "What the page `/connect` shows. This and the next three are opened by the token of the link's URL only.",
      auth: "connectLink",
      answers: [answer("The link.", customerLink, customerExample)],
      errors: CLOSED,
    },
    "POST /v1/connect/twilio-account": {
      id: "connectByLink",
      summary: "Connect an account by a link",
      description:
        "Tries the credentials at Twilio, and keeps them sealed. Ten refusals lock the link. Only this browser, by its cookie, then sees and uses the account.",
      auth: "connectLink",
      body: connectRequest,
      answers: [accountAnswer("It is connected.")],
      errors: [
        "missing_field",
        "invalid_twilio_sid",
        "api_keys_disabled",
        "account_not_found",
        "connect_link_busy",
        ...CLOSED,
        ...CREDENTIAL_ERRORS,
      ],
    },
    "GET /v1/connect/available-numbers": {
      id: "listNumbersByLink",
      summary: "List the numbers of a link's account",
      description:
        "As `GET /v1/twilio-accounts/{twilio_account_id}/available-numbers`, of all numbers of the account.",
      auth: "connectLink",
      query: described(linkNumbersQuery, availablePlace),
      answers: [availablePage],
      errors: ["account_not_found", ...CLOSED, ...CREDENTIAL_ERRORS],
    },
    "POST /v1/connect/phone-numbers": {
      id: "importByLink",
      summary: "Import a number by a link",
      description:
        "What `POST /v1/phone-numbers` does, for one number of the connected account. With `?dry_run=true` it is the plan. " +
        "A number that the link has brought already stays as it is.",
      auth: "connectLink",
      query: dryRunQuery,
      body: {
        schema: described(linkNumberBody, {
          phone_number: { description: "The number in E.164.", examples: [NUMBER] },
          plan_hash: {
            description: "The `plan_hash` of the plan: import only if the number has not changed since.",
          },
          dry_run: dryRunField,
        }),
        example: { phone_number: NUMBER },
      },
      answers: [
        answer(
          "It is imported: the link after that.",
          customerLink,
          { ...customerExample, status: "completed", numbers_left: 0, phone_numbers: example.phone_numbers },
          201,
        ),
        answer("The plan.", importPlan, planExample),
      ],
      errors: [
        "missing_field",
        "invalid_phone_format",
        "account_not_found",
        "connect_link_busy",
        ...CLOSED,
        ...TWILIO_ERRORS,
        "channel_not_supported",
        "number_in_other_region",
        "number_already_imported",
        "limit_reached/403",
        "plan_changed",
        "agent_not_found",
        "signing_key_missing",
        "twilio_update_rejected",
        "twilio_webhooks_not_applied",
      ],
    },
  },
};
