import { ApiError, type ErrorCode } from "../http/errors.ts";
import { TwilioError, type TwilioErrorFacts } from "../twilio/errors.ts";

const DEFAULT_RETRY_AFTER_SECONDS = 5;
const STRANGE_ANSWER =
  "Twilio gave an answer that this service does not understand; details have its status and code. Nothing has " +
  "changed. Trying again will probably not help: check TWILIO_API_BASE_URL, and report it with the request id.";
const AUTHENTICATE = 20003; // https://www.twilio.com/docs/api/errors/20003

/**
 * The error to answer after a failed call to Twilio. It does not quote Twilio's message, which is written for the owner
 * of the account and may repeat what was sent.
 *
 * @param otherwise the code if Twilio refuses for a reason other than the credentials or the number
 */
export function twilioFailure(error: unknown, otherwise: ErrorCode): unknown {
  if (!(error instanceof TwilioError)) return error;
  const code = codeOf(error.facts, otherwise);
  const { status, twilioCode, requestId, retryAfterSeconds } = error.facts;
  const isStrange = code === "twilio_unavailable" && status !== undefined && status < 500;
  return new ApiError(code, {
    ...(isStrange && { message: STRANGE_ANSWER }),
    details: {
      ...(status !== undefined && { twilio_status: status }),
      ...(twilioCode !== undefined && { twilio_code: twilioCode }),
      ...(requestId !== undefined && { twilio_request_id: requestId }),
    },
    ...(code === "twilio_rate_limited" && {
      retryAfter: Math.max(1, retryAfterSeconds ?? DEFAULT_RETRY_AFTER_SECONDS),
    }),
    cause: error,
  });
}

function codeOf({ failure, status, twilioCode }: TwilioErrorFacts, otherwise: ErrorCode): ErrorCode {
  if (failure === "rate_limited") return "twilio_rate_limited";
  if (failure === "unavailable") return "twilio_unavailable";
  if (twilioCode === AUTHENTICATE) return "twilio_auth_failed";
  if (status === 401 || status === 403) return "twilio_invalid_credentials";
  if (status === 404) return "number_not_in_twilio";
  return otherwise;
}
