import { errorFields } from "../../http/log.ts";
import type { Services } from "../../services.ts";
import { ownUrls } from "../../twilio/webhook-urls.ts";
import { accountClient } from "../../twilio-accounts/client.ts";
import { accountOf } from "../../twilio-accounts/row.ts";
import { heldChannels } from "../channels.ts";
import { fieldChanges, planRestore } from "../configuration.ts";
import { openConfiguration } from "../previous-configuration.ts";
import { outcomesOf, outcomesUnreached } from "./plan.ts";
import { findToRelease, reasonOf } from "./release.ts";

/**
 * Looks at a number at Twilio and says what a release would restore, in the words of the release. Writes nothing anywhere.
 * What Twilio would refuse, such as a trunk that is gone, only the release finds out.
 *
 * @throws ApiError `number_not_found`, `release_in_progress`
 * @throws StorageError
 */
export async function previewRelease(phoneNumber: string, apiKeyId: string, services: Services) {
  const row = await findToRelease(phoneNumber, apiKeyId, services);
  const channels = heldChannels(row);
  const about = { phone_number: phoneNumber, deleted: false, twilio_number_sid: row.twilio_number_sid };
  try {
    const previous = await openConfiguration(services.vault, row);
    const twilio = await accountClient(accountOf(row), row, services);
    const number = await twilio.fetch(row.twilio_number_sid);
    const update = planRestore(number, previous, ownUrls(services.ownAddresses, row.id), channels);
    const phone_number = { ...about, twilio: outcomesOf(update) };
    return { dry_run: true, phone_number, changes: fieldChanges(number, update) };
  } catch (error) {
    const reason = reasonOf(error);
    services.log.warn("release_not_previewed", { phone_number_id: row.id, reason, ...errorFields(error) });
    const phone_number = { ...about, twilio: outcomesUnreached(channels), reason };
    return { dry_run: true, phone_number, changes: [] };
  }
}
