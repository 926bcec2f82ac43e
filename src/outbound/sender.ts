import type { Owner } from "../actor.ts";
import { readBatch } from "../database.ts";
import { ApiError } from "../http/errors.ts";
import { type Limits, limitsOf } from "../limits.ts";
import type { Services } from "../services.ts";
import { refusedCountry } from "../twilio/country.ts";
import type { TwilioCredentials, TwilioEndpoint } from "../twilio/http.ts";
import { accountClient } from "../twilio-accounts/client.ts";
import { type AccountKey, accountOf } from "../twilio-accounts/row.ts";
import { selectSender, senderRows } from "./store.ts";

/** Whose number calls or texts, and what it takes to let it. */
export type Sender = {
  apiKeyId: string;
  phoneNumberId: string;
  phoneNumber: string;
  externalId: string | null;
  twilioNumberSid: string;
  /** The one it is in, and when Twilio was last asked. */
  messagingService: { sid: string | null; checkedAt: string | null };
  account: AccountKey;
  limits: Limits;
  /** @throws VaultError, TwilioError */
  connect: () => Promise<{ endpoint: TwilioEndpoint; credentials: TwilioCredentials }>;
};

/** Who sends; `prefetched` is what was read with the API key. */
export type SendRequest = Owner & {
  idempotencyKey: string | undefined;
  prefetched: readonly D1Result[] | undefined;
};

/**
 * The number that an agent calls or texts from. Faults in the contract's order: agent, then number.
 *
 * @throws ApiError `agent_not_found`, `from_number_not_found`, `agent_missing_phone_number`, `outbound_disabled`,
 *   `country_not_allowed`
 * @throws StorageError
 */
export async function senderOf(
  { agent_id: agentId, from_number: fromNumber }: { agent_id: string; from_number: string | null },
  to: string,
  { apiKeyId, externalId, prefetched }: SendRequest,
  services: Services,
): Promise<Sender> {
  const { agent, sender, key } = senderRows(
    prefetched ??
      (await readBatch(
        services.db,
        selectSender(services.db, { apiKeyId, externalId }, agentId, fromNumber),
      )),
  );
  if (!agent) throw new ApiError("agent_not_found");
  if (!sender)
    throw new ApiError(fromNumber === null ? "agent_missing_phone_number" : "from_number_not_found");
  if (sender.outbound_enabled === 0) throw new ApiError("outbound_disabled");
  if (agent.is_active === 0)
    throw new ApiError("outbound_disabled", {
      message: "This agent is not active, so it neither calls nor texts. Set its is_active to true first.",
    });
  const limits = limitsOf(key ?? { limits: null, countries: null }, services.defaultLimits);
  const country = await refusedCountry(to, limits.allowed_countries);
  if (country !== undefined) throw new ApiError("country_not_allowed", { details: { country } });
  const account = accountOf({ ...sender, api_key_id: apiKeyId });
  return {
    apiKeyId,
    phoneNumberId: sender.id,
    phoneNumber: sender.phone_number,
    externalId: sender.external_id,
    twilioNumberSid: sender.twilio_number_sid,
    messagingService: { sid: sender.messaging_service_sid, checkedAt: sender.messaging_service_checked_at },
    account,
    limits,
    connect: () => accountClient(account, sender, services),
  };
}
