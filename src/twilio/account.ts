import * as z from "zod/mini";
import { TwilioError } from "./errors.ts";
import { askTwilio, callTwilio, type TwilioCredentials, type TwilioEndpoint } from "./http.ts";
import { nextPage } from "./next-page.ts";

// The answer holds the Auth Token in the clear, so only these fields are kept, unless the token is what we ask for.
const account = z.object({
  status: z.nullish(z.string()),
  type: z.nullish(z.string()),
  friendly_name: z.nullish(z.string()),
});

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

const withToken = z.object({ auth_token: z.string().check(z.minLength(1)) });

/**
 * The credentials of an account: those that are given, or the Auth Token of a subaccount, which Twilio gives to its parent.
 * https://www.twilio.com/docs/iam/api/account
 *
 * @throws TwilioError; `rejected` with status 403 if Twilio leaves the token out, as it does for API keys
 */
export async function credentialsWithin(
  endpoint: TwilioEndpoint,
  given: TwilioCredentials,
  accountSid: string,
): Promise<TwilioCredentials> {
  if (accountSid === given.accountSid) return given;
  const path = `/2010-04-01/Accounts/${accountSid}.json`;
  const parsed = withToken.safeParse(await callTwilio(endpoint, given, { method: "GET", path }));
  if (!parsed.success)
    throw new TwilioError("Twilio gave no Auth Token", { failure: "rejected", status: 403 });
  return { accountSid, authToken: parsed.data.auth_token };
}

const accountPage = z.object({
  accounts: z.array(z.object({ sid: z.string() })),
  next_page_uri: z.nullish(z.string()),
});

const ACCOUNTS = "/2010-04-01/Accounts.json";

/**
 * The SIDs of the active accounts that these credentials reach: the account itself and its subaccounts.
 * https://www.twilio.com/docs/iam/api/account#read-multiple-account-resources
 *
 * @throws TwilioError
 */
export async function listActiveAccounts(
  endpoint: TwilioEndpoint,
  credentials: TwilioCredentials,
): Promise<string[]> {
  const sids: string[] = [];
  let path: string | undefined = `${ACCOUNTS}?Status=active&PageSize=1000`;
  while (path !== undefined) {
    const answer: z.output<typeof accountPage> = await askTwilio(accountPage, endpoint, credentials, {
      method: "GET",
      path,
    });
    sids.push(...answer.accounts.map(({ sid }) => sid));
    path = nextPage(answer.next_page_uri, endpoint.baseUrl, ACCOUNTS);
  }
  return sids;
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
