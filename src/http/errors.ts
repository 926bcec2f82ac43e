import type { ContentfulStatusCode } from "hono/utils/http-status";

type Entry = {
  status: ContentfulStatusCode;
  /** Says what is wrong and what to do, in words that hold for every occurrence. */
  message: string;
  /** Whether the same request may succeed later without a change by the caller. */
  retryable?: true;
};

/**
 * Every error this API can answer with, by its code. Callers branch on the code; status, type and message follow
 * from it. The mapper in `error-handler.ts` is the only place that turns one into a response.
 */
export const errorCatalogue = {
  invalid_json: { status: 400, message: "The request body is not a JSON object." },
  missing_field: { status: 400, message: "A required field is absent, null or empty." },
  unknown_parameter: { status: 400, message: "This endpoint has no such parameter, so nothing was done." },
  invalid_parameter: {
    status: 400,
    message: "A parameter has a value that it cannot have, so nothing was done.",
  },
  invalid_field: { status: 400, message: "A field has the wrong type or is too long." },
  invalid_phone_format: {
    status: 400,
    message:
      "phone_number is not in E.164 format: a plus sign, the country code and the number, as in +447446466847.",
  },
  invalid_twilio_sid: {
    status: 400,
    message: "twilio_sid is not a Twilio Account SID: AC and 32 characters of 0-9 and a-f.",
  },
  invalid_url: {
    status: 400,
    message:
      "The URL is not an https URL (for a runtime wss) without user name and password, whose host has a public name and " +
      "is not this deployment's own. A stream's URL has no query string.",
  },
  prompt_too_long: { status: 400, message: "system_prompt is longer than 16,000 characters." },
  unsupported_media_type: {
    status: 415,
    message: "Send the body as JSON, uncompressed, with the header Content-Type: application/json.",
  },
  payload_too_large: { status: 413, message: "The request body is larger than 64 KiB." },

  key_secret_required: {
    status: 401,
    message: "The secret half of the API key is missing. Send Authorization: Bearer KEY_ID:KEY_SECRET.",
  },
  invalid_api_key: {
    status: 401,
    message: "The API key is missing or wrong. Send Authorization: Bearer KEY_ID:KEY_SECRET.",
  },
  invalid_admin_token: {
    status: 401,
    message: "This needs the deployment's admin token. Send Authorization: Bearer ADMIN_TOKEN.",
  },
  twilio_invalid_credentials: {
    status: 401,
    message:
      "Twilio refused this Account SID and Auth Token. Check that the token belongs to this very account, that the " +
      "account is active, and that it may use the REST API.",
  },
  twilio_auth_failed: {
    status: 401,
    message:
      "Twilio answered 20003 (Authenticate) to this Account SID and Auth Token. Usual causes: a token that was " +
      "rotated or copied incompletely, the token of a parent account with the SID of a subaccount, test credentials, " +
      "a suspended account, or an account whose numbers live in another Twilio Region.",
  },
  invalid_signature: {
    status: 403,
    message: "The request does not carry a valid X-Twilio-Signature for this URL and body.",
  },

  account_mismatch: {
    status: 403,
    message: "The request names another Twilio account than the one its number was imported from.",
  },

  agent_not_owned: { status: 403, message: "This agent belongs to another API key." },
  agent_not_found: { status: 404, message: "There is no agent with this agent_id." },
  number_not_in_twilio: {
    status: 404,
    message:
      "The phone number is not in this Twilio account. Check the number and the account; a subaccount's numbers " +
      "need the subaccount's own SID and Auth Token.",
  },
  agent_has_no_webhook: {
    status: 400,
    message: "This agent has no webhook_url to send events to. Set one first.",
  },
  agent_in_use: {
    status: 409,
    message:
      "This agent still has numbers; details.count says how many. Move them to another agent, or delete it with " +
      "?force=true, which leaves them imported and routed to nobody.",
  },
  number_not_found: { status: 404, message: "This API key has no such imported number." },
  key_not_found: { status: 404, message: "There is no API key with this id." },
  delivery_not_found: { status: 404, message: "There is no delivery with this id." },
  not_found: { status: 404, message: "There is nothing at this path." },
  method_not_allowed: {
    status: 405,
    message: "This path does not take this method. The Allow header lists those it takes.",
  },

  release_in_progress: {
    status: 409,
    retryable: true,
    message: "This number is being released or repaired right now. Try again after Retry-After seconds.",
  },
  number_in_other_region: {
    status: 422,
    message:
      "Calls to this number are handled in another Twilio Region than that of these credentials. Send the Auth Token that the account has in that Region.",
  },
  plan_changed: {
    status: 409,
    message:
      "The number has changed since its plan was made, so nothing was touched. Ask for a new plan with ?dry_run=true.",
  },
  invalid_idempotency_key: {
    status: 400,
    message: "Idempotency-Key must be 1 to 255 printable ASCII characters.",
  },
  idempotency_key_reused: {
    status: 422,
    message: "This Idempotency-Key came with another request before. Use a new key for a new request.",
  },
  idempotency_in_progress: {
    status: 409,
    retryable: true,
    message: "The request with this Idempotency-Key is still at work. Try again after Retry-After seconds.",
  },
  rate_limit_exceeded: {
    status: 429,
    retryable: true,
    message: "Too many requests. Try again after Retry-After seconds.",
  },

  number_already_imported: {
    status: 409,
    message: "This phone number is already imported, or an import of it is under way.",
  },

  twilio_unavailable: {
    status: 502,
    retryable: true,
    message: "Twilio could not be reached or failed to answer. Nothing was changed. Try again.",
  },
  twilio_update_rejected: {
    status: 502,
    message:
      "Twilio refused to change the number's webhooks. details.twilio_code is Twilio's error code. Nothing was changed.",
  },
  twilio_webhooks_not_applied: {
    status: 502,
    message:
      "Twilio accepted the change of the number's webhooks but the number does not hold it. The import was undone.",
  },
  twilio_rate_limited: {
    status: 503,
    retryable: true,
    message:
      "Twilio is limiting the requests of this account. Nothing was changed. Try again after Retry-After seconds.",
  },
  storage_unavailable: {
    status: 503,
    retryable: true,
    message: "The service's database did not answer. Try again in a moment.",
  },
  service_misconfigured: {
    status: 503,
    message:
      "This deployment is not configured completely. Its operator finds the names of what is missing in its logs.",
  },
  internal_error: {
    status: 500,
    retryable: true,
    message: "Something went wrong on our side. Give the request id to support.",
  },
} as const satisfies Record<string, Entry>;

export type ErrorCode = keyof typeof errorCatalogue;

/** The `type` of an error envelope, which groups codes by HTTP status. */
export function errorType(status: number): string {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found";
    case 409:
      return "conflict";
    case 429:
      return "rate_limit_error";
    case 502:
    case 503:
      return "provider_error";
    case 500:
      return "server_error";
    default:
      return "invalid_request";
  }
}

export type ApiErrorOptions = {
  /** Replaces the catalogue's message where this occurrence can be told more closely. Goes to the caller. */
  message?: string;
  /** Goes to the caller: facts to act on, never a secret or a value the caller sent. */
  details?: Record<string, unknown>;
  /** Response headers, such as `Allow`. */
  headers?: Record<string, string>;
  /** Whole seconds after which to try again: the `Retry-After` header and `details.retry_after`. */
  retryAfter?: number | undefined;
  /** What lies behind it, for the log only. */
  cause?: unknown;
};

/** A failure with a public face. Whatever is thrown and is not one becomes an `internal_error`. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: ErrorCode;
  readonly status: ContentfulStatusCode;
  readonly details: Record<string, unknown>;
  readonly headers: Record<string, string>;

  constructor(code: ErrorCode, { message, details, headers, retryAfter, cause }: ApiErrorOptions = {}) {
    super(message ?? errorCatalogue[code].message, { cause });
    this.code = code;
    this.status = errorCatalogue[code].status;
    this.details = { ...details, ...(retryAfter !== undefined && { retry_after: retryAfter }) };
    this.headers = { ...headers, ...(retryAfter !== undefined && { "retry-after": String(retryAfter) }) };
  }

  /** The same failure with a message that says more, and further details. */
  explained(message: string, details: Record<string, unknown>): ApiError {
    const { code, headers, cause } = this;
    return new ApiError(code, { message, details: { ...this.details, ...details }, headers, cause });
  }
}
