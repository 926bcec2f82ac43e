import type { Services } from "../services.ts";
import { type IncomingPhoneNumbers, incomingPhoneNumbers } from "../twilio/incoming-phone-numbers.ts";
import { openTokens } from "./auth-token.ts";
import type { AccountKey, TwilioAccountRow } from "./row.ts";

/**
 * A client for the numbers of a Twilio account, with its stored token.
 *
 * @throws VaultError if no token can be opened
 */
export async function accountClient(
  account: AccountKey,
  stored: TwilioAccountRow,
  services: Pick<Services, "vault" | "log" | "now" | "twilio">,
): Promise<IncomingPhoneNumbers> {
  const [authToken] = await openTokens(account, stored, services);
  return incomingPhoneNumbers(services.twilio, { accountSid: account.accountSid, authToken });
}
