import { ApiError } from "../http/errors.ts";
import { errorFields } from "../http/log.ts";
import { newId } from "../ids.ts";
import type { Services } from "../services.ts";
import { mayStillHappen } from "../twilio/errors.ts";
import type { IncomingPhoneNumber } from "../twilio/incoming-phone-numbers.ts";
import { regionOf } from "../twilio/regions.ts";
import { findVoiceRegion } from "../twilio/routing.ts";
import { ownUrls, webhooksOf } from "../twilio/webhook-urls.ts";
import { type AccountClient, accountClient } from "../twilio-accounts/client.ts";
import { consents } from "../twilio-accounts/known.ts";
import { accountOf } from "../twilio-accounts/row.ts";
import { twilioFailure } from "../twilio-accounts/twilio-failure.ts";
import {
  type Channel,
  type ChannelColumns,
  chooseChannels,
  takenChannels,
  withChannels,
} from "./channels.ts";
import { type ChannelStep, putStep } from "./channels-store.ts";
import {
  type FieldChange,
  fieldChanges,
  notApplied,
  planImport,
  planRestore,
  previousOf,
} from "./configuration.ts";
import { type HealthReason, isRegionReason, parseReasons, reasonsOf } from "./health.ts";
import { checkRegion } from "./import/look-up.ts";
import { PLANNED } from "./import/plan-hash.ts";
import { outcomeUnknown, refusalOf } from "./import/undo.ts";
import { leaseEnd, quietUntil } from "./lease.ts";
import { openConfiguration, sealConfiguration } from "./previous-configuration.ts";
import {
  findToRelease,
  inProgress,
  nextReturn,
  type Returned,
  returnConfiguration,
} from "./release/release.ts";
import type { ReleasableRow } from "./release/store.ts";

// A channel is added to an active number as an import does it, and given back as a release does it: a saga of three steps.
// The row says which channel is changing, Twilio is told, the row says that it is done. If it stops in between, recovery
// gives the channel back: what was to be added is undone, and what was to be given back is finished.

type Owned = ChannelColumns & { phone_number: string };

/** What an active number that nobody is at work on, would get and lose. */
async function compare(owned: Owned, wanted: readonly Channel[], apiKeyId: string, services: Services) {
  const row = await findToRelease(owned.phone_number, apiKeyId, services);
  if (row.state !== "active") throw new ApiError("number_not_found");
  const taken = takenChannels(row);
  const added = wanted.filter((channel) => !taken.includes(channel));
  // A number that its customer has picked may have been imported anew, without a link.
  const isPicked = row.connect_link_id !== null || consents(row, row.phone_number);
  if (isPicked && !consents(row, row.phone_number, added)) throw new ApiError("not_consented");
  return { row, added, dropped: taken.filter((channel) => !wanted.includes(channel)) };
}

/**
 * Gives an active number the channels that its owner wants: first adds what is new.
 *
 * @returns what happened to the channel that was given back; undefined if none was
 * @throws ApiError `channel_not_supported`, `not_consented`, `release_in_progress`, `number_not_found`, and the failures of Twilio
 * @throws StorageError
 */
export async function changeChannels(
  owned: Owned,
  wanted: readonly Channel[],
  apiKeyId: string,
  services: Services,
): Promise<Returned | undefined> {
  if (String(takenChannels(owned)) === String(wanted)) return undefined;
  const { row, added } = await compare(owned, wanted, apiKeyId, services);
  for (const channel of added) await addChannel(row, channel, services);
  const { row: now, dropped } = await compare(owned, wanted, apiKeyId, services);
  return dropped[0] && (await giveBack(now, dropped[0], services));
}

/** The fields of Twilio that this would change. Writes nothing anywhere. @throws as {@link changeChannels} */
export async function planChannels(
  owned: Owned,
  wanted: readonly Channel[],
  apiKeyId: string,
  services: Services,
): Promise<FieldChange[]> {
  const { row, added, dropped } = await compare(owned, wanted, apiKeyId, services);
  const { number } = await lookAt(row, added, services);
  const previous = await openConfiguration(services.vault, row);
  return fieldChanges(number, {
    ...planImport(number, webhooksOf(services.publicBaseUrl, PLANNED), added),
    ...planRestore(number, previous, ownUrls(services.ownAddresses, row.id), dropped),
  });
}

/** The number at Twilio, if these channels can be added to it. */
async function lookAt(
  row: ReleasableRow,
  added: readonly Channel[],
  services: Services,
): Promise<{ number: IncomingPhoneNumber; twilio: AccountClient; isRegionChecked: boolean }> {
  try {
    const twilio = await accountClient(accountOf(row), row, services);
    const number = await twilio.fetch(row.twilio_number_sid);
    if (added.length > 0) chooseChannels(added, number);
    if (!added.includes("voice")) return { number, twilio, isRegionChecked: true };
    const { endpoint, credentials } = twilio;
    const [routed] = await Promise.allSettled([findVoiceRegion(endpoint, credentials, row.phone_number)]);
    return { number, twilio, isRegionChecked: checkRegion(routed, regionOf(endpoint), services.log) };
  } catch (error) {
    throw twilioFailure(error, "twilio_unavailable");
  }
}

async function addChannel(row: ReleasableRow, channel: Channel, services: Services): Promise<void> {
  const { vault, now, ownAddresses, publicBaseUrl } = services;
  const { number, twilio, isRegionChecked } = await lookAt(row, [channel], services);
  const former = await openConfiguration(vault, row);
  const found = previousOf(number, ownUrls(ownAddresses, row.id), former);
  const previousSealed = await sealConfiguration(vault, row.id, withChannels(former, found, [channel]));
  const channels = [...takenChannels(row), channel];
  const begun = await begin(row, { channels, changing: channel, previousSealed }, services);
  const { lease_holder: holder } = begun;

  const webhooks = webhooksOf(publicBaseUrl, { accountId: row.twilio_account_id, phoneNumberId: row.id });
  const update = planImport(number, webhooks, [channel]);
  try {
    const updated = await twilio.update(number.sid, update);
    const fields = notApplied(updated, update);
    if (fields.length > 0) throw new ApiError("twilio_webhooks_not_applied", { details: { fields } });
  } catch (error) {
    const answer = refusalOf(error, number);
    const until = quietUntil(now());
    // Until then Twilio may begin to send here what comes in, so the channel is still answered.
    const open = { nextAttemptAt: until, outcomeUnknownUntil: until };
    if (mayStillHappen(error))
      await put(
        begun,
        { holder, channels, changing: channel, leaseExpiresAt: now().toISOString(), ...open },
        services,
      );
    else if ((await giveBack(begun, channel, services)).reason === undefined) throw answer;
    throw outcomeUnknown(answer);
  }
  await put(begun, { holder, channels, changing: null, leaseExpiresAt: null, isRegionChecked }, services);
}

/**
 * Gives a channel of an active number back. Whatever fails at Twilio, it is given back here, and recovery goes on.
 *
 * @throws ApiError `release_in_progress` if another request holds the lease
 * @throws StorageError
 */
export async function giveBack(row: ReleasableRow, channel: Channel, services: Services): Promise<Returned> {
  const channels = takenChannels(row).filter((other) => other !== channel);
  const reasons = await reasonsLeft(row, channels, services);
  const begun = await begin(row, { channels, changing: channel, reasons }, services);
  const returned = await returnConfiguration(begun, [channel], services);
  const time = services.now();
  const nextAttemptAt = nextReturn(row, returned, time) ?? null;
  const isLeft = nextAttemptAt !== null;
  const end = {
    holder: begun.lease_holder,
    leaseExpiresAt: isLeft ? time.toISOString() : null,
    channels,
    changing: isLeft ? channel : null,
    nextAttemptAt,
    previousSealed: returned.previousSealed,
  };
  await put(begun, end, services);
  services.log.info("channel_given_back", { phone_number_id: row.id, channel, reason: returned.reason });
  return returned;
}

/**
 * What is wrong with the channels that stay. No reason says which channel it concerns, so Twilio is asked; if it does not
 * answer, the next check ends what is over.
 */
async function reasonsLeft(
  row: ReleasableRow,
  channels: readonly Channel[],
  services: Services,
): Promise<HealthReason[]> {
  const known = parseReasons(row.health_reasons).filter(
    (reason) => channels.includes("voice") || !isRegionReason(reason),
  );
  const isOfNumber = (reason: HealthReason) => reason === "number_missing" || isRegionReason(reason);
  if (known.every(isOfNumber)) return known;
  const ids = { accountId: row.twilio_account_id, phoneNumberId: row.id };
  try {
    const { number } = await lookAt(row, [], services);
    const wrong = reasonsOf(
      notApplied(number, planImport(number, webhooksOf(services.publicBaseUrl, ids), channels)),
    );
    const stays = (reason: HealthReason) =>
      isOfNumber(reason) || wrong.includes(reason) || (reason === "repair_contested" && wrong.length > 0);
    return known.filter(stays);
  } catch (error) {
    services.log.info("health_not_looked_at", { phone_number_id: row.id, ...errorFields(error) });
    return known;
  }
}

/** @returns the row, now with the lease of this change */
async function begin(
  row: ReleasableRow,
  step: Omit<ChannelStep, "holder" | "leaseExpiresAt">,
  services: Services,
): Promise<ReleasableRow> {
  const holder = newId("holder");
  await put(row, { ...step, holder, leaseExpiresAt: leaseEnd(services, services.now()) }, services);
  const { previousSealed = row.previous_configuration_sealed } = step;
  return { ...row, lease_holder: holder, previous_configuration_sealed: previousSealed };
}

async function put(
  row: ReleasableRow,
  step: ChannelStep,
  { db, now, routesChanged }: Services,
): Promise<void> {
  try {
    if (!(await putStep(db, row, step, now().toISOString()))) throw inProgress(1);
  } finally {
    routesChanged(row.api_key_id);
  }
}
