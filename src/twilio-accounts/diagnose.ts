import { ApiError } from "../http/errors.ts";
import { fetchAccount, tryCredentials } from "../twilio/account.ts";
import { TwilioError } from "../twilio/errors.ts";
import { apiOrigin, type Region, regionOf } from "../twilio/hosts.ts";
import type { TwilioCredentials, TwilioEndpoint } from "../twilio/http.ts";
import { twilioFailure } from "./twilio-failure.ts";

/** Why Twilio refused credentials. */
export type CredentialReason =
  | "wrong_token"
  | "unknown_account"
  | "api_key_in_sid"
  | "suspended_account"
  | "test_credentials"
  | "other_region"
  | "missing_permission";

/** What to do about each reason. The reference and the error pages quote these texts. */
export const CREDENTIAL_ADVICE: Record<CredentialReason, string> = {
  wrong_token:
    "Twilio knows the account, but this is not its Auth Token. Copy the token anew from the Twilio Console; it may have been rotated.",
  unknown_account:
    "Twilio knows no account with this SID. Copy the Account SID and the Auth Token from the Twilio Console again.",
  api_key_in_sid:
    "This is the SID of an API key. Send the Account SID, which begins with AC, and the account's Auth Token: API keys do not sign webhooks.",
  suspended_account:
    "The account is suspended, closed or not yet active. Activate it in the Twilio Console and try again.",
  test_credentials:
    "These are Twilio's test credentials, which own no numbers. Send the live Account SID and Auth Token.",
  other_region:
    "These credentials belong to another Twilio Region. Send the credentials of the region that this deployment uses, or import through a deployment for that region.",
  missing_permission:
    "The credentials are valid, but they may not manage phone numbers. Send the account's Auth Token instead of a restricted key.",
};

// Short, because the caller is already waiting for an error.
const PROBE_TIMEOUT_MS = 2_000;

// https://www.twilio.com/docs/api/errors
const REASONS_BY_CODE: Readonly<Record<number, CredentialReason>> = {
  20005: "suspended_account",
  10001: "suspended_account",
  20403: "suspended_account",
  90010: "suspended_account",
  20008: "test_credentials",
  20006: "missing_permission",
  70051: "missing_permission",
};

/**
 * The error to answer after a failed look-up. If Twilio refused the credentials, it says why and what to do. If
 * Twilio's error code does not tell why, two cheap requests may: for the account itself, and with the same credentials
 * in another region.
 */
export async function diagnose(
  error: unknown,
  endpoint: TwilioEndpoint,
  credentials: TwilioCredentials,
): Promise<unknown> {
  const answer = twilioFailure(error, "twilio_unavailable");
  if (!(answer instanceof ApiError && error instanceof TwilioError) || answer.status !== 401) return answer;
  const known = REASONS_BY_CODE[error.facts.twilioCode ?? 0];
  const hurried = { ...endpoint, timeoutMs: Math.min(endpoint.timeoutMs, PROBE_TIMEOUT_MS) };
  return withReason(answer, known ?? (await probe(error, hurried, credentials)));
}

/** The advice comes first; the general text is for errors without a reason. */
function withReason(error: ApiError, reason: CredentialReason): ApiError {
  return error.explained(`${CREDENTIAL_ADVICE[reason]} ${error.message}`, { reason });
}

async function probe(
  cause: TwilioError,
  endpoint: TwilioEndpoint,
  credentials: TwilioCredentials,
): Promise<CredentialReason> {
  const [account, isElsewhere] = await Promise.all([
    fetchAccount(endpoint, credentials).catch(() => undefined),
    worksElsewhere(endpoint, credentials),
  ]);
  if (account) return isInactive(account.status) ? "suspended_account" : "missing_permission";
  if (isElsewhere) return "other_region";
  return cause.facts.isUnknownUser ? "unknown_account" : "wrong_token";
}

/** https://www.twilio.com/docs/iam/api/account#account-status-values */
function isInactive(status: string | null | undefined): boolean {
  return status === "suspended" || status === "closed";
}

/** Whether another Twilio Region accepts these credentials. Asks only Twilio's own hosts. */
async function worksElsewhere(endpoint: TwilioEndpoint, credentials: TwilioCredentials): Promise<boolean> {
  const other: Region = regionOf(endpoint.baseUrl) === "us1" ? "ie1" : "us1";
  const baseUrl = apiOrigin(endpoint.baseUrl, other);
  if (baseUrl === undefined) return false;
  try {
    await tryCredentials({ ...endpoint, baseUrl }, credentials);
    return true;
  } catch {
    return false;
  }
}
