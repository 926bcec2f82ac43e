import type { ErrorCode } from "../http/errors.ts";
import type { ErrorHelp } from "./help.ts";
import { numberHelp } from "./number-help.ts";
import { outboundHelp } from "./outbound-help.ts";

const API_KEY_HEADER = "Authorization: Bearer KEY_ID:KEY_SECRET";

export const errorHelp: Record<ErrorCode, ErrorHelp> = {
  ...numberHelp,
  ...outboundHelp,

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
      "dry_run is neither true nor false, or the query and the body say different things. Nothing was changed.",
    remedy: ["For a plan, send dry_run=true. To really change something, do not send dry_run."],
    details: { parameters: ["dry_run"] },
  },
  invalid_field: {
    happened:
      "A field has the wrong type, is too long or is out of range. details.fields names all these fields.",
    remedy: ["Compare these fields with the reference: it has their types and limits."],
    details: { fields: ["name"] },
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
  unsupported_media_type: {
    happened: "The headers do not say that the body is JSON, or they say that it is compressed.",
    remedy: ["Add the header Content-Type: application/json.", "Remove the header Content-Encoding."],
  },
  payload_too_large: {
    happened:
      "The body is larger than 64 KiB, or than 2 MiB if it is a bulk import. No request of this API needs so much.",
    remedy: ["Send only the documented fields.", "Split a bulk import into several."],
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
      "An API key may send 600 reads and 120 writes a minute. One IP address may create ten API keys an hour. This request was " +
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
    happened: "The agent has no webhook_url, so its events cannot be sent. Nothing was sent.",
    remedy: ["Set a webhook_url for the agent: https, with a public host name."],
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
    happened: "This API key has no delivery with this id. Old deliveries are deleted.",
    remedy: ["Take the id from GET /v1/webhooks/deliveries, or from event_id in the body of an event."],
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
