import type { ErrorCode } from "../http/errors.ts";
import { CREDENTIAL_ADVICE } from "../twilio-accounts/diagnose.ts";
import type { ErrorHelp } from "./help.ts";

/** What to do about each `details.reason`. */
const reasons = Object.entries(CREDENTIAL_ADVICE).map(
  ([reason, advice]) => `If details.reason is ${reason}: ${advice}`,
);

/** The pages of errors about numbers and about Twilio. */
export const numberHelp = {
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
      "If all calls are refused, PUBLIC_BASE_URL of the deployment is not the address that Twilio calls. Correct it.",
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
      "Another request is releasing this number, or this service is repairing it after somebody changed it at Twilio.",
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
      "Look up details.twilio_code in Twilio's error dictionary. It says what Twilio refused.",
      "Check whether this number needs a regulatory bundle or an address at Twilio.",
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
