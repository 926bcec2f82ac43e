import { errorFields } from "../http/log.ts";
import { newId } from "../ids.ts";
import { openTokens } from "../phone-numbers/auth-token.ts";
import { giveUp, type ImportServices, leaseEnd, secondsLeft } from "../phone-numbers/claim.ts";
import { openConfiguration } from "../phone-numbers/previous-configuration.ts";
import { releaseRow } from "../phone-numbers/release.ts";
import { findReleasable, type ReleasableRow } from "../phone-numbers/release-store.ts";
import { type Claim, reclaim } from "../phone-numbers/store.ts";
import { undo } from "../phone-numbers/undo.ts";
import { ownUrls } from "../phone-numbers/webhooks.ts";
import { incomingPhoneNumbers } from "../twilio/incoming-phone-numbers.ts";

// After this long without Twilio's help an import is ended as a release is: it goes, and its owner keeps what there was.
const PATIENCE_MS = 7 * 24 * 60 * 60 * 1000;

/**
 * Ends what an import or a release left unfinished, by the rules of the request that left it: an import nobody was told
 * of is undone, a release is carried through, and what Twilio could not be told is told.
 *
 * @throws StorageError
 */
export async function settleUnfinished(
  phoneNumber: string,
  apiKeyId: string,
  services: ImportServices,
): Promise<void> {
  const { db, now } = services;
  const row = await findReleasable(db, apiKeyId, phoneNumber);
  if (!row || row.state === "active" || secondsLeft(row, now()) > 0) return;
  const isHopeless = now().getTime() - Date.parse(row.created_at) > PATIENCE_MS;
  if (row.state === "importing" && !isHopeless) await undoImport(row, services);
  else await releaseRow(row, services);
}

async function undoImport(row: ReleasableRow, services: ImportServices): Promise<void> {
  const { db, vault, now, log, publicBaseUrl } = services;
  const time = now();
  const claim: Claim = {
    id: row.id,
    claimId: newId("claim"),
    leaseExpiresAt: leaseEnd(services, time),
    phoneNumber: row.phone_number,
    apiKeyId: row.api_key_id,
    agentId: row.agent_id ?? "",
    accountSid: row.account_sid,
    twilioNumberSid: row.twilio_number_sid,
    previousConfigurationSealed: row.previous_configuration_sealed,
  };
  if (!(await reclaim(db, claim, row.claim_id, time.toISOString()))) return;
  try {
    const owner = { apiKeyId: row.api_key_id, accountSid: row.account_sid };
    const [authToken = ""] = await openTokens(vault, owner, row, now(), log);
    const twilio = incomingPhoneNumbers(services.twilio, { accountSid: row.account_sid, authToken });
    const number = await twilio.fetch(row.twilio_number_sid);
    const previous = await openConfiguration(vault, row);
    const claimed = { row: claim, number, previous, isOurs: ownUrls(publicBaseUrl, row.id), twilio };
    if (await undo(claimed, number, services)) log.info("import_undone", { phone_number_id: row.id });
  } catch (error) {
    // The next run tries again, and so may the owner's next import.
    log.warn("import_not_settled", { phone_number_id: row.id, ...errorFields(error) });
    await giveUp(claim, services);
  }
}
