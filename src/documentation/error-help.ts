import type { ErrorCode } from "../http/errors.ts";

/** What the page of an error says beyond the message that every occurrence carries. */
export type ErrorHelp = {
  /** What happened, and what is true now. */
  happened: string;
  /** What to do, in the order to try it. */
  remedy: readonly string[];
  /** An example of `details`, where there are any. */
  details?: Record<string, unknown>;
};

const API_KEY_HEADER = "Authorization: Bearer KEY_ID:KEY_SECRET";

export const errorHelp: Record<ErrorCode, ErrorHelp> = {
  invalid_json: {
    happened: "The body could not be read as JSON in UTF-8, or it is JSON but not an object.",
    remedy: [
      "Send one object: {…}, not a list, a text or nothing at all.",
      "Let a JSON encoder write it. A common slip in a shell is a single quote inside a single-quoted body.",
    ],
  },
  missing_field: {
    happened:
      "A field that this endpoint requires is absent, null, empty or blank. details.fields names all such fields.",
    remedy: [
      "Send every field that details.fields names.",
      "Check that the variables you fill in are not empty.",
    ],
    details: { fields: ["twilio_token", "agent_id"] },
  },
  invalid_field: {
    happened:
      "A field has another type than documented, is too long or out of range. details.fields names all such.",
    remedy: ["Compare the named fields with the reference: their types and their limits stand there."],
    details: { fields: ["name"] },
  },
  invalid_phone_format: {
    happened: "The phone number is not written in E.164. Nothing was looked up at Twilio.",
    remedy: [
      "Write a plus sign, the country code and the number, without a leading zero, spaces, brackets or dashes: +447446466847.",
      "Twilio's Console shows your numbers in this form under Phone Numbers, Active numbers.",
    ],
    details: { fields: ["phone_number"] },
  },
  invalid_twilio_sid: {
    happened: "The Account SID does not have the form of one. Nothing was looked up at Twilio.",
    remedy: [
      "Copy the Account SID from Twilio's Console: AC and 32 characters of 0-9 and a-f, in lower case.",
      "An API key (SK…) or a number's SID (PN…) is something else and will not do here.",
    ],
    details: { fields: ["twilio_sid"] },
  },
  invalid_url: {
    happened:
      "A URL field holds something else than a URL of the documented kind (https, or wss where a call is handed on) with a public " +
      "host name and without user name and password. Addresses of this deployment itself are refused too.",
    remedy: [
      "Use https or wss, and a host name that everybody can reach.",
      "Put a secret into the path or the query, not before the host.",
    ],
    details: { fields: ["webhook_url"] },
  },
  prompt_too_long: {
    happened: "system_prompt has more than 16,000 characters. Nothing was stored.",
    remedy: ["Shorten it, or let the agent's runtime fetch the long part."],
    details: { fields: ["system_prompt"] },
  },
  unsupported_media_type: {
    happened: "The request does not say that its body is JSON, or says that it is compressed.",
    remedy: ["Add the header Content-Type: application/json.", "Leave out Content-Encoding."],
  },
  payload_too_large: {
    happened: "The body is larger than 64 KiB, which no request of this API needs to be.",
    remedy: ["Send only the documented fields."],
  },

  key_secret_required: {
    happened: "Authorization carries a key without a colon, or with nothing after it.",
    remedy: [
      `Send both halves: ${API_KEY_HEADER}.`,
      "The secret begins with nxfs_ and was shown once, when the key was made.",
    ],
  },
  invalid_api_key: {
    happened:
      "There is no Authorization header of the Bearer scheme, or no such key, or its secret is another one. Which of these it is " +
      "is not said.",
    remedy: [
      `Send ${API_KEY_HEADER}.`,
      "Check that key and deployment belong together: a key of another deployment is unknown here.",
      "A lost secret cannot be shown again; ask the operator for a new key.",
    ],
  },
  invalid_admin_token: {
    happened: "This endpoint is for the operator of the deployment, and the admin token is missing or wrong.",
    remedy: [
      "Send Authorization: Bearer ADMIN_TOKEN with the token that `npm run secrets` wrote.",
      "An API key is not an admin token. If you do not run this deployment, ask its operator for a key.",
    ],
  },
  twilio_invalid_credentials: {
    happened:
      "Twilio refused the Account SID and Auth Token with another code than 20003. Nothing was changed.",
    remedy: [
      "Look up details.twilio_code in Twilio's error dictionary.",
      "Check in Twilio's Console that the account is active and not suspended.",
      "Use the Auth Token of this very account, not a restricted API key.",
    ],
    details: { twilio_status: 403, twilio_code: 20005 },
  },
  twilio_auth_failed: {
    happened:
      "Twilio answered 20003 (Authenticate): the Account SID and the Auth Token do not belong together. Nothing was changed.",
    remedy: [
      "Copy the Auth Token again from Twilio's Console, all 32 characters of it.",
      "For a subaccount's number use the subaccount's own SID and Auth Token.",
      "If the token was rotated lately, use the new one.",
      "Test credentials own no numbers; use the live ones.",
      "If your numbers live in another Twilio Region, the deployment must be pointed at that Region.",
    ],
    details: { twilio_status: 401, twilio_code: 20003 },
  },
  invalid_signature: {
    happened:
      "A webhook request came without a valid X-Twilio-Signature for its URL and body, so it is not known to come from Twilio.",
    remedy: [
      "Nothing is to be done for requests that Twilio did not send.",
      "If real calls are refused: import a number of the account again with the present Auth Token. The one stored may have been rotated.",
      "If all are refused: PUBLIC_BASE_URL of the deployment is not the address that Twilio calls.",
    ],
  },
  account_mismatch: {
    happened:
      "Twilio signed a webhook request, but in the name of another account than the one its number was imported from.",
    remedy: [
      "If the number was moved to another account at Twilio, import it again with that account's SID and Auth Token.",
    ],
  },

  agent_not_owned: {
    happened: "The agent exists but belongs to another API key. Nothing was changed.",
    remedy: ["Use an agent of this key, or the key that made this agent."],
  },
  agent_not_found: {
    happened: "This API key has no agent of this id.",
    remedy: ["Check the id: agent_ and 16 characters.", "Make an agent with POST /v1/agents."],
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
  agent_has_no_webhook: {
    happened: "Events of this agent go nowhere: it has no webhook_url. Nothing was sent.",
    remedy: ["Give the agent a webhook_url: https, with a public host name."],
  },
  delivery_not_found: {
    happened: "This API key has no delivery of this id. Old ones are deleted after a while.",
    remedy: ["Take the id from GET /v1/webhooks/deliveries, or from event_id in the body of an event."],
  },
  not_found: {
    happened: "This service has nothing at this path.",
    remedy: ["Compare the path with the reference.", "Leave out a slash at its end."],
  },
  method_not_allowed: {
    happened: "The path exists, and takes other methods only.",
    remedy: ["Use a method that the Allow header lists."],
    details: { allow: ["POST"] },
  },

  number_already_imported: {
    happened:
      "The number is attached to an agent already. Whose it is is not said. An import of your own that is still under way is answered " +
      "like this too, with details.state and details.retry_after.",
    remedy: [
      "If you imported it before, nothing is to be done; a newer Auth Token in this request has been taken over.",
      "With details.retry_after, send the import again after so many seconds.",
      "If the number is yours and another key has it, that key must release it first.",
    ],
    details: { state: "importing", retry_after: 42 },
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
  storage_unavailable: {
    happened: "The database of this deployment did not answer.",
    remedy: [
      "Send the request again in a moment.",
      'After an import with details.outcome: "unknown", sending it again finishes it.',
    ],
  },
  service_misconfigured: {
    happened:
      "A variable, secret or binding of this deployment is missing or faulty. No request can be answered until it is mended.",
    remedy: [
      "If you run this deployment: its log names everything that is missing, in the line request_failed.",
      "If you do not, tell its operator.",
    ],
  },
  internal_error: {
    happened: "A fault of ours that nobody thought of. Its cause is in the deployment's log.",
    remedy: ["Send the request again.", "If it persists, give the x-request-id of the response to support."],
  },
};
