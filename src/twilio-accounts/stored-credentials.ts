import { type IncomingPhoneNumbers, incomingPhoneNumbers } from "../twilio/incoming-phone-numbers.ts";
import type { TwilioAccountRow } from "./store.ts";
import { openTokens } from "./auth-token.ts";
import type { ImportServices } from "../phone-numbers/import/claim.ts";

/**
 * The numbers of a Twilio account at Twilio, by the token that is stored for it.
 *
 * @throws VaultError where it cannot be opened
 */
export async function storedTwilio(
  owner: { apiKeyId: string; accountSid: string },
  stored: TwilioAccountRow,
  services: ImportServices,
): Promise<IncomingPhoneNumbers> {
  const [authToken] = await openTokens(owner, stored, services);
  return incomingPhoneNumbers(services.twilio, { accountSid: owner.accountSid, authToken });
}
