import type { BaseServices } from "../http/base-services.ts";
import { ApiError, type ErrorCode } from "../http/errors.ts";
import { fetchAccount, tryCredentials } from "../twilio/account.ts";
import { TwilioError } from "../twilio/errors.ts";
import type { TwilioCredentials, TwilioEndpoint } from "../twilio/http.ts";
import { remedyOf } from "../twilio/meanings.ts";
import { otherRegions } from "../twilio/regions.ts";
import { findAccountWithToken } from "./credential.ts";
import { twilioFailure } from "./twilio-failure.ts";

/** Why Twilio refused credentials. */
export type CredentialReason =
  | "wrong_token"
  | "wrong_api_key"
  | "unknown_account"
  | "api_key_in_sid"
  | "suspended_account"
  | "test_credentials"
  | "other_region"
  | "parent_account_token"
  | "missing_permission";

/** What to do about each reason. The reference and the error pages quote these texts. */
export const CREDENTIAL_ADVICE: Record<CredentialReason, string> = {
  wrong_token:
    "Twilio knows the account, but this is not its Auth Token. Copy the token anew from the Twilio Console; it may have been rotated, or be that of the parent account.",
  wrong_api_key:
    "Twilio does not take this API key for this account. Copy the key's SID and secret anew; the key may be deleted, or belong to another account or Region.",
  unknown_account:
    "Twilio knows no account with this SID. Copy the Account SID and the Auth Token from the Twilio Console again.",
  api_key_in_sid:
    "This is the SID of an API key. Send the Account SID, which begins with AC; an API key goes into twilio_api_key_sid and twilio_api_key_secret of POST /v1/twilio-accounts.",
  suspended_account: remedyOf(20005),
  test_credentials: remedyOf(20008),
  other_region:
    "These credentials belong to another Twilio Region than this number's. Send the Auth Token that the account has in the number's Region.",
  parent_account_token:
    "This is the Auth Token of the account's parent. Send the subaccount's own Auth Token, which is beside its SID in the Twilio Console: Twilio signs the webhooks of its numbers with that one.",
  missing_permission: remedyOf(70051),
};

// Short, because the caller is already waiting for an error.
const PROBE_TIMEOUT_MS = 2_000;

/** Credentials that Twilio refused. */
export type RefusedCredentials = {
  endpoint: TwilioEndpoint;
  credentials: TwilioCredentials;
  apiKeyId: string;
  /** The other Regions were asked already, and refused them too. */
  isRefusedEverywhere?: true;
};

/**
 * The error to answer after a failed request; see {@link twilioFailure} for `otherwise`. If Twilio refused the credentials, it says why and what to do. If
 * Twilio's error code does not tell why, a few cheap requests may: for the account itself, with the same credentials in
 * the other Regions, and as the parent account if this key has stored the same token for one.
 */
export async function diagnose(
  error: unknown,
  refused: RefusedCredentials,
  services: BaseServices,
  otherwise: ErrorCode = "twilio_unavailable",
): Promise<unknown> {
  const answer = twilioFailure(error, otherwise);
  if (!(answer instanceof ApiError && error instanceof TwilioError)) return answer;
  if (answer.status !== 401 || "reason" in answer.details) return answer;
  const { endpoint } = refused;
  const hurried = { ...endpoint, timeoutMs: Math.min(endpoint.timeoutMs, PROBE_TIMEOUT_MS) };
  const reason = await probe(error, { ...refused, endpoint: hurried }, services);
  // The code's own message lists the causes that were just looked into.
  const answered = `Twilio answered ${error.facts.twilioCode ?? error.facts.status}.`;
  return answer.explained(`${CREDENTIAL_ADVICE[reason]} ${answered}`, { reason });
}

async function probe(
  cause: TwilioError,
  refused: RefusedCredentials,
  services: BaseServices,
): Promise<CredentialReason> {
  const { endpoint, credentials, isRefusedEverywhere } = refused;
  const isByKey = "keySid" in credentials;
  const [account, isElsewhere, isParents] = await Promise.all([
    // Only a Main key may read the account, so its refusal tells nothing.
    isByKey ? undefined : fetchAccount(endpoint, credentials).catch(() => undefined),
    !isRefusedEverywhere && worksElsewhere(endpoint, credentials),
    isTokenOfParent(refused, services),
  ]);
  if (account) return isInactive(account.status) ? "suspended_account" : "missing_permission";
  if (isElsewhere) return "other_region";
  if (isByKey) return "wrong_api_key";
  if (isParents) return "parent_account_token";
  return cause.facts.isUnknownUser ? "unknown_account" : "wrong_token";
}

/** https://www.twilio.com/docs/iam/api/account#account-status-values */
function isInactive(status: string | null | undefined): boolean {
  return status === "suspended" || status === "closed";
}

/** Whether another Twilio Region accepts these credentials. Asks only Twilio's own hosts. */
async function worksElsewhere(endpoint: TwilioEndpoint, credentials: TwilioCredentials): Promise<boolean> {
  const tries = otherRegions(endpoint).map((other) => tryCredentials(other, credentials));
  return (await Promise.allSettled(tries)).some(({ status }) => status === "fulfilled");
}

/** Whether the token is that of the account's parent, which this API key has imported numbers of too. Never throws. */
async function isTokenOfParent(
  { endpoint, credentials, apiKeyId }: RefusedCredentials,
  services: BaseServices,
): Promise<boolean> {
  try {
    if (!("authToken" in credentials)) return false;
    const { accountSid, authToken } = credentials;
    const parent = await findAccountWithToken(apiKeyId, authToken, services);
    if (!parent || parent.accountSid === accountSid) return false;
    await fetchAccount(endpoint, { accountSid: parent.accountSid, authToken }, accountSid);
    return true;
  } catch {
    return false;
  }
}
