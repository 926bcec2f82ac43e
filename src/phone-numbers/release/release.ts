import { forgetRoutes } from "../../answering/route-cache.ts";
import { ownUrls } from "../../answering/webhook-urls.ts";
import { StorageError } from "../../database.ts";
import { sealEvent } from "../../events/event.ts";
import { relay } from "../../events/tell.ts";
import { ApiError, type ErrorCode } from "../../http/errors.ts";
import { errorFields } from "../../http/log.ts";
import { newId } from "../../ids.ts";
import { nextAttempt } from "../../next-attempt.ts";
import type { Services } from "../../services.ts";
import {
  type NumberConfiguration,
  type NumberUpdate,
  numberUrl,
} from "../../twilio/incoming-phone-numbers.ts";
import { accountClient } from "../../twilio-accounts/client.ts";
import { twilioFailure } from "../../twilio-accounts/twilio-failure.ts";
import { VaultError } from "../../vault/vault.ts";
import { planRestore } from "../configuration.ts";
import { expireLease, leaseEnd, secondsLeft } from "../lease.ts";
import { openConfiguration } from "../previous-configuration.ts";
import {
  blindRestore,
  type ChannelOutcomes,
  curlOf,
  FIRST_RETRY_MS,
  outcomesOf,
  UNREACHABLE,
  unreachable,
} from "./plan.ts";
import { restoreByChannel } from "./restore.ts";
import { beginRelease, endRelease, findReleasable, type ReleasableRow } from "./store.ts";

export type ReleasedNumber = { phoneNumber: string; twilioNumberSid: string } & Returned;

/** What became of the number at Twilio. */
type Returned = {
  outcomes: ChannelOutcomes;
  /** Why Twilio could not be told, or did not take it, as an error code. */
  reason?: ErrorCode;
  /** Fields that Twilio would not take back, such as a trunk that is gone. */
  refused?: string[];
  /** What the owner can send to Twilio in our place. */
  requests: string[];
};

/**
 * Releases a number: what the import overwrote at Twilio is given back, where it still holds our values, and the number
 * is forgotten here. Leaving is always possible: where Twilio cannot be told the number goes all the same, and the answer
 * says what its owner can do. The number is never released at Twilio.
 *
 * A saga like the import: the row says `releasing` before Twilio is touched, and whatever dies in between is taken up by
 * the next request or by the reconciliation.
 *
 * @throws ApiError `number_not_found`, `release_in_progress`
 * @throws StorageError
 */
export async function releaseNumber(
  phoneNumber: string,
  apiKeyId: string,
  services: Services,
): Promise<ReleasedNumber> {
  const { db, now } = services;
  const row = await findReleasable(db, apiKeyId, phoneNumber);
  const isAtWork = row !== null && secondsLeft(row, now()) > 0;
  // An import that is under way is not there yet for its owner, and a number that is returning is not there any more.
  if (!row || row.state === "returning" || (isAtWork && row.state === "importing"))
    throw new ApiError("number_not_found");
  if (isAtWork) throw inProgress(secondsLeft(row, now()));
  return releaseRow(row, services);
}

/**
 * Releases a row that nobody is at work on.
 *
 * @throws ApiError `release_in_progress` where somebody is all the same
 * @throws StorageError
 */
export async function releaseRow(row: ReleasableRow, services: Services): Promise<ReleasedNumber> {
  const { db, now } = services;
  const claimId = newId("claim");
  const time = now();
  if (!(await beginRelease(db, row, claimId, leaseEnd(services, time), time.toISOString())))
    throw inProgress(1);
  const returned = await returnConfiguration(row, services);
  try {
    await forget(row, claimId, returned, services);
  } catch (error) {
    if (error instanceof StorageError) await expireLease({ id: row.id, claimId }, services);
    throw error;
  }
  return { phoneNumber: row.phone_number, twilioNumberSid: row.twilio_number_sid, ...returned };
}

function inProgress(retryAfter: number): ApiError {
  return new ApiError("release_in_progress", { retryAfter });
}

/** Gives back at Twilio what is ours there. Never throws: whatever stands in the way, the number is released here. */
async function returnConfiguration(row: ReleasableRow, services: Services): Promise<Returned> {
  const { vault, publicBaseUrl, log } = services;
  let previous: NumberConfiguration | undefined;
  try {
    previous = await openConfiguration(vault, row);
    const owner = { apiKeyId: row.api_key_id, accountSid: row.account_sid };
    const twilio = await accountClient(owner, row, services);
    const number = await twilio.fetch(row.twilio_number_sid);
    const update = planRestore(number, previous, ownUrls(publicBaseUrl, row.id));
    const { taken, withoutBinding, refused } = await restoreByChannel(twilio, number.sid, update);
    const notRestored = withoutBinding.length > 0 && { refused: withoutBinding };
    if (!refused) return { outcomes: outcomesOf(taken), ...notRestored, requests: [] };
    const outcomes = { ...outcomesOf(taken), ...unreachable(refused.update) };
    return { outcomes, ...notRestored, ...unreturned(refused.error, refused.update) };
  } catch (error) {
    return { outcomes: UNREACHABLE, ...unreturned(error, previous && blindRestore(previous)) };
  }

  function unreturned(error: unknown, update: NumberUpdate | undefined) {
    const reason = reasonOf(error);
    log.warn("configuration_not_returned", { phone_number_id: row.id, reason, ...errorFields(error) });
    const url = numberUrl(services.twilio.baseUrl, row.account_sid, row.twilio_number_sid);
    return { reason, requests: update ? [curlOf(url, row.account_sid, update)] : [] };
  }
}

/** Why the configuration could not be returned, as the code of an error. */
function reasonOf(error: unknown): ErrorCode {
  // A sealing key is gone, so Twilio was not even asked.
  if (error instanceof VaultError) return "service_misconfigured";
  const failure = twilioFailure(error, "twilio_update_rejected");
  return failure instanceof ApiError ? failure.code : "twilio_webhooks_not_applied";
}

const PATIENCE_MS = 7 * 24 * 60 * 60 * 1000;

/** When to look at the number again; undefined where that is over. */
function nextReturn(row: ReleasableRow, { reason }: Returned, now: Date): string | undefined {
  if (reason) return nextTryOf(row, now);
  // Twilio may still be at work on an import of unknown outcome, and point the number here after this look at it.
  const { state, next_attempt_at: quietUntil } = row;
  return state === "importing" && quietUntil !== null && quietUntil > now.toISOString()
    ? quietUntil
    : undefined;
}

/** When to try again; undefined after a week. */
function nextTryOf({ state, return_attempts, updated_at }: ReleasableRow, now: Date): string | undefined {
  // While it is returning, nothing but the attempts themselves writes the row, and they do not set this time anew.
  if (state === "returning" && now.getTime() - Date.parse(updated_at) > PATIENCE_MS) return undefined;
  return nextAttempt(return_attempts, FIRST_RETRY_MS, now).toISOString();
}

/** @throws ApiError `release_in_progress` where another request has taken the release over */
async function forget(
  row: ReleasableRow,
  claimId: string,
  returned: Returned,
  services: Services,
): Promise<void> {
  const { outcomes, reason } = returned;
  const { db, vault, now, log } = services;
  const data = { phone_number: row.phone_number, twilio_number_sid: row.twilio_number_sid, twilio: outcomes };
  // One that is returning was told of already, and has no agent.
  const draft = row.agent_id && {
    apiKeyId: row.api_key_id,
    agentId: row.agent_id,
    phoneNumberId: row.id,
    data,
  };
  const event = draft ? await sealEvent({ type: "number.released", ...draft }, vault, now()) : undefined;
  const time = now();
  const ending = { claimId, event, now: time.toISOString(), returnAt: nextReturn(row, returned, time) };
  const { isReleased, hasEvent } = await endRelease(db, row, ending);
  forgetRoutes(row.api_key_id);
  if (!isReleased) throw inProgress(1);
  if (event && hasEvent) services.defer(relay([event], services));
  log.info("number_released", { phone_number: row.phone_number, account_sid: row.account_sid, reason });
}
