import type { ErrorCode } from "../src/http/errors.ts";
import { MEANINGS } from "../src/twilio/meanings.ts";
import { CREDENTIAL_ADVICE } from "../src/twilio-accounts/diagnose.ts";

/** What the page of an error says in addition to the message in the answer. */
type ErrorHelp = {
  /** What happened, and what was changed. */
  happened: string;
  /** What to do. The first step comes first. */
  remedy: readonly string[];
  /** An example of `details`, if this error has any. */
  details?: Record<string, unknown>;
};

/** What to do about each `details.reason`. */
const reasons = Object.entries(CREDENTIAL_ADVICE).map(
  ([reason, advice]) => `If details.reason is ${reason}: ${advice}`,
);

/** The same for calls and texts; the reasons of `sms.failed` are among them. */
const meanings = [
  ...new Set(
    [...MEANINGS.values()]
      .filter(({ kind }) => kind !== "account")
      .map(({ reason, remedy }) => `If details.reason is ${reason}: ${remedy}`),
  ),
];

/** The pages of errors about numbers and about Twilio. */
const numberHelp = {
  invalid_twilio_sid: {
    happened: "twilio_sid does not have the form of an Account SID. Twilio was not asked.",
    remedy: [
      "Copy the Account SID from Twilio's Console: AC and 32 characters of 0-9 and a-f, in lower case.",
      "Do not send an API key (SK…; details.reason is then api_key_in_sid) or a number's SID (PN…).",
    ],
    details: { fields: ["twilio_sid"] },
  },
  twilio_invalid_credentials: {
    happened:
      "Twilio refused the Account SID and Auth Token, with another code than 20003. Nothing was changed. If the reason could be " +
      "found, details.reason names it.",
    remedy: [...reasons, "Look up details.twilio_code in Twilio's error dictionary."],
    details: { twilio_status: 403, twilio_code: 20005, reason: "suspended_account" },
  },
  twilio_auth_failed: {
    happened:
      "Twilio answered 20003 (Authenticate). This code has many causes. Nothing was changed. This service asked Twilio for the " +
      "account and tried the other Twilio Regions; details.reason is the cause that fits the answers.",
    remedy: [...reasons, "For a subaccount's number, send the subaccount's own SID and Auth Token."],
    details: { twilio_status: 401, twilio_code: 20003, reason: "wrong_token" },
  },
  invalid_signature: {
    happened:
      "A webhook request had no valid X-Twilio-Signature for its URL and body. So it is not certain that it comes from Twilio.",
    remedy: [
      "If Twilio did not send the request, you need not do anything.",
      "If real calls are refused, the Auth Token may have been rotated. Send the present one with PATCH /v1/phone-numbers/{number}.",
      "If details.reason is signed_by_other_key, a Webhook Rule of the Twilio account signs with a SharedKey that is unknown here. Delete the Rule, or add one for this service that signs with the Auth Token.",
      "If all calls are refused, PUBLIC_BASE_URL of the deployment is not the address that Twilio calls. Correct it.",
    ],
  },
  https_required: {
    happened:
      "The request was sent over http, so whoever was in between could read it. Nothing was read or changed here.",
    remedy: [
      "Send the request to the same address with https.",
      "If it held an API key, rotate that key: it may have been seen.",
    ],
  },
  account_mismatch: {
    happened:
      "Twilio signed a webhook request, but the request names another account than the one that the number was imported from.",
    remedy: [
      "If the number has moved to another Twilio account, release it here. Then import it again with that account's SID and Auth Token.",
    ],
  },
  number_not_in_twilio: {
    happened: "Twilio accepted the credentials, but the number is not in that account. Nothing was changed.",
    remedy: [
      "Check the number, first of all its country code.",
      "For a subaccount's number, send the subaccount's own SID and Auth Token.",
      "You cannot import a number that is only verified as a caller ID, or that is still being ported.",
    ],
  },
  channel_not_supported: {
    happened:
      "channels asks for calls or texts, and Twilio says that the number cannot do that. Nothing was changed.",
    remedy: [
      "Ask only for what details.channels lists.",
      "Or leave channels out of the import: it then takes all that the number can.",
      "A number that is new or ported may get texts later at Twilio. Add them then with PATCH.",
    ],
    details: { channels: ["voice"] },
  },
  account_not_found: {
    happened:
      "This API key has no Twilio account with this id or SID; or the SID is connected in several Regions, and details.twilio_account_ids names them.",
    remedy: [
      "GET /v1/twilio-accounts lists the accounts of your API key. Use a twilio_account_id of it.",
      "Or connect the account with POST /v1/twilio-accounts.",
    ],
    details: { twilio_account_ids: [] },
  },
  account_in_use: {
    happened:
      "The Twilio account has numbers here, whose calls need its credentials. It was not deleted. details.numbers says how many it has.",
    remedy: [
      "List them with GET /v1/phone-numbers?twilio_sid=…, and release each with DELETE /v1/phone-numbers/{number}.",
      "An import or release that is under way counts too: wait a minute.",
    ],
    details: { numbers: 3 },
  },
  api_keys_disabled: {
    happened:
      'The request has an API key of Twilio or a signing key, and the deployment\'s variable ALLOW_API_KEYS is not "true". Nothing was asked or stored.',
    remedy: ["Send the account's twilio_token.", "Or ask the operator to set ALLOW_API_KEYS."],
  },
  account_uses_api_key: {
    happened:
      "The account is connected by an API key. An Auth Token that comes another way is not stored, so that the account does not fall back to it unnoticed.",
    remedy: [
      "Leave twilio_token out: the account is known.",
      "To go back to the Auth Token, send it to POST /v1/twilio-accounts.",
    ],
  },
  signing_key_missing: {
    happened:
      "An API key signs no webhook. Until a SharedKey of the account is known here, each call would be refused, so the number was not imported.",
    remedy: [
      "GET /v1/twilio-accounts/{twilio_account_id} has to_do: the requests to Twilio that make the SharedKey, its Setting and its Rule.",
      "Send the key's id and secret to POST /v1/twilio-accounts, then import again.",
    ],
  },
  account_connecting: {
    happened:
      "The account is connected by an API key, and this service has just made a SharedKey, a Setting and a Rule at Twilio. Until the Rule is in force, or while something of it is changed, each call would be signed by what cannot be verified here.",
    remedy: [
      "Wait until GET /v1/twilio-accounts/{twilio_account_id} says status connected, about a minute, and import again.",
    ],
  },
  needs_auth_token: {
    happened:
      "The request is about subaccounts, and the account is connected by an API key. Twilio gives a subaccount's Auth Token only to its parent's Auth Token.",
    remedy: ["Connect the subaccount by itself.", "Or connect the parent by its Auth Token."],
  },
  phone_number_import_not_found: {
    happened:
      "This API key has no bulk import with this id. A bulk import is forgotten 30 days after its end.",
    remedy: [
      "Use the import_id that POST /v1/phone-number-imports gave you, with the same API key.",
      "GET /v1/phone-number-imports lists the bulk imports of your API key.",
    ],
  },
  phone_number_import_running: {
    happened: "The bulk import is still running, and only one that has ended can be retried.",
    remedy: [
      "Wait until its status is completed or cancelled.",
      "If you do not want to wait, cancel it first.",
    ],
  },
  number_not_found: {
    happened:
      "This API key has not imported this number. If an import is still running, the number is not found yet.",
    remedy: [
      "Write the number in E.164 format. The plus sign may be + or %2B.",
      "GET /v1/phone-numbers lists the numbers of this key.",
    ],
  },
  number_already_imported: {
    happened:
      "The number already has an agent. The answer does not say whose agent it is. If your own import of the number is still running, " +
      "you get this answer too, with details.state and details.retry_after.",
    remedy: [
      "If you imported the number before, you need not do anything. If this import (not a dry run) had a newer Auth Token, that token is now stored.",
      "If there is details.retry_after, send the import again after so many seconds.",
      "If the number is yours but another key has it, that key must release it first, with DELETE /v1/phone-numbers/{number}.",
    ],
    details: { state: "importing", retry_after: 42 },
  },
  number_in_other_region: {
    happened:
      "One Twilio Region accepted the credentials, but another one handles the calls to this number. Each Region has its own " +
      "settings for a number, so the import would succeed, but no call would ever arrive. Nothing was changed.",
    remedy: [
      "Send the account's Auth Token of the Region in details.number_region. The Twilio Console shows it if you select that Region.",
      "Or route the number to details.credentials_region at Twilio, wait five minutes, and import it again.",
    ],
    details: { number_region: "ie1", credentials_region: "us1" },
  },
  plan_changed: {
    happened:
      "After the dry run somebody changed the number at Twilio, or the deployment would now set other webhooks. Nothing was changed.",
    remedy: [
      "Ask for a new plan with ?dry_run=true, read it, and import with its plan_hash.",
      "Or send no plan_hash to import the number as it is.",
    ],
  },
  release_in_progress: {
    happened:
      "Another request is releasing this number or changing its channels, or this service is repairing it after somebody changed it at Twilio.",
    remedy: [
      "Wait for the seconds in Retry-After, then GET the number. If that is number_not_found, the release is complete.",
      "If not, send the same DELETE again. It completes an unfinished release.",
    ],
    details: { retry_after: 30 },
  },
  twilio_unavailable: {
    happened:
      "Twilio could not be reached in time, or its answer could not be used. The number was not changed, unless details.outcome is " +
      '"unknown".',
    remedy: [
      "Send the request again.",
      'If details.outcome is "unknown", the number may already point to this service. Send the import again to finish it.',
      "If it fails again, see status.twilio.com.",
    ],
    details: { twilio_status: 503 },
  },
  twilio_update_rejected: {
    happened: "Twilio refused the new webhooks. The number was not changed.",
    remedy: [
      "Do what the message says. details.reason has it in a word.",
      "If there is no details.reason, look up details.twilio_code in Twilio's error dictionary.",
    ],
    details: { twilio_status: 400, twilio_code: 21402 },
  },
  twilio_webhooks_not_applied: {
    happened:
      "Twilio answered that it made the change, but the number still has other values. This service has restored what it had changed.",
    remedy: [
      "Send the request again.",
      "Look for another system that changes this number at the same time. details.fields names the fields with other values.",
    ],
    details: { fields: ["voice_url"] },
  },
  twilio_rate_limited: {
    happened: "Twilio limits the requests of this account. The number was not changed.",
    remedy: [
      "Wait for the seconds in Retry-After, then send the request again.",
      "Import numbers one after the other.",
    ],
    details: { twilio_status: 429, twilio_code: 20429, retry_after: 5 },
  },
} as const satisfies Partial<Record<ErrorCode, ErrorHelp>>;

/** The pages of errors about calls and texts that an agent sends. */
const outboundHelp = {
  from_number_not_found: {
    happened:
      "from_number is in E.164 format, but it is not a number of this agent. Twilio was not asked, and nothing was sent.",
    remedy: [
      "List the agent's numbers with GET /v1/phone-numbers?agent_id=… and send one of them.",
      "Or leave from_number out: the agent's first number that may call is used.",
    ],
  },
  agent_missing_phone_number: {
    happened: "The agent exists, but no phone number leads to it. Nothing was sent.",
    remedy: [
      "Import a number for this agent, or move one to it with PATCH /v1/phone-numbers/{number}.",
      "A number whose import is still running does not count yet.",
    ],
  },
  outbound_disabled: {
    happened:
      "The number's outbound_enabled is false, or the agent's is_active is. Twilio was not asked, and nothing was sent.",
    remedy: [
      'Send PATCH /v1/phone-numbers/{number} with {"outbound_enabled": true}.',
      "Or set is_active of the agent to true, if the message says so.",
    ],
  },
  message_too_long: {
    happened:
      "message has more than 1,600 characters, which is the most that Twilio takes. Nothing was sent.",
    remedy: ["Make it shorter, or send it as several texts."],
    details: { fields: ["message"] },
  },
  recipient_unsubscribed: {
    happened:
      "Twilio answered 21610: this recipient has sent STOP to this number, or to its Messaging Service. Nothing was sent.",
    remedy: [
      "Do not text this recipient. Only they can change it, by sending START to your number.",
      "Remove the recipient from your list: carriers count such texts against you.",
    ],
    details: { twilio_code: 21610, reason: "recipient_unsubscribed" },
  },
  sms_not_supported: {
    happened:
      "Twilio answered 21606 (the number cannot text) or 21612 (there is no route from this number to this recipient). Nothing was sent.",
    remedy: [
      "Look in Twilio's Console whether the number can send SMS. A landline number often cannot.",
      "Send from another number of the agent, best from the recipient's country.",
    ],
    details: { twilio_code: 21606, reason: "number_cannot_text" },
  },
  call_not_found: {
    happened: "No call of this API key has this id, or it is more than 30 days old, or it was deleted.",
    remedy: [
      "List your calls with GET /v1/calls. A call appears as soon as Twilio tells of it.",
      "Use the API key whose number took part in the call.",
    ],
  },
  call_in_progress: {
    happened: "The call has not ended yet, so there is more to come. Nothing was deleted.",
    remedy: ["End it with POST /v1/calls/{call_id}/hangup, or wait for call.completed, and delete it then."],
  },
  call_account_gone: {
    happened:
      "The last number of the call's Twilio account was released, and its Auth Token was deleted with it. Twilio cannot be asked.",
    remedy: [
      "Import a number of that account again; details.twilio_sid names it.",
      "Or use Twilio's Console, which has the call and its recording.",
    ],
    details: { twilio_sid: `AC${"0".repeat(32)}` },
  },
  recording_not_found: {
    happened: "The agent does not record, the recording is not ready yet, or it was deleted at Twilio.",
    remedy: [
      "Set record of the agent to true; later calls are recorded.",
      "recording.completed tells when a recording is ready.",
    ],
  },
  limit_reached: {
    happened:
      "The API key has used as much as it may. details.name says of what, details.limit how much that is, and details.used " +
      "how much was used. This request changed nothing, called nobody and asked no model.",
    remedy: [
      "If the status is 429, it is a limit of a day: try again after details.resets_at, which is midnight UTC.",
      "If the status is 403, delete agents, connect links or secrets, or release numbers, that you no longer need.",
      "GET /v1/usage shows every limit. The operator changes one with PATCH /v1/keys/{key_id}.",
    ],
    details: {
      name: "calls_per_day",
      limit: 500,
      used: 500,
      resets_at: "2026-02-01T00:00:00.000Z",
      retry_after: 3600,
    },
  },
  country_not_allowed: {
    happened:
      "The number is in a country where the API key may not call or text. Nobody was called. A premium, shared-cost or " +
      "satellite number is in no country, and details.country is null.",
    remedy: [
      "Check the number.",
      "A key may reach the countries of its own numbers. For others, ask the operator for allowed_countries.",
    ],
    details: { country: "LV" },
  },
  concurrent_call_limit: {
    happened:
      "The API key has as many outbound calls at once as it may. details.limit has the number. The call was not placed.",
    remedy: [
      "Wait until a call ends; the event call.completed or call.failed tells it. Then send the same request again.",
      "Ask the operator for a key with a higher concurrent_call_limit.",
    ],
    details: { limit: 10, retry_after: 5 },
  },
  outbound_refused: {
    happened:
      "Twilio refused the call or text, and would refuse it again. details.twilio_code and details.reason say why.",
    remedy: [
      ...meanings,
      "If there is no details.reason, look details.twilio_code up in Twilio's error dictionary.",
    ],
    details: { twilio_status: 400, twilio_code: 21215, reason: "country_not_enabled" },
  },
  outbound_failed: {
    happened:
      "Twilio cannot take the call or text now, and details.twilio_code says why. Or Twilio did not answer, and details.outcome " +
      "says what is known: unknown means that it may have been carried out, not_sent means that it has not.",
    remedy: [
      "If there is no details.outcome, nothing was sent. Send the request again after Retry-After seconds.",
      "After outcome unknown, send the same request with the same Idempotency-Key. It is not sent twice: you get its SID, or learn that Twilio has nothing of it.",
      "Without an Idempotency-Key, look at your events or in Twilio's Console before you try again.",
    ],
    details: { twilio_status: 403, twilio_code: 10004, reason: "too_many_calls", retry_after: 5 },
  },
} as const satisfies Record<string, ErrorHelp>;

const NEW_LINK = "Ask whoever sent you the link for a new one: POST /v1/connect-links makes it.";

/** The pages of errors about connect links. */
const linkHelp = {
  connect_links_disabled: {
    happened: "This deployment makes no connect links, so its page /connect does nothing.",
    remedy: [
      "Ask the operator to set CONNECT_LINKS to true. It has no effect if OPEN_SIGNUP is true: anyone could then ask for credentials.",
    ],
  },
  invalid_connect_link: {
    happened: "The token behind the # of the link's URL is not known here.",
    remedy: ["Open the link again, and copy it completely.", NEW_LINK],
  },
  connect_link_not_found: {
    happened:
      "This API key has no connect link with this id. Links are kept until 90 days after they expired.",
    remedy: ["Check the connect_link_id; GET /v1/connect-links lists yours."],
  },
  connect_link_expired: {
    happened: "The link's time is over. What it has brought stays.",
    remedy: [NEW_LINK],
  },
  connect_link_used: {
    happened: "The link has brought as many numbers as it may.",
    remedy: ["Nothing is left to do for these numbers.", `For another number: ${NEW_LINK}`],
  },
  connect_link_locked: {
    happened:
      "Twilio refused the credentials that were entered by this link ten times, so it takes no more. The API key's owner gets connect_link.locked.",
    remedy: [
      "Copy the Account SID and the Auth Token from Twilio's Console, from the front page of the account that owns the number.",
      NEW_LINK,
    ],
  },
  connect_link_busy: {
    happened:
      "Another request by the same link tries credentials or imports a number now. Nothing was changed.",
    remedy: [
      "Send the request again after Retry-After seconds. If the other one has died, that is a minute.",
    ],
    details: { retry_after: 5 },
  },
  not_consented: {
    happened:
      "The Twilio account was connected by its owner, on the page of a connect link. The owner picked other numbers than this one, or " +
      "other channels. Nothing was changed.",
    remedy: [
      "Send the owner another link (POST /v1/connect-links) for this number.",
      "Or connect the account with its Auth Token, if the owner gives it to you.",
      "A bulk import of such an account names its numbers: neither all nor include_subaccounts.",
    ],
  },
} as const satisfies Record<string, ErrorHelp>;

const API_KEY_HEADER = "Authorization: Bearer KEY_ID:KEY_SECRET";

export const errorHelp: Record<ErrorCode, ErrorHelp> = {
  ...numberHelp,
  ...outboundHelp,
  ...linkHelp,

  invalid_json: {
    happened: "The body is not JSON in UTF-8, or it is JSON but not an object.",
    remedy: [
      "Send one object: {…}. Do not send a list, a text or an empty body.",
      "Let a JSON encoder write the body. A common mistake in a shell is a single quote inside a single-quoted body.",
    ],
  },
  missing_field: {
    happened:
      "A field that this endpoint requires is absent, null, empty or blank. details.fields names all these fields.",
    remedy: [
      "Send every field that details.fields names.",
      "To leave out twilio_token, connect the Twilio account once with POST /v1/twilio-accounts.",
      "Check that the variables in your request are not empty.",
    ],
    details: { fields: ["twilio_token", "agent_id"] },
  },
  unknown_parameter: {
    happened:
      "This endpoint does not know a parameter in the query, or it has no dry run and the body asks for one. Nothing was " +
      "changed: if dry_run is misspelt, the request must not really act.",
    remedy: [
      "If details.did_you_mean has another spelling, send that one.",
      "If not, remove the parameter. The reference lists the parameters of each endpoint.",
    ],
    details: { parameters: ["dry-run"], did_you_mean: { "dry-run": "dry_run" } },
  },
  invalid_parameter: {
    happened:
      "A query parameter has a wrong value, or dry_run is neither true nor false, or the query and the body say different " +
      "things about it. Nothing was changed.",
    remedy: [
      "details.problems says what is wrong with each parameter, and what would be right.",
      "For a plan, send dry_run=true. To really change something, do not send dry_run.",
    ],
    details: {
      parameters: ["direction"],
      fields: ["direction"],
      problems: [{ field: "direction", problem: "not_allowed", allowed: ["inbound", "outbound"] }],
    },
  },
  invalid_field: {
    happened:
      "A field has a value that it may not have. details.fields names all these fields, and details.problems says what is " +
      "wrong with each.",
    remedy: [
      "problem is wrong_type, not_allowed (allowed has the values), out_of_range (min, max), too_long (max_length) or malformed.",
      "The reference has the types and limits of all fields.",
    ],
    details: { fields: ["name"], problems: [{ field: "name", problem: "too_long", max_length: 100 }] },
  },
  invalid_phone_format: {
    happened: "The phone number is not in E.164 format. Twilio was not asked.",
    remedy: [
      "Send a plus sign, the country code and the number, without a leading zero, spaces, brackets or dashes: +447446466847.",
      "Or copy the number from Twilio's Console: Phone Numbers, Active numbers shows your numbers in this format.",
    ],
    details: { fields: ["phone_number"] },
  },
  invalid_url: {
    happened:
      "A field does not hold a URL that this service accepts. The URL must begin with https (wss if it connects a call), must have " +
      "a public host name, and must not have a user name or password. It must not be an address of this deployment.",
    remedy: [
      "Use https or wss, and a host name that is reachable from the internet.",
      "If the URL needs a secret, put it into the path or the query, not before the host.",
    ],
    details: { fields: ["webhook_url"] },
  },
  prompt_too_long: {
    happened: "system_prompt has more than 16,000 characters. Nothing was stored.",
    remedy: ["Make it shorter, or let the agent's runtime fetch the long part."],
    details: { fields: ["system_prompt"] },
  },
  metadata_too_large: {
    happened:
      "metadata has more than 50 names, a name of more than 40 characters, a text of more than 500, or more than 4,096 bytes as JSON. A change counts with what it keeps. Nothing was stored.",
    remedy: [
      "Remove what you do not need: null removes a name.",
      "Keep the rest on your side, by external_id.",
    ],
    details: { fields: ["metadata"] },
  },
  custom_prompt_too_long: {
    happened: "custom_prompt has more than 8,000 characters. Nothing was stored.",
    remedy: ["Make it shorter, or move what all numbers share to the agent's system_prompt."],
    details: { fields: ["custom_prompt"] },
  },
  sms_prompt_too_long: {
    happened: "sms_prompt has more than 20,000 characters. Nothing was stored.",
    remedy: ["Make it shorter, or move what all numbers share to the agent's system_prompt."],
    details: { fields: ["sms_prompt"] },
  },
  unsupported_media_type: {
    happened: "The headers do not say that the body is JSON, or they say that it is compressed.",
    remedy: ["Add the header Content-Type: application/json.", "Remove the header Content-Encoding."],
  },
  payload_too_large: {
    happened:
      "The body is larger than 64 KiB, or than 2 MiB if it is a bulk import. No request of this API needs so much.",
    remedy: [
      "Send only the documented fields.",
      "Split a bulk import: details.items_that_fit is how many of its items fit.",
    ],
  },
  answer_too_large: {
    happened: "A tool of /mcp had an answer of more than 1 MB. What the tool did is done.",
    remedy: ["Ask for fewer entries with `limit` and `offset`.", "Or ask for one entry by its id."],
  },
  invalid_idempotency_key: {
    happened:
      "The header Idempotency-Key is empty, longer than 255 characters, or has other characters than printable ASCII.",
    remedy: [
      "Send a UUID, or another text that you use for this one task only.",
      "Or send no Idempotency-Key.",
    ],
  },
  idempotency_key_reused: {
    happened:
      "Another request used this Idempotency-Key within the last day. Its method, address or body was different. This request " +
      "changed nothing.",
    remedy: [
      "Use a new key for each new task. Use the old key only to send exactly the same request again.",
      "Send the same bytes. If your JSON encoder changes the order of the fields, it is another request.",
    ],
  },
  idempotency_in_progress: {
    happened: "The first request with this Idempotency-Key is still running.",
    remedy: [
      "Wait for the seconds in Retry-After, then send the same request with the same key. You get the answer of the first request.",
      "If the first request has died, you can use the key again after two minutes.",
    ],
    details: { retry_after: 2 },
  },
  rate_limit_exceeded: {
    happened:
      "An API key may send 600 reads, 120 writes and 6,000 calls and texts a minute. With open signup, one IP address may create ten API keys an hour. Twilio may send 3,000 webhooks about one number a minute. This request was " +
      "over the limit and changed nothing.",
    remedy: [
      "Wait for the seconds in Retry-After, then send the same request again. You can use the same Idempotency-Key.",
      "Send fewer requests: one list request returns up to 100 entries.",
    ],
    details: { retry_after: 60 },
  },

  key_secret_required: {
    happened: "The key in the Authorization header has no colon, or nothing after the colon.",
    remedy: [
      `Send both halves: ${API_KEY_HEADER}.`,
      "The secret begins with nxfs_. It was shown once, when the key was created.",
    ],
  },
  invalid_api_key: {
    happened:
      "The request has no Authorization header with the Bearer scheme, or the key does not exist, or its secret is wrong. For " +
      "safety, the answer does not say which.",
    remedy: [
      `Send ${API_KEY_HEADER}.`,
      "Check that the key belongs to this deployment. Keys of another deployment do not work here.",
      "If you have lost the secret, ask the operator for a new key. The secret cannot be shown again.",
    ],
  },
  invalid_admin_token: {
    happened: "This endpoint is for the operator of the deployment. The admin token is missing or wrong.",
    remedy: [
      "Send Authorization: Bearer ADMIN_TOKEN with the token that `npm run secrets` wrote.",
      "An API key is not an admin token. If you do not run this deployment, ask its operator for a key.",
    ],
  },

  origin_not_allowed: {
    happened:
      "The request to /mcp has an Origin header that is not this deployment's own address. Nothing was changed.",
    remedy: [
      "Let your MCP client run as a program, not as a page of another site.",
      "If the page is served by this deployment, open it at the deployment's PUBLIC_BASE_URL.",
    ],
  },
  agent_not_owned: {
    happened: "The agent exists but belongs to another API key. Nothing was changed.",
    remedy: ["Use an agent of this key, or use the key that created this agent."],
  },
  agent_not_found: {
    happened: "This API key has no agent with this id.",
    remedy: ["Check the id: agent_ and 16 characters.", "Or create an agent with POST /v1/agents."],
  },
  agent_in_use: {
    happened: "The agent still has numbers, so it was not deleted. details.count says how many.",
    remedy: [
      "List the numbers with GET /v1/phone-numbers?agent_id=… and move each to another agent with PATCH /v1/phone-numbers/{number}.",
      "Or release the numbers with DELETE /v1/phone-numbers/{number}.",
      "Or delete the agent with ?force=true: its numbers stay imported, and callers hear that nobody takes calls.",
    ],
    details: { count: 3 },
  },
  agent_has_no_webhook: {
    happened: "Neither the agent nor the API key has a webhook_url. Nothing was sent.",
    remedy: [
      "Set a webhook_url for the agent, or the key's own with PUT /v1/webhooks/url: https, with a public host name.",
    ],
  },
  agent_is_builtin: {
    happened: "The call was led by the built-in agent: its transcript is written here. Nothing was changed.",
    remedy: [
      "Read it with GET /v1/calls/{call_id}.",
      "Report an outcome only for calls of an agent with `connect`.",
    ],
  },
  outcome_closed: {
    happened: "A runtime may report until 24 hours after the end of a call. Nothing was changed.",
    remedy: ["Report when the call ends."],
  },
  agent_not_builtin: {
    happened:
      "The agent's connect hands its calls to a runtime, a telephone or TwiML of yours, so it cannot be tried here.",
    remedy: [
      "Call one of its numbers.",
      'Or set its connect to null or {"type": "builtin"}, so that it talks by itself.',
    ],
  },
  model_unavailable: {
    happened:
      "The language model gave no answer, twice. details.reason says why: not_configured, refused or unavailable.",
    remedy: [
      "Try again in a moment.",
      "If the reason is not_configured or refused, the operator of this deployment must configure its model.",
    ],
  },
  delivery_not_found: {
    happened:
      "This API key has no delivery with this id: deliveries are deleted after 30 days, the bodies of delivered events after 7.",
    remedy: ["Take the id from GET /v1/webhooks/deliveries, or from event_id in the body of an event."],
  },
  read_only_secret: {
    happened: "The request came with a secret of scope read, or a session of one, and is not a reading one.",
    remedy: [
      "Send it with a secret of scope full. GET /v1/session says which secret a request has.",
      "POST /v1/keys/secrets creates one; it needs a full secret without an external_id.",
    ],
  },
  secret_is_limited: {
    happened:
      "The request came with a secret, or a session of one, that sees only the numbers with one external_id. It may not see or " +
      "change accounts, keys, secrets, imports and agents, or a number's agent_id, external_id and credentials. A key's " +
      "first secret alone is rotated.",
    remedy: [
      "Send it with a secret that has no external_id. GET /v1/session says which secret a request has.",
      "If the message names fields, leave them out: everything else of your numbers can be changed.",
    ],
    details: { fields: ["agent_id"] },
  },
  secret_not_found: {
    happened: "The API key has no secret with this secret_id. It may have been deleted already.",
    remedy: ["GET /v1/keys/secrets lists all of them."],
  },
  secret_name_taken: {
    happened: "The API key has a secret with this name; names tell people who did what.",
    remedy: ["Choose another name.", "Or delete the other one first: DELETE /v1/keys/secrets/{secret_id}."],
  },
  last_secret: {
    happened:
      "Every other secret of the API key ends some day, only reads, or is limited to an external_id. Without this one nobody " +
      "could make another.",
    remedy: ["Create a full secret first, with POST /v1/keys/secrets, and delete this one with it."],
  },
  key_not_found: {
    happened: "This deployment has never had an API key with this id.",
    remedy: ["Send the first half of the key: nxf_ and 32 characters.", "GET /v1/keys lists all keys."],
  },
  not_found: {
    happened: "This service has nothing at this path.",
    remedy: ["Compare the path with the reference.", "Remove a slash at its end."],
  },
  method_not_allowed: {
    happened: "The path exists, but it does not accept this method.",
    remedy: ["Use a method that the Allow header lists."],
    details: { allow: ["POST"] },
  },

  storage_unavailable: {
    happened: "The database of this deployment did not answer.",
    remedy: [
      "Send the request again in a moment.",
      'If an import answered details.outcome: "unknown", send it again to finish it.',
    ],
    details: { retry_after: 2 },
  },
  service_misconfigured: {
    happened:
      "A variable, secret or binding of this deployment is missing or wrong. The API cannot answer until that is corrected.",
    remedy: [
      "If you run this deployment, read the line request_failed in its log. It names everything that is missing or wrong.",
      "If you do not, tell its operator.",
    ],
  },
  internal_error: {
    happened: "This service has a fault that nobody expected. The cause is in the deployment's log.",
    remedy: [
      "Send the request again.",
      "If it fails again, give the x-request-id of the response to support.",
    ],
  },
};
