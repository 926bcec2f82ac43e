import { StorageError } from "../database.ts";
import { ApiError } from "../http/errors.ts";
import { errorFields } from "../http/log.ts";
import type { Warning } from "../http/warnings.ts";
import { newId } from "../ids.ts";
import type { Services } from "../services.ts";
import { mayStillHappen } from "../twilio/errors.ts";
import type { IncomingPhoneNumber } from "../twilio/incoming-phone-numbers.ts";
import { findMessagingService } from "../twilio/messaging-services.ts";
import { regionOf } from "../twilio/regions.ts";
import { findVoiceRegion } from "../twilio/routing.ts";
import { ownUrls, webhooksOf } from "../twilio/webhook-urls.ts";
import { type AccountClient, accountClient } from "../twilio-accounts/client.ts";
import { accountOf } from "../twilio-accounts/row.ts";
import { twilioFailure } from "../twilio-accounts/twilio-failure.ts";
import {
  type Channel,
  type ChannelColumns,
  chooseChannels,
  takenChannels,
  withChannels,
} from "./channels.ts";
import { beginChange, endChange } from "./channels-store.ts";
import {
  type FieldChange,
  fieldChanges,
  notApplied,
  planImport,
  planRestore,
  previousOf,
} from "./configuration.ts";
import { HEALTH_REASONS, isRegionReason } from "./health.ts";
import { inOtherRegion } from "./import/look-up.ts";
import { PLANNED } from "./import/plan-hash.ts";
import { refusalOf } from "./import/undo.ts";
import { leaseEnd, quietUntil } from "./lease.ts";
import { type WarningCode, warningsOf } from "./preview/warnings.ts";
import { openConfiguration, sealConfiguration } from "./previous-configuration.ts";
import {
  findToRelease,
  inProgress,
  nextReturn,
  type Returned,
  returnConfiguration,
} from "./release/release.ts";
import type { ReleasableRow } from "./release/store.ts";

// A channel is added to an active number as an import does it, and given back as a release does it. A saga of three steps:
// the row says which channel is changing, Twilio is told, the row says that it is done. If it stops in between, recovery
// gives the channel back: what was to be added is undone, and what was to be given back is finished.

type Owned = ChannelColumns & { phone_number: string };

function difference(row: ChannelColumns, wanted: readonly Channel[]) {
  const taken = takenChannels(row);
  return {
    added: wanted.filter((channel) => !taken.includes(channel)),
    dropped: taken.filter((channel) => !wanted.includes(channel)),
  };
}

/**
 * Gives an active number the channels that its owner wants, one after the other: first what is added.
 *
 * @returns what happened to the channel that was given back; undefined if none was
 * @throws ApiError `channel_not_supported`, `release_in_progress`, `number_not_found`, and the failures of Twilio
 * @throws StorageError
 */
export async function changeChannels(
  number: Owned,
  wanted: readonly Channel[],
  apiKeyId: string,
  services: Services,
): Promise<Returned | undefined> {
  const { added, dropped } = difference(number, wanted);
  const idle = () => idleRow(number.phone_number, apiKeyId, services);
  try {
    for (const channel of added) await addChannel(await idle(), channel, services);
    let returned: Returned | undefined;
    for (const channel of dropped) returned = await giveBack(await idle(), channel, services);
    return returned;
  } finally {
    services.routesChanged(apiKeyId);
  }
}

/** What such a change would change at Twilio. Writes nothing anywhere. @throws as {@link changeChannels} */
export async function planChannels(
  owned: Owned,
  wanted: readonly Channel[],
  apiKeyId: string,
  services: Services,
): Promise<{ twilioChanges: FieldChange[]; warnings: Warning<WarningCode>[] }> {
  const { added, dropped } = difference(owned, wanted);
  const row = await idleRow(owned.phone_number, apiKeyId, services);
  const { number, twilio } = await lookAt(row, added, services);
  const previous = await openConfiguration(services.vault, row);
  const update = {
    ...planImport(number, webhooksOf(services.publicBaseUrl, PLANNED), added),
    ...planRestore(number, previous, ownUrls(services.ownAddresses, row.id), dropped),
  };
  const { endpoint, credentials } = twilio;
  const service = added.includes("sms") && (await findMessagingService(endpoint, credentials, number.sid));
  const facts = { service: service || undefined, accountType: undefined, webhookRule: undefined };
  return { twilioChanges: fieldChanges(number, update), warnings: warningsOf(number, facts, added) };
}

/** An active number that nobody is at work on. */
async function idleRow(phoneNumber: string, apiKeyId: string, services: Services): Promise<ReleasableRow> {
  const row = await findToRelease(phoneNumber, apiKeyId, services);
  if (row.state !== "active") throw new ApiError("number_not_found");
  return row;
}

/** The number at Twilio, if these channels can be added to it. */
async function lookAt(
  row: ReleasableRow,
  added: readonly Channel[],
  services: Services,
): Promise<{ number: IncomingPhoneNumber; twilio: AccountClient }> {
  try {
    const twilio = await accountClient(accountOf(row), row, services);
    const number = await twilio.fetch(row.twilio_number_sid);
    if (added.length > 0) chooseChannels(added, number);
    if (added.includes("voice")) {
      const region = regionOf(twilio.endpoint);
      const voiceRegion = await findVoiceRegion(twilio.endpoint, twilio.credentials, row.phone_number);
      if (voiceRegion !== undefined && voiceRegion !== region) throw inOtherRegion(voiceRegion, region);
    }
    return { number, twilio };
  } catch (error) {
    throw twilioFailure(error, "twilio_unavailable");
  }
}

async function addChannel(row: ReleasableRow, channel: Channel, services: Services): Promise<void> {
  const { db, vault, now, ownAddresses, publicBaseUrl } = services;
  const taken = takenChannels(row);
  if (taken.includes(channel)) return;
  const { number, twilio } = await lookAt(row, [channel], services);
  const former = await openConfiguration(vault, row);
  const found = previousOf(number, ownUrls(ownAddresses, row.id), former);
  const previousSealed = await sealConfiguration(vault, row.id, withChannels(former, found, [channel]));
  const channels = [...taken, channel];
  const holder = await begin(row, { channel, channels, reasons: HEALTH_REASONS, previousSealed }, services);

  const webhooks = webhooksOf(publicBaseUrl, { accountId: row.twilio_account_id, phoneNumberId: row.id });
  const update = planImport(number, webhooks, [channel]);
  try {
    const updated = await twilio.update(number.sid, update);
    const fields = notApplied(updated, update);
    if (fields.length > 0) throw new ApiError("twilio_webhooks_not_applied", { details: { fields } });
    if (!(await endChange(db, row.id, { holder, channels, left: null }, now().toISOString())))
      throw inProgress(1);
  } catch (error) {
    const claimed = { ...row, previous_configuration_sealed: previousSealed };
    throw await undoAdding(claimed, channel, holder, { error, answer: refusalOf(error, number) }, services);
  }
}

/** Undoes what was begun, now or by recovery, and returns the error to answer with. */
async function undoAdding(
  row: ReleasableRow,
  channel: Channel,
  holder: string,
  { error, answer }: { error: unknown; answer: unknown },
  services: Services,
): Promise<unknown> {
  const { db, now, log } = services;
  try {
    if (mayStillHappen(error)) {
      const until = quietUntil(now());
      const left = { channel, at: until };
      // Until then Twilio may send here what comes in.
      const channels = [...takenChannels(row), channel];
      const ending = { holder, channels, left, outcomeUnknownUntil: until };
      await endChange(db, row.id, ending, now().toISOString());
    } else if (!(error instanceof StorageError)) {
      const { reason } = await returnChannel(row, channel, holder, services);
      if (reason === undefined) return answer;
    }
  } catch (failure) {
    log.warn("channel_not_undone", { phone_number_id: row.id, ...errorFields(failure) });
  }
  if (!(answer instanceof ApiError || answer instanceof StorageError)) return answer;
  const known = answer instanceof ApiError ? answer : new ApiError("storage_unavailable", { cause: answer });
  return known.explained(
    "The channel is neither added nor given back yet. Send the change again to add it; otherwise it is given back soon.",
    { outcome: "unknown" },
  );
}

/**
 * Gives a channel of an active number back. Whatever fails at Twilio, it is given back here, and recovery goes on.
 *
 * @throws ApiError `release_in_progress` if another request holds the lease
 * @throws StorageError
 */
export async function giveBack(row: ReleasableRow, channel: Channel, services: Services): Promise<Returned> {
  const reasons = HEALTH_REASONS.filter(
    (reason) => reason === "number_missing" || (channel === "sms" && isRegionReason(reason)),
  );
  const channels = takenChannels(row).filter((other) => other !== channel);
  const holder = await begin(row, { channel, channels, reasons }, services);
  return returnChannel(row, channel, holder, services);
}

type Change = Omit<Parameters<typeof beginChange>[2], "holder" | "leaseExpiresAt">;

async function begin(row: ReleasableRow, change: Change, services: Services): Promise<string> {
  const time = services.now();
  const holder = newId("holder");
  const lease = { holder, leaseExpiresAt: leaseEnd(services, time) };
  if (!(await beginChange(services.db, row, { ...change, ...lease }, time.toISOString())))
    throw inProgress(1);
  return holder;
}

async function returnChannel(
  row: ReleasableRow,
  channel: Channel,
  holder: string,
  services: Services,
): Promise<Returned> {
  const returned = await returnConfiguration(row, [channel], services);
  const time = services.now();
  const at = nextReturn(row, returned, time);
  const ending = {
    holder,
    channels: takenChannels(row).filter((other) => other !== channel),
    left: at === undefined ? null : { channel, at },
    previousSealed: returned.previousSealed,
  };
  if (!(await endChange(services.db, row.id, ending, time.toISOString()))) throw inProgress(1);
  services.log.info("channel_given_back", { phone_number_id: row.id, channel, reason: returned.reason });
  return returned;
}
