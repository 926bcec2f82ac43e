import { StorageError } from "../../database.ts";
import { type SealedEvent, sealEvent } from "../../events/event.ts";
import { relay } from "../../events/tell.ts";
import { ApiError } from "../../http/errors.ts";
import { faultError } from "../../http/faults.ts";
import { errorFields } from "../../http/log.ts";
import { newId } from "../../ids.ts";
import { findRoom } from "../../limits-store.ts";
import type { Services } from "../../services.ts";
import { countryOf } from "../../twilio/country.ts";
import type {
  IncomingPhoneNumber,
  IncomingPhoneNumbers,
  NumberConfiguration,
} from "../../twilio/incoming-phone-numbers.ts";
import { ownUrls } from "../../twilio/webhook-urls.ts";
import { disprove } from "../../twilio-accounts/check-store.ts";
import { beginChecks } from "../../twilio-accounts/due-store.ts";
import { missingOfAccount } from "../../twilio-accounts/known.ts";
import { type CredentialToStore, findAccount, upsertAccount } from "../../twilio-accounts/store.ts";
import { changedOwn } from "../change-settings.ts";
import { type Channel, channelsJson, heldChannels } from "../channels.ts";
import { previousOf } from "../configuration.ts";
import { expireLease, leaseEnd } from "../lease.ts";
import { openConfiguration, sealConfiguration } from "../previous-configuration.ts";
import { eventNumber } from "../row.ts";
import type { ImportBody } from "../schema.ts";
import { NOTHING_OWN } from "../settings.ts";
import { type Known, tooMany } from "./look-up.ts";
import {
  type Claim,
  type ExistingRow,
  type ImportingLink,
  insertClaim,
  type NewClaim,
  removeClaim,
  takeOverClaim,
} from "./store.ts";
import type { Takeover } from "./takeover.ts";

/** An import that has its row and may have written to Twilio. */
export type ClaimedImport<Row extends Claim = Claim> = {
  row: Row;
  /** The number as it was before this import wrote to Twilio. */
  number: IncomingPhoneNumber;
  /** What it takes over. */
  channels: readonly Channel[];
  /** What to restore. */
  previous: NumberConfiguration;
  isOurs: (url: string) => boolean;
  twilio: IncomingPhoneNumbers;
};

/**
 * What an earlier import of this row found. If the number was released and this cannot be opened, the import goes on
 * without it: the owner wants the number here again.
 *
 * @throws VaultError
 */
async function openFirst(row: ExistingRow, { vault, log }: Services) {
  try {
    return await openConfiguration(vault, row);
  } catch (error) {
    if (row.state !== "returning" && row.is_orphaned !== 1) throw error;
    log.error("previous_configuration_lost", { phone_number_id: row.id, ...errorFields(error) });
    return undefined;
  }
}

type ClaimRequest = {
  body: ImportBody;
  link: ImportingLink | undefined;
  known: Known;
  /** What becomes of the row that the number already has. */
  takeover: Takeover;
  /** Undefined if no Auth Token was sent: then the account's row is not made again if it is gone. */
  token: CredentialToStore | undefined;
};

/**
 * Writes the row as `importing`, or takes over the row of an unfinished import or release of this key. A key that has lost the
 * number is told, and the new owner gets nothing of its configuration.
 */
export async function claim(
  { body, link, known, takeover, token }: ClaimRequest,
  services: Services,
): Promise<ClaimedImport<NewClaim>> {
  const { account, number, channels, twilio, existing } = known;
  const takenOver = takeover === "taken_over" ? existing : undefined;
  const isLost = takeover === "lost";
  // The row of another key to replace.
  const superseded = takeover === "superseded" || isLost ? existing : undefined;
  const { db, vault, ids, ownAddresses, log } = services;
  const { max_numbers } = services.defaultLimits;
  const id = takenOver?.id ?? (await ids.newPhoneNumberId());
  // The old configuration belongs to the number's owner. The same SID means the same number in the same Twilio account,
  // so the new row keeps it. If the number has moved to another account, it does not.
  const earlier =
    takenOver ?? (!isLost && superseded?.twilio_number_sid === number.sid ? superseded : undefined);
  const former = earlier ?? superseded;
  const isOurs = ownUrls(ownAddresses, id, ...(former ? [former.id] : []));
  const original = earlier && (await openFirst(earlier, services));
  const previous = previousOf(number, isOurs, original);
  const now = services.now();
  const row: NewClaim = {
    id,
    holder: newId("holder"),
    leaseExpiresAt: leaseEnd(services, now),
    phoneNumber: body.phone_number,
    country: (await countryOf(body.phone_number)) ?? "",
    apiKeyId: account.apiKeyId,
    accountId: account.id,
    accountSid: account.accountSid,
    region: account.region,
    agentId: body.agent_id,
    twilioNumberSid: number.sid,
    previousConfigurationSealed: await sealConfiguration(vault, id, previous),
    outcomeUnknownUntil: earlier?.outcome_unknown_until ?? null,
    own: changedOwn(NOTHING_OWN, body),
    connectLinkId: link?.id ?? null,
    channels: channelsJson(channels),
    // What the earlier import may have taken over and this one does not want is given back.
    changing_channel:
      (earlier && heldChannels(earlier).find((channel) => !channels.includes(channel))) ?? null,
  };

  const time = now.toISOString();
  const accounts = [
    ...(token ? [upsertAccount(db, token, time)] : []),
    disprove(db, account, known.stored?.auth_token_changed_at ?? null, "accepted", time),
    beginChecks(db, account, time),
  ];
  const told = isLost && superseded ? await lostEvent(superseded, services) : undefined;
  try {
    const accountId = takenOver
      ? await takeOverClaim(db, row, takenOver.lease_holder, accounts, max_numbers, time)
      : await insertClaim(
          db,
          row,
          accounts,
          max_numbers,
          time,
          superseded && { ...superseded, isLost, told },
        );
    if (told && superseded) {
      services.routesChanged(superseded.api_key_id);
      log.info("number_lost", { key_id: superseded.api_key_id, phone_number_id: superseded.id });
      services.defer(relay(superseded.api_key_id, services));
    }
    if (accountId === undefined) throw new ApiError("number_already_imported");
    return { row: { ...row, accountId }, number, channels, previous, isOurs, twilio };
  } catch (error) {
    if (error instanceof StorageError && error.failure === "conflict")
      throw new ApiError("number_already_imported");
    // The agent was deleted after we looked it up.
    if (error instanceof StorageError && error.failure === "dangling") throw new ApiError("agent_not_found");
    // The account was disconnected, or another import took the last place, after we looked.
    const isAbsent = error instanceof StorageError && error.failure === "absent";
    if (isAbsent && !token && !(await findAccount(db, account)))
      throw faultError(missingOfAccount({ twilio_sid: account.accountSid }, []));
    if (isAbsent) throw tooMany(await findRoom(db, account.apiKeyId, "max_numbers", max_numbers));
    // D1 may have written the row although it reported an error. Twilio was not changed, so nobody need wait. A row that
    // took another's place holds what is to be restored, so it stays.
    if (earlier) await expireLease(row, services);
    else
      await removeClaim(db, row).catch((failure: unknown) =>
        log.warn("claim_not_removed", errorFields(failure)),
      );
    throw error;
  }
}

/** Tells the key that had the number; who has it now is none of its business. */
function lostEvent(row: ExistingRow, { vault, now }: Services): Promise<SealedEvent> {
  const { api_key_id: apiKeyId, agent_id: agentId, twilio_number_sid } = row;
  const data = { twilio_number_sid, reason: "in_another_account" };
  const draft = { type: "number.lost", apiKeyId, agentId, number: eventNumber(row), data } as const;
  return sealEvent(draft, vault, now());
}
