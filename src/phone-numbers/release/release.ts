import { RECOVERY } from "../../actor.ts";
import { StorageError } from "../../database.ts";
import { sealEvent } from "../../events/event.ts";
import { relay } from "../../events/tell.ts";
import { ApiError, type ErrorCode } from "../../http/errors.ts";
import { errorFields } from "../../http/log.ts";
import { newId } from "../../ids.ts";
import type { Services } from "../../services.ts";
import { nextAttempt } from "../../time.ts";
import { isNotFound } from "../../twilio/errors.ts";
import {
  type NumberConfiguration,
  type NumberUpdate,
  numberUrl,
} from "../../twilio/incoming-phone-numbers.ts";
import { inRegion } from "../../twilio/regions.ts";
import { ownUrls } from "../../twilio/webhook-urls.ts";
import { accountClient } from "../../twilio-accounts/client.ts";
import { accountOf } from "../../twilio-accounts/row.ts";
import { twilioFailure } from "../../twilio-accounts/twilio-failure.ts";
import { VaultError } from "../../vault/vault.ts";
import { type Channel, heldChannels, withChannels } from "../channels.ts";
import { planRestore, previousOf } from "../configuration.ts";
import { expireLease, isOutcomeUnknown, leaseEnd, secondsLeft } from "../lease.ts";
import { openConfiguration, sealConfiguration } from "../previous-configuration.ts";
import { eventNumber } from "../row.ts";
import {
  blindRestore,
  type ChannelOutcomes,
  curlOf,
  FIRST_RETRY_MS,
  outcomesOf,
  outcomesUnreached,
  PATIENCE_MS,
  unreachable,
} from "./plan.ts";
import { restoreByChannel } from "./restore.ts";
import { beginRelease, endRelease, findReleasable, type ReleasableRow } from "./store.ts";

export type ReleasedNumber = { phoneNumber: string; twilioNumberSid: string } & Returned;

/** What happened to the number at Twilio. */
export type Returned = {
  outcomes: ChannelOutcomes;
  /** Why something was not restored, as an error code. */
  reason?: ErrorCode;
  /** The account does not have the number any more: there is nothing left to restore. */
  isGone?: boolean;
  /** Bindings that Twilio refused, for example to a trunk that no longer exists. */
  refused?: string[];
  /** What its owner has there by now, sealed, if Twilio may still overwrite it. */
  previousSealed?: string;
  /** What the owner can run to restore the rest. */
  requests: string[];
};

/**
 * Releases a number: restores at Twilio what the import overwrote, if the field still holds our value, and deletes the
 * row. Leaving is always possible: if Twilio does not answer or refuses, the number is released here all the same, and
 * the answer says what its owner can do. The number stays in the owner's Twilio account.
 *
 * A saga like the import: the row says `releasing` before we write to Twilio. If the Worker dies in between, the next
 * request or recovery completes the release.
 *
 * @throws ApiError `number_not_found`, `release_in_progress`
 * @throws StorageError
 */
export async function releaseNumber(
  phoneNumber: string,
  apiKeyId: string,
  services: Services,
): Promise<ReleasedNumber> {
  return releaseRow(await findToRelease(phoneNumber, apiKeyId, services), services);
}

/** The same for the operator, whoever has the number. @returns whose it was, too */
export async function releaseForOperator(
  phoneNumber: string,
  services: Services,
): Promise<ReleasedNumber & { apiKeyId: string }> {
  const row = await findToRelease(phoneNumber, null, services);
  return { ...(await releaseRow(row, services)), apiKeyId: row.api_key_id };
}

/**
 * The row that a release of this number would release.
 *
 * @param apiKeyId null: of any key
 *
 * @throws ApiError `number_not_found`, `release_in_progress`
 * @throws StorageError
 */
export async function findToRelease(
  phoneNumber: string,
  apiKeyId: string | null,
  { db, now }: Services,
): Promise<ReleasableRow> {
  const row = await findReleasable(db, apiKeyId, phoneNumber);
  const isAtWork = row !== null && secondsLeft(row, now()) > 0;
  // The owner does not see a number whose import is still running, nor one that is `returning`.
  if (!row || row.state === "returning" || (isAtWork && row.state === "importing"))
    throw new ApiError("number_not_found");
  if (isAtWork) throw inProgress(secondsLeft(row, now()));
  return row;
}

/**
 * Releases a row whose lease has expired.
 *
 * @throws ApiError `release_in_progress` if another request acquires the lease first
 * @throws StorageError
 */
export async function releaseRow(row: ReleasableRow, services: Services): Promise<ReleasedNumber> {
  const { db, now } = services;
  const holder = newId("holder");
  const time = now();
  if (!(await beginRelease(db, row, holder, leaseEnd(services, time), time.toISOString())))
    throw inProgress(1);
  const returned = await returnConfiguration(row, heldChannels(row), services);
  try {
    await forget(row, holder, returned, services);
  } catch (error) {
    if (error instanceof StorageError) await expireLease({ id: row.id, holder }, services);
    throw error;
  }
  return { phoneNumber: row.phone_number, twilioNumberSid: row.twilio_number_sid, ...returned };
}

export function inProgress(retryAfter: number): ApiError {
  return new ApiError("release_in_progress", { retryAfter });
}

/** Restores channels of the number at Twilio. Never throws: whatever fails at Twilio, they are given back here. */
export async function returnConfiguration(
  row: ReleasableRow,
  channels: readonly Channel[],
  services: Services,
): Promise<Returned> {
  const { vault, ownAddresses, now, log } = services;
  let previous: NumberConfiguration | undefined;
  try {
    previous = await openConfiguration(vault, row);
    const twilio = await accountClient(accountOf(row), row, services);
    const number = await twilio.fetch(row.twilio_number_sid);
    const isOurs = ownUrls(ownAddresses, row.id);
    const update = planRestore(number, previous, isOurs, channels);
    const present = withChannels(previous, previousOf(number, isOurs, previous), channels);
    const previousSealed = isOutcomeUnknown(row.outcome_unknown_until, now())
      ? { previousSealed: await sealConfiguration(vault, row.id, present) }
      : {};
    const { taken, withoutBinding, refused } = await restoreByChannel(twilio, number.sid, update);
    const notRestored = withoutBinding.length > 0 && { refused: withoutBinding };
    if (!refused) return { outcomes: outcomesOf(taken), ...notRestored, ...previousSealed, requests: [] };
    const outcomes = { ...outcomesOf(taken), ...unreachable(refused.update) };
    return { outcomes, ...notRestored, ...unreturned(refused.error, refused.update) };
  } catch (error) {
    return {
      outcomes: outcomesUnreached(channels),
      ...unreturned(error, previous && blindRestore(previous, channels)),
    };
  }

  function unreturned(error: unknown, update: NumberUpdate | undefined) {
    const reason = reasonOf(error);
    log.warn("configuration_not_returned", { phone_number_id: row.id, reason, ...errorFields(error) });
    const url = numberUrl(
      (inRegion(services.twilio, row.region) ?? services.twilio).baseUrl,
      row.account_sid,
      row.twilio_number_sid,
    );
    return {
      reason,
      isGone: isNotFound(error),
      requests: update ? [curlOf(url, row.account_sid, update)] : [],
    };
  }
}

/** Why the number could not be restored, as an error code. */
export function reasonOf(error: unknown): ErrorCode {
  // A sealing key is missing, so we could not even ask Twilio.
  if (error instanceof VaultError) return "service_misconfigured";
  const failure = twilioFailure(error, "twilio_update_rejected");
  return failure instanceof ApiError ? failure.code : "twilio_webhooks_not_applied";
}

/** When recovery looks at the number again; undefined if never. */
export function nextReturn(row: ReleasableRow, { reason, isGone }: Returned, now: Date): string | undefined {
  if (isGone) return undefined;
  if (reason) return nextTryOf(row, now);
  // Twilio may still point the number here after this release.
  const { outcome_unknown_until: until } = row;
  return isOutcomeUnknown(until, now) ? (until ?? undefined) : undefined;
}

/** When to try again; undefined after a week. */
function nextTryOf({ state, recovery_attempts, updated_at }: ReleasableRow, now: Date): string | undefined {
  // Only retries write a row that is `returning`, and they do not change `updated_at`: it is the time of the release.
  if (state === "returning" && now.getTime() - Date.parse(updated_at) > PATIENCE_MS) return undefined;
  return nextAttempt(recovery_attempts, FIRST_RETRY_MS, now).toISOString();
}

/** @throws ApiError `release_in_progress` if another request has taken over the release */
async function forget(
  row: ReleasableRow,
  holder: string,
  returned: Returned,
  services: Services,
): Promise<void> {
  const { outcomes, reason } = returned;
  const { db, vault, now, log } = services;
  const data = { twilio_number_sid: row.twilio_number_sid, twilio: outcomes };
  const about = { number: eventNumber(row), actor: services.actor ?? RECOVERY };
  const draft = { apiKeyId: row.api_key_id, agentId: row.agent_id, ...about, data };
  // The customer of a row that is `returning` was told when it was released.
  const event =
    row.state === "returning"
      ? undefined
      : await sealEvent({ type: "number.released", ...draft }, vault, now());
  const time = now();
  const ending = {
    holder,
    event,
    now: time.toISOString(),
    returnAt: nextReturn(row, returned, time),
    previousSealed: returned.previousSealed,
  };
  const { isReleased, hasEvent } = await endRelease(db, row, ending);
  services.routesChanged(row.api_key_id);
  if (!isReleased) throw inProgress(1);
  if (event && hasEvent) services.defer(relay(row.api_key_id, services));
  log.info("number_released", {
    key_id: row.api_key_id,
    phone_number: row.phone_number,
    account_sid: row.account_sid,
    reason,
  });
}
