import * as z from "zod/mini";
import { callTwilio, type TwilioCredentials, type TwilioEndpoint } from "./http.ts";

// The answer holds the Auth Token in the clear, so only these two fields are kept.
const account = z.object({ status: z.nullish(z.string()), type: z.nullish(z.string()) });

export type TwilioAccount = z.output<typeof account>;

/**
 * An account. https://www.twilio.com/docs/iam/api/account
 *
 * @param accountSid the account of the credentials (the default), or a subaccount of it
 * @throws TwilioError
 */
export async function fetchAccount(
  endpoint: TwilioEndpoint,
  credentials: TwilioCredentials,
  accountSid = credentials.accountSid,
): Promise<TwilioAccount> {
  const path = `/2010-04-01/Accounts/${accountSid}.json`;
  const parsed = account.safeParse(await callTwilio(endpoint, credentials, { method: "GET", path }));
  return parsed.success ? parsed.data : {};
}

/**
 * Tries the credentials by listing one number: all credentials that are good enough for an import may do that.
 *
 * @throws TwilioError
 */
export async function tryCredentials(
  endpoint: TwilioEndpoint,
  credentials: TwilioCredentials,
): Promise<void> {
  const path = `/2010-04-01/Accounts/${credentials.accountSid}/IncomingPhoneNumbers.json?PageSize=1`;
  await callTwilio(endpoint, credentials, { method: "GET", path });
}
