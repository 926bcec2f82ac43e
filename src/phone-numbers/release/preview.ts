import type { ErrorCode } from "../../http/errors.ts";
import { errorFields } from "../../http/log.ts";
import type { Services } from "../../services.ts";
import { ownUrls } from "../../twilio/webhook-urls.ts";
import { accountClient } from "../../twilio-accounts/client.ts";
import { accountOf } from "../../twilio-accounts/row.ts";
import { heldChannels } from "../channels.ts";
import { type FieldChange, fieldChanges, planRestore } from "../configuration.ts";
import { openConfiguration } from "../previous-configuration.ts";
import { type ChannelOutcomes, outcomesOf, outcomesUnreached } from "./plan.ts";
import { findToRelease, reasonOf } from "./release.ts";

/** What a release would do. */
export type ReleasePreview = {
  phoneNumber: string;
  twilioNumberSid: string;
  outcomes: ChannelOutcomes;
  changes: FieldChange[];
  /** Why Twilio could not be asked, as an error code; the release would say the same. */
  reason?: ErrorCode;
};

/**
 * Looks at a number at Twilio and says what a release would restore. Writes nothing anywhere. What Twilio would refuse, such
 * as a trunk that is gone, only the release finds out.
 *
 * @throws ApiError `number_not_found`, `release_in_progress`
 * @throws StorageError
 */
export async function previewRelease(
  phoneNumber: string,
  apiKeyId: string,
  services: Services,
): Promise<ReleasePreview> {
  const row = await findToRelease(phoneNumber, apiKeyId, services);
  const channels = heldChannels(row);
  const about = { phoneNumber, twilioNumberSid: row.twilio_number_sid };
  try {
    const previous = await openConfiguration(services.vault, row);
    const twilio = await accountClient(accountOf(row), row, services);
    const number = await twilio.fetch(row.twilio_number_sid);
    const update = planRestore(number, previous, ownUrls(services.ownAddresses, row.id), channels);
    return { ...about, outcomes: outcomesOf(update), changes: fieldChanges(number, update) };
  } catch (error) {
    const reason = reasonOf(error);
    services.log.warn("release_not_previewed", { phone_number_id: row.id, reason, ...errorFields(error) });
    return { ...about, outcomes: outcomesUnreached(channels), changes: [], reason };
  }
}
