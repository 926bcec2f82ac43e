import type { Services } from "../services.ts";
import type { TwilioCredentials, TwilioEndpoint } from "../twilio/http.ts";
import { type IncomingPhoneNumbers, incomingPhoneNumbers } from "../twilio/incoming-phone-numbers.ts";
import { requireRegion } from "../twilio/regions.ts";
import { openCredential } from "./credential.ts";
import type { AccountKey, TwilioAccountRow } from "./row.ts";

/** What it takes to reach a Twilio account, and its numbers. */
export type AccountClient = IncomingPhoneNumbers & {
  endpoint: TwilioEndpoint;
  credentials: TwilioCredentials;
};

/**
 * A Twilio account at Twilio, in its Region and by the credential that is stored for it.
 *
 * @throws VaultError if the credential does not open
 * @throws TwilioError if this deployment has no way to the Region
 */
export async function accountClient(
  account: AccountKey,
  stored: TwilioAccountRow,
  services: Pick<Services, "vault" | "log" | "now" | "twilio">,
): Promise<AccountClient> {
  const credentials = await openCredential(account, stored, services);
  const endpoint = requireRegion(services.twilio, account.region);
  return { ...incomingPhoneNumbers(endpoint, credentials), endpoint, credentials };
}
