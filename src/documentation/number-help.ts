import type { ErrorCode } from "../http/errors.ts";
import { CREDENTIAL_ADVICE } from "../twilio-accounts/diagnose.ts";
import type { ErrorHelp } from "./help.ts";

/** What to do about each `details.reason`. */
const reasons = Object.entries(CREDENTIAL_ADVICE).map(
  ([reason, advice]) => `If details.reason is ${reason}: ${advice}`,
);

/** The pages of what can be wrong with a number and with Twilio. */
export const numberHelp = {
  invalid_twilio_sid: {
    happened: "The Account SID does not have the form of one. Nothing was looked up at Twilio.",
    remedy: [
      "Copy the Account SID from Twilio's Console: AC and 32 characters of 0-9 and a-f, in lower case.",
      "An API key (SK…, details.reason is api_key_in_sid then) or a number's SID (PN…) is something else and will not do here.",
    ],
    details: { fields: ["twilio_sid"] },
  },
  twilio_invalid_credentials: {
    happened:
      "Twilio refused the Account SID and Auth Token with another code than 20003. Nothing was changed. details.reason says why, as " +
      "far as it could be found out.",
    remedy: [...reasons, "Look up details.twilio_code in Twilio's error dictionary."],
    details: { twilio_status: 403, twilio_code: 20005, reason: "suspended_account" },
  },
  twilio_auth_failed: {
    happened:
      "Twilio answered 20003 (Authenticate), which has many causes. Nothing was changed. details.reason says which, as far as the " +
      "account itself and another Twilio Region could tell.",
    remedy: [...reasons, "For a subaccount's number use the subaccount's own SID and Auth Token."],
    details: { twilio_status: 401, twilio_code: 20003, reason: "wrong_token" },
  },
  invalid_signature: {
    happened:
      "A webhook request came without a valid X-Twilio-Signature for its URL and body, so it is not known to come from Twilio.",
    remedy: [
      "Nothing is to be done for requests that Twilio did not send.",
      "If real calls are refused, the Auth Token may have been rotated: send the present one with PATCH /v1/phone-numbers/{number}.",
      "If all are refused: PUBLIC_BASE_URL of the deployment is not the address that Twilio calls.",
    ],
  },
  account_mismatch: {
    happened:
      "Twilio signed a webhook request, but in the name of another account than the one its number was imported from.",
    remedy: [
      "If the number was moved to another account at Twilio, release it here and import it again with that account's SID and Auth Token.",
    ],
  },
  number_not_in_twilio: {
    happened:
      "Twilio accepted the credentials, and that account does not have the number. Nothing was changed.",
    remedy: [
      "Check the number, its country code above all.",
      "A subaccount's number needs the subaccount's own SID and Auth Token.",
      "A number that is only verified as a caller ID, or still being ported, cannot be imported.",
    ],
  },
  number_not_found: {
    happened:
      "This API key has no imported number like this. A number whose import is still under way is not there yet.",
    remedy: [
      "Write the number in E.164, with its plus as %2B or as it is.",
      "GET /v1/phone-numbers lists the numbers of this key.",
    ],
  },
  number_already_imported: {
    happened:
      "The number is attached to an agent already. Whose it is is not said. An import of your own that is still under way is answered " +
      "like this too, with details.state and details.retry_after.",
    remedy: [
      "If you imported it before, nothing is to be done; a newer Auth Token in an import (not in a dry run) has been taken over.",
      "With details.retry_after, send the import again after so many seconds.",
      "If the number is yours and another key has it, that key must release it first, with DELETE /v1/phone-numbers/{number}.",
    ],
    details: { state: "importing", retry_after: 42 },
  },
  number_in_other_region: {
    happened:
      "Calls to this number are handled in another Twilio Region than the one that accepted the credentials. Each Region has " +
      "its own settings of a number, so an import here would succeed and the number would never ring. Nothing was changed.",
    remedy: [
      "Send the Auth Token that the account has in details.number_region: the Twilio Console shows it when you choose that Region.",
      "Or route the number to details.credentials_region at Twilio, wait five minutes, and import it again.",
    ],
    details: { number_region: "ie1", credentials_region: "us1" },
  },
  plan_changed: {
    happened:
      "Between the dry run and this import somebody changed the number at Twilio, or the deployment would set other webhooks now. " +
      "Nothing was touched.",
    remedy: [
      "Ask for a new plan with ?dry_run=true, look at it, and import with its plan_hash.",
      "Or leave plan_hash out to import the number as it is.",
    ],
  },
  release_in_progress: {
    happened:
      "This number is being released by another request, or repaired after somebody changed it at Twilio.",
    remedy: [
      "Wait as long as Retry-After says, then look: a number_not_found means that it is done.",
      "Then send the same DELETE again: it takes up what another request has left unfinished.",
    ],
    details: { retry_after: 30 },
  },
  twilio_unavailable: {
    happened:
      'Twilio could not be reached in time, or answered with something that is not an answer. Unless details.outcome is "unknown" the ' +
      "number is as it was.",
    remedy: [
      "Send the request again.",
      'With details.outcome: "unknown" the number may point here already: sending the import again finishes it.',
      "If it persists, look at status.twilio.com.",
    ],
    details: { twilio_status: 503 },
  },
  twilio_update_rejected: {
    happened: "Twilio refused the new webhooks. The number is as it was.",
    remedy: [
      "Look up details.twilio_code in Twilio's error dictionary; it names what Twilio did not like.",
      "Check whether a regulatory bundle or an address is missing for this number at Twilio.",
    ],
    details: { twilio_status: 400, twilio_code: 21402 },
  },
  twilio_webhooks_not_applied: {
    happened:
      "Twilio answered that it made the change, and the number still holds other values. What had been changed was given back.",
    remedy: [
      "Send the request again.",
      "Look for another system that writes to this number at the same time. details.fields names what it holds differently.",
    ],
    details: { fields: ["voice_url"] },
  },
  twilio_rate_limited: {
    happened: "Twilio limits the requests of this account. The number is as it was.",
    remedy: [
      "Wait as long as Retry-After says, then send the request again.",
      "Import numbers one after the other.",
    ],
    details: { twilio_status: 429, twilio_code: 20429, retry_after: 5 },
  },
} as const satisfies Partial<Record<ErrorCode, ErrorHelp>>;
