import { ApiError, type ErrorCode, errorCatalogue } from "../http/errors.ts";
import { TwilioError, type TwilioErrorFacts } from "../twilio/errors.ts";
import { type Kind, meaningOf } from "../twilio/meanings.ts";
import { leastPolicy } from "../twilio/permissions.ts";

const DEFAULT_RETRY_AFTER_SECONDS = 5;
const STRANGE_ANSWER =
  "Twilio gave an answer that this service does not understand; details have its status and code. Nothing has " +
  "changed. Trying again will probably not help: check TWILIO_API_BASE_URL, and report it with the request id.";
const AUTHENTICATE = 20003; // https://www.twilio.com/docs/api/errors/20003

/** What may pass is no refusal for good. */
const IF_PASSING: Partial<Record<ErrorCode, ErrorCode>> = { outbound_refused: "outbound_failed" };

/**
 * The error to answer after a failed call to Twilio. It does not quote Twilio's message, which is written for the owner
 * of the account and may repeat what was sent. If Twilio's code is known, it says the reason and the remedy.
 *
 * @param otherwise the code if Twilio refuses for good, and neither for the credentials nor for the number
 */
export function twilioFailure(error: unknown, otherwise: ErrorCode): unknown {
  if (!(error instanceof TwilioError)) return error;
  const { failure, status, twilioCode, requestId, retryAfterSeconds, permission } = error.facts;
  const meaning = failure === "unavailable" ? undefined : meaningOf(twilioCode);
  const code = codeOf(error.facts, meaning?.kind, otherwise);
  const isStrange = code === "twilio_unavailable" && status !== undefined && status < 500;
  const isSoon = code === "twilio_rate_limited" || (meaning?.kind ?? KIND_OF[status ?? 0]) === "passing";
  const general = isStrange && !isSoon ? STRANGE_ANSWER : errorCatalogue[code].message;
  const isExplained = meaning !== undefined && code !== "number_not_in_twilio";
  return new ApiError(code, {
    message: isExplained ? `${meaning.remedy} ${isStrange ? "" : general}`.trim() : general,
    details: {
      ...(status !== undefined && { twilio_status: status }),
      ...(twilioCode !== undefined && { twilio_code: twilioCode }),
      ...(requestId !== undefined && { twilio_request_id: requestId }),
      ...(isExplained && { reason: meaning.reason }),
      ...(permission !== undefined && { permission, least_policy: leastPolicy(permission) }),
    },
    ...(isSoon && { retryAfter: Math.max(1, retryAfterSeconds ?? DEFAULT_RETRY_AFTER_SECONDS) }),
    cause: error,
  });
}

/** What a status means if the code does not tell: 409 is a conflict with another request. */
const KIND_OF: Readonly<Record<number, Kind>> = { 401: "account", 403: "account", 409: "passing" };

function codeOf(
  { failure, status, twilioCode }: TwilioErrorFacts,
  known: Kind | undefined,
  otherwise: ErrorCode,
): ErrorCode {
  if (failure === "rate_limited") return "twilio_rate_limited";
  if (failure === "unavailable") return "twilio_unavailable";
  if (twilioCode === AUTHENTICATE) return "twilio_auth_failed";
  const kind = known ?? KIND_OF[status ?? 0] ?? "final";
  if (kind === "account") return "twilio_invalid_credentials";
  // What is sent is no resource that could be missing: the account is.
  if (status === 404 && otherwise !== "outbound_refused") return "number_not_in_twilio";
  return kind === "passing" ? (IF_PASSING[otherwise] ?? "twilio_unavailable") : otherwise;
}
