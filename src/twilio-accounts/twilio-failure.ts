import { ApiError, type ErrorCode } from "../http/errors.ts";
import { TwilioError, type TwilioErrorFacts } from "../twilio/errors.ts";

const DEFAULT_RETRY_AFTER_SECONDS = 5;
const STRANGE_ANSWER =
  "Twilio gave an answer that this service does not understand; details have its status and code. Nothing was " +
  "changed. Trying again will hardly help: check TWILIO_API_BASE_URL, and report it with the request id.";
const AUTHENTICATE = 20003; // https://www.twilio.com/docs/api/errors/20003

/**
 * A failed call to Twilio as the caller is told of it. Twilio's own words are not passed on: they are written for
 * the owner of the account, and may repeat what was sent.
 *
 * @param otherwise the code for a refusal that is about neither the credentials nor the number
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
