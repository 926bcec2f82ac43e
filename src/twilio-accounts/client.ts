import type { Services } from "../services.ts";
import { type IncomingPhoneNumbers, incomingPhoneNumbers } from "../twilio/incoming-phone-numbers.ts";
import { openTokens } from "./auth-token.ts";
import type { AccountKey, TwilioAccountRow } from "./row.ts";

/**
 * The numbers of a Twilio account at Twilio, by the token that is stored for it.
 *
 * @throws VaultError if it does not open
 */
export async function accountClient(
  account: AccountKey,
  stored: TwilioAccountRow,
  services: Pick<Services, "vault" | "log" | "now" | "twilio">,
): Promise<IncomingPhoneNumbers> {
  const [authToken] = await openTokens(account, stored, services);
  return incomingPhoneNumbers(services.twilio, { accountSid: account.accountSid, authToken });
}
