import type { ErrorCode } from "../http/errors.ts";
import type { ErrorHelp } from "./help.ts";
import { numberHelp } from "./number-help.ts";

const API_KEY_HEADER = "Authorization: Bearer KEY_ID:KEY_SECRET";

export const errorHelp: Record<ErrorCode, ErrorHelp> = {
  ...numberHelp,

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
  unknown_parameter: {
    happened:
      "The query, or a field that asks for a dry run, has a name that this endpoint does not know. Nothing was done: a " +
      "misspelt dry_run must not act for real.",
    remedy: [
      "If details.did_you_mean has another spelling, send that.",
      "Otherwise leave the parameter out. The reference lists what each endpoint takes.",
    ],
    details: { parameters: ["dry-run"], did_you_mean: { "dry-run": "dry_run" } },
  },
  invalid_parameter: {
    happened:
      "dry_run is neither true nor false, or the query and the body say different things. Nothing was done.",
    remedy: ["Send dry_run=true for a plan, or leave it out to act."],
    details: { parameters: ["dry_run"] },
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
  invalid_idempotency_key: {
    happened:
      "The header Idempotency-Key is there and empty, longer than 255 characters, or not plain ASCII.",
    remedy: [
      "Send a UUID, or another text of yours that stands for this one piece of work.",
      "Or leave the header out.",
    ],
  },
  idempotency_key_reused: {
    happened:
      "A request with this Idempotency-Key was answered within the last day, and it had another method, address or body. Nothing " +
      "was done now.",
    remedy: [
      "Use a new key for each piece of work, and the old one only to send the very same request again.",
      "Send the same bytes: a JSON encoder that orders fields anew makes it another request.",
    ],
  },
  idempotency_in_progress: {
    happened: "The first request with this Idempotency-Key has not been answered yet.",
    remedy: [
      "Wait as long as Retry-After says, then send the same request with the same key: it gives the answer of the first.",
      "If the first has died, the key is free again after two minutes.",
    ],
    details: { retry_after: 2 },
  },
  rate_limit_exceeded: {
    happened:
      "An API key may make 600 reads and 120 writes a minute, and ten API keys an hour may be made from one IP address. This was one " +
      "too many, and nothing was done.",
    remedy: [
      "Wait as long as Retry-After says, then send the same request again; its Idempotency-Key is still good.",
      "Send fewer at once: a list gives up to 100 entries.",
    ],
    details: { retry_after: 60 },
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

  agent_not_owned: {
    happened: "The agent exists but belongs to another API key. Nothing was changed.",
    remedy: ["Use an agent of this key, or the key that made this agent."],
  },
  agent_not_found: {
    happened: "This API key has no agent of this id.",
    remedy: ["Check the id: agent_ and 16 characters.", "Make an agent with POST /v1/agents."],
  },
  agent_in_use: {
    happened: "The agent still answers numbers, so it was not deleted. details.count says how many.",
    remedy: [
      "List them with GET /v1/phone-numbers?agent_id=… and give each another agent with PATCH /v1/phone-numbers/{number}.",
      "Or release them with DELETE /v1/phone-numbers/{number}.",
      "Or delete the agent with ?force=true: its numbers stay imported, and callers hear that nobody takes calls.",
    ],
    details: { count: 3 },
  },
  agent_has_no_webhook: {
    happened: "Events of this agent go nowhere: it has no webhook_url. Nothing was sent.",
    remedy: ["Give the agent a webhook_url: https, with a public host name."],
  },
  delivery_not_found: {
    happened: "This API key has no delivery of this id. Old ones are deleted after a while.",
    remedy: ["Take the id from GET /v1/webhooks/deliveries, or from event_id in the body of an event."],
  },
  key_not_found: {
    happened: "This deployment has never had an API key of this id.",
    remedy: ["Send the first half of the key: nxf_ and 32 characters.", "GET /v1/keys lists all of them."],
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
