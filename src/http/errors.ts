import type { ContentfulStatusCode } from "hono/utils/http-status";

type Entry = {
  status: ContentfulStatusCode;
  /** Says what is wrong and what to do. It must be true each time this code is used. */
  message: string;
  /** Whether the same request may succeed later. */
  retryable?: true;
};

/**
 * Every error that this API can answer with, by its code. Callers branch on the code; it decides status, type and
 * message. Only the mapper in `error-handler.ts` turns an error into a response.
 */
export const errorCatalogue = {
  invalid_json: { status: 400, message: "The request body is not a JSON object." },
  missing_field: { status: 400, message: "A required field is absent, null or empty." },
  unknown_parameter: { status: 400, message: "This endpoint has no such parameter. Nothing was changed." },
  invalid_parameter: { status: 400, message: "A parameter has a wrong value. Nothing was changed." },
  invalid_field: { status: 400, message: "A field has a wrong value." },
  invalid_phone_format: {
    status: 400,
    message:
      "A phone number is not in E.164 format. Send a plus sign, the country code and the number, such as +447446466847.",
  },
  invalid_twilio_sid: {
    status: 400,
    message: "twilio_sid is not a Twilio Account SID. An Account SID is AC and 32 characters of 0-9 and a-f.",
  },
  invalid_url: {
    status: 400,
    message:
      "Send an https URL (wss for a runtime) with a public host name that is not this deployment's own, and without user " +
      "name and password. The URL of a stream must not have a query string.",
  },
  prompt_too_long: { status: 400, message: "system_prompt is longer than 16,000 characters. Shorten it." },
  metadata_too_large: {
    status: 400,
    message:
      "metadata is too large: 50 names of 40 characters, texts of 500, and 4,096 bytes as JSON in all. Shorten it.",
  },
  custom_prompt_too_long: {
    status: 400,
    message: "custom_prompt is longer than 8,000 characters. Shorten it.",
  },
  sms_prompt_too_long: { status: 400, message: "sms_prompt is longer than 20,000 characters. Shorten it." },
  unsupported_media_type: {
    status: 415,
    message: "Send the body as JSON, uncompressed, with the header Content-Type: application/json.",
  },
  payload_too_large: {
    status: 413,
    message: "The request body is too large: 64 KiB at most, 2 MiB for a bulk import.",
  },
  answer_too_large: {
    status: 413,
    message:
      "The answer has more than 1 MB, too much for a language model. What the tool did is done. Ask for less with limit and " +
      "offset, or for one entry.",
  },

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
    message: "This endpoint needs the deployment's admin token. Send Authorization: Bearer ADMIN_TOKEN.",
  },
  invalid_connect_link: {
    status: 401,
    message:
      "This connect link is not known. It may have been deleted, or its URL was not copied completely.",
  },
  twilio_invalid_credentials: {
    status: 401,
    message:
      "Twilio refused this Account SID and Auth Token. Check that the token is this account's own, and the account active.",
  },
  twilio_auth_failed: {
    status: 401,
    message:
      "Twilio answered 20003 (Authenticate) to this Account SID and Auth Token. Usual causes: the token was rotated " +
      "or not copied completely, the token is the parent account's and the SID a subaccount's, these are test " +
      "credentials, the account is suspended, or its numbers are in another Twilio Region.",
  },
  invalid_signature: {
    status: 403,
    message: "The request does not carry a valid X-Twilio-Signature for this URL and body.",
  },
  origin_not_allowed: {
    status: 403,
    message: "A page of another site sent this request. Send it from a program, without an Origin header.",
  },
  https_required: {
    status: 403,
    message:
      "The request came in the clear, over http. Send it to the https address, and replace the API key if it held one.",
  },
  account_mismatch: {
    status: 403,
    message: "The request names a Twilio account, but the number was imported from another one.",
  },

  read_only_secret: {
    status: 403,
    message:
      "This secret may only read. It changes nothing, and asks neither Twilio nor a model. Use a secret " +
      "with the scope full.",
  },
  secret_is_limited: {
    status: 403,
    message:
      "This secret is limited to the numbers with one external_id, and this is not about them alone. Nothing was changed. Use " +
      "a secret without an external_id.",
  },
  secret_not_found: { status: 404, message: "This API key has no secret with this secret_id." },
  secret_name_taken: {
    status: 409,
    message: "This API key has a secret with this name. Choose another name, or delete that secret first.",
  },
  last_secret: {
    status: 409,
    message:
      "This is the API key's last secret that may do everything and never ends. Create another one first.",
  },
  agent_not_owned: { status: 403, message: "This agent belongs to another API key." },
  agent_not_found: { status: 404, message: "There is no agent with this agent_id." },
  number_not_in_twilio: {
    status: 404,
    message:
      "The phone number is not in this Twilio account. Check the number and the account. For a number of a " +
      "subaccount, send the subaccount's own SID and Auth Token.",
  },
  channel_not_supported: {
    status: 400,
    message:
      "This number cannot do what channels asks for: details.channels says what it can. Nothing was changed.",
  },
  agent_has_no_webhook: {
    status: 400,
    message:
      "There is no webhook_url to send an event to. Set the agent's, or the API key's own with PUT /v1/webhooks/url.",
  },
  agent_not_builtin: {
    status: 400,
    message:
      "This agent does not talk by itself: details.connect says who leads its calls. Try it by calling one of its numbers.",
  },
  agent_is_builtin: {
    status: 409,
    message:
      "This call was led by the built-in agent, which writes its transcript itself. Only a runtime reports an outcome.",
  },
  outcome_closed: {
    status: 409,
    message: "The call ended more than 24 hours ago, so its outcome stays as it is.",
  },
  agent_in_use: {
    status: 409,
    message:
      "This agent still has numbers; details.count says how many. Move them to another agent first. Or delete the " +
      "agent with ?force=true: its numbers then stay imported, without an agent.",
  },
  number_not_found: { status: 404, message: "This API key has not imported this number." },
  key_not_found: { status: 404, message: "There is no API key with this id." },
  account_not_found: {
    status: 404,
    message:
      "There is no such Twilio account of yours. Name it by its twilio_account_id, or by its SID if it is connected in one Region only.",
  },
  account_in_use: {
    status: 409,
    message:
      "This Twilio account has numbers here: details.numbers says how many. Release them first. Nothing was changed.",
  },
  api_keys_disabled: {
    status: 403,
    message:
      "This deployment takes no API key of Twilio in place of the Auth Token. Send twilio_token, or ask its operator to set ALLOW_API_KEYS.",
  },
  account_uses_api_key: {
    status: 409,
    message:
      "This Twilio account is connected by an API key, so no Auth Token is taken here. Leave twilio_token out. Only POST /v1/twilio-accounts changes the credential.",
  },
  signing_key_missing: {
    status: 409,
    message:
      "This Twilio account is connected by an API key, and no SharedKey of it is known, so nobody could verify its calls. Carry out its to_do first. Nothing was changed.",
  },
  account_connecting: {
    status: 409,
    message:
      "Twilio takes a minute to put the Rule of this account's webhooks into force. Nothing was changed. Try again then.",
  },
  needs_auth_token: {
    status: 400,
    message:
      "Twilio tells no API key about subaccounts. Connect the account by its Auth Token, or each subaccount by itself.",
  },
  connect_links_disabled: {
    status: 403,
    message:
      "This deployment makes no connect links. Its operator allows them with CONNECT_LINKS, unless OPEN_SIGNUP is true.",
  },
  connect_link_not_found: {
    status: 404,
    message: "There is no connect link with this connect_link_id of yours.",
  },
  connect_link_expired: {
    status: 410,
    message: "This connect link has expired. Ask whoever sent it for a new one.",
  },
  connect_link_used: {
    status: 410,
    message: "This connect link is used up: it has brought as many numbers as it may. Ask for another one.",
  },
  connect_link_locked: {
    status: 410,
    message: "Twilio refused the credentials ten times, so this connect link is locked. Ask for a new one.",
  },
  connect_link_busy: {
    status: 409,
    retryable: true,
    message: "Another request by this connect link is running. Try again after Retry-After seconds.",
  },
  not_consented: {
    status: 403,
    message:
      "The owner of this Twilio account let you use only the numbers that they picked by a connect link, and its channels. " +
      "Send them another link for this one.",
  },
  phone_number_import_not_found: { status: 404, message: "There is no bulk import with this import_id." },
  delivery_not_found: {
    status: 404,
    message: "There is no delivery with this id, or it was delivered over 7 days ago: its body is deleted.",
  },
  not_found: { status: 404, message: "There is nothing at this path." },
  method_not_allowed: {
    status: 405,
    message: "This path does not accept this method. The Allow header lists the methods that it accepts.",
  },

  release_in_progress: {
    status: 409,
    retryable: true,
    message: "This number is being released, repaired or changed now. Try again after Retry-After seconds.",
  },
  phone_number_import_running: {
    status: 409,
    retryable: true,
    message: "This bulk import is not finished yet. Wait until it is, or cancel it, and try again.",
  },
  number_in_other_region: {
    status: 422,
    message:
      "Another Twilio Region handles the calls to this number, not the Region of these credentials. Send the account's " +
      "Auth Token of that Region.",
  },
  plan_changed: {
    status: 409,
    message:
      "The number has changed since this plan was made, so nothing was changed. Ask for a new plan with ?dry_run=true.",
  },
  invalid_idempotency_key: {
    status: 400,
    message: "Idempotency-Key must be 1 to 255 printable ASCII characters.",
  },
  idempotency_key_reused: {
    status: 422,
    message: "This Idempotency-Key was already used for another request. Use a new key for a new request.",
  },
  idempotency_in_progress: {
    status: 409,
    retryable: true,
    message: "The first request with this key is still running. Try again after Retry-After seconds.",
  },
  rate_limit_exceeded: {
    status: 429,
    retryable: true,
    message: "Too many requests. Try again after Retry-After seconds.",
  },

  number_already_imported: {
    status: 409,
    message: "This phone number is already imported, or an import of it is running.",
  },

  twilio_unavailable: {
    status: 502,
    retryable: true,
    message: "Twilio could not be reached, or did not answer correctly. Nothing was changed. Try again.",
  },
  model_unavailable: {
    status: 503,
    retryable: true,
    message: "The language model did not answer. Try again in a moment.",
  },
  twilio_update_rejected: {
    status: 422,
    message:
      "Twilio refused to change the number's webhooks, and would refuse it again. Nothing was changed. " +
      "details.twilio_code is Twilio's error code.",
  },
  twilio_webhooks_not_applied: {
    status: 502,
    message:
      "Twilio accepted the new webhooks, but the number still has other ones. What was begun was undone.",
  },
  twilio_rate_limited: {
    status: 503,
    retryable: true,
    message:
      "Twilio is limiting the requests of this account, so nothing was changed. Try again after Retry-After seconds.",
  },
  storage_unavailable: {
    status: 503,
    retryable: true,
    message: "The database of this service did not answer. Try again in a moment.",
  },
  service_misconfigured: {
    status: 503,
    message:
      "This deployment is not configured correctly. Its operator can read in its logs what is missing or wrong.",
  },
  internal_error: {
    status: 500,
    retryable: true,
    message: "An unexpected error happened in this service. Give the request id to support.",
  },

  // Calls and texts that an agent sends, and the log of calls.
  from_number_not_found: {
    status: 400,
    message: "from_number is not one of this agent's numbers. Send one that is, or leave it out.",
  },
  agent_missing_phone_number: {
    status: 400,
    message: "This agent has no phone number, so it can neither call nor text. Import a number for it first.",
  },
  outbound_disabled: {
    status: 403,
    message:
      "This number neither calls nor texts, because its outbound_enabled is false. Set it to true with PATCH first.",
  },
  message_too_long: { status: 400, message: "message is longer than 1,600 characters. Shorten it." },
  recipient_unsubscribed: {
    status: 403,
    message: "The recipient has sent STOP to this number and gets no texts from it until they send START.",
  },
  sms_not_supported: {
    status: 400,
    message: "Twilio cannot send a text from this number to this recipient. details.twilio_code says why.",
  },
  call_not_found: { status: 404, message: "This API key has no such call. Calls are kept for 30 days." },
  call_in_progress: {
    status: 409,
    message: "The call is still running. End it with POST /v1/calls/{call_id}/hangup, then delete it.",
  },
  call_account_gone: {
    status: 409,
    message:
      "No number of this call's Twilio account is imported any more, so its token is gone. Use Twilio itself.",
  },
  recording_not_found: { status: 404, message: "This call has no recording, or Twilio has deleted it." },
  // A limit of a day says when it ends; one of how many does not.
  limit_reached: {
    status: 429,
    message:
      "This API key has used up what it may use: details.name says of what, details.limit how much. The operator sets it.",
  },
  country_not_allowed: {
    status: 403,
    message:
      "This API key may not call or text numbers of this country: details.country says which. If it is null, it is a " +
      "premium, shared-cost, satellite or other number of no country. The operator sets allowed_countries.",
  },
  concurrent_call_limit: {
    status: 429,
    retryable: true,
    message:
      "This API key has as many calls at once as it may; details.limit says how many. Wait until one ends.",
  },
  outbound_refused: {
    status: 422,
    message:
      "Twilio refused this call or text, and would refuse it again. details.twilio_code is Twilio's error code, and " +
      "details.reason what it means.",
  },
  outbound_failed: {
    status: 502,
    message: "Twilio cannot take this call or text now. Nothing was sent. Try again later.",
  },
} as const satisfies Record<string, Entry>;

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

export type ErrorCode = keyof typeof errorCatalogue;

export type ApiErrorOptions = {
  /** Replaces the catalogue's message if more is known about this case. The caller sees it. */
  message?: string;
  /** Facts that the caller can act on, never a secret or a value that the caller sent. The caller sees them. */
  details?: Record<string, unknown>;
  /** Replaces the catalogue's, for a code that means the same in two ways. */
  status?: ContentfulStatusCode;
  /** Response headers, such as `Allow`. */
  headers?: Record<string, string>;
  /** When to try again, in whole seconds: the `Retry-After` header and `details.retry_after`. */
  retryAfter?: number | undefined;
  /** The cause, for the log only. */
  cause?: unknown;
};

/** An error that callers may see. The mapper knows a few others; everything else becomes an `internal_error`. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: ErrorCode;
  readonly status: ContentfulStatusCode;
  readonly details: Record<string, unknown>;
  readonly headers: Record<string, string>;

  constructor(
    code: ErrorCode,
    { message, details, status, headers, retryAfter, cause }: ApiErrorOptions = {},
  ) {
    super(message ?? errorCatalogue[code].message, { cause });
    this.code = code;
    this.status = status ?? errorCatalogue[code].status;
    this.details = { ...details, ...(retryAfter !== undefined && { retry_after: retryAfter }) };
    this.headers = { ...headers, ...(retryAfter !== undefined && { "retry-after": String(retryAfter) }) };
  }

  /** The same error with a message that says more, and with more details. */
  explained(message: string, details: Record<string, unknown>): ApiError {
    const { code, status, headers, cause } = this;
    return new ApiError(code, { message, details: { ...this.details, ...details }, status, headers, cause });
  }
}
