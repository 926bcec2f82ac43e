import { type AgentOwner, selectOwner } from "../../agents/store.ts";
import { readBatch } from "../../database.ts";
import { ApiError } from "../../http/errors.ts";
import { faultError } from "../../http/faults.ts";
import { errorFields, type Logger } from "../../http/log.ts";
import { newId } from "../../ids.ts";
import type { Room } from "../../limits.ts";
import { selectRoom } from "../../limits-store.ts";
import type { Services } from "../../services.ts";
import { isMissingPermission } from "../../twilio/errors.ts";
import type { TwilioCredentials, TwilioEndpoint } from "../../twilio/http.ts";
import {
  type IncomingPhoneNumber,
  type IncomingPhoneNumbers,
  incomingPhoneNumbers,
} from "../../twilio/incoming-phone-numbers.ts";
import { inItsRegion, regionOf, storedRegion } from "../../twilio/regions.ts";
import { findVoiceRegion } from "../../twilio/routing.ts";
import { refuseToken } from "../../twilio-accounts/connect.ts";
import { diagnose } from "../../twilio-accounts/diagnose.ts";
import { isDisproved } from "../../twilio-accounts/health.ts";
import { consents, knownRows, missingOfAccount, openKnown } from "../../twilio-accounts/known.ts";
import { learnRefused } from "../../twilio-accounts/learn.ts";
import type { AccountKey, TwilioAccountRow } from "../../twilio-accounts/row.ts";
import { type StoredAccount, selectStored } from "../../twilio-accounts/store.ts";
import { checkInboundUrl } from "../change-settings.ts";
import { type Channel, chooseChannels } from "../channels.ts";
import type { ImportBody } from "../schema.ts";
import { type ExistingRow, selectByPhoneNumber } from "./store.ts";

/** What is known of a number before it is imported. */
export type Known = {
  number: IncomingPhoneNumber;
  /** The numbers of its account, in the Region that took the credentials. */
  twilio: IncomingPhoneNumbers;
  endpoint: TwilioEndpoint;
  credentials: TwilioCredentials;
  /** The request has brought the Auth Token; otherwise the stored credential is used. */
  isByToken: boolean;
  account: AccountKey;
  /** The account as it is stored; undefined if this key does not know it yet. */
  stored: TwilioAccountRow | undefined;
  existing: ExistingRow | undefined;
  room: Room;
  /** What the import takes over. */
  channels: Channel[];
  /** Whether it is sure that calls to the number are handled in the Region of the credentials. */
  isRegionChecked: boolean;
  /** The account's API key may not read the routing record, so this service never knows. */
  isRegionHidden: boolean;
};

/**
 * Asks Twilio for the number and its routing record, and D1, all side by side. Faults are reported in the contract's order:
 * Twilio's first, then the agent's.
 *
 * @param isConsented the account's owner asks for it himself, by a connect link
 * @throws ApiError
 * @throws StorageError
 */
export async function lookUp(
  body: ImportBody,
  apiKeyId: string,
  services: Services,
  isConsented = false,
): Promise<Known> {
  const { db, twilio: own, log } = services;
  checkInboundUrl(body, services);
  const reading = readBatch(db, [
    selectByPhoneNumber(db, body.phone_number),
    selectOwner(db, body.agent_id),
    selectStored(db, apiKeyId, body.twilio_sid),
    selectRoom(db, apiKeyId, "max_numbers", services.defaultLimits.max_numbers),
  ]);
  const settled = Promise.allSettled([reading]);
  const [first, ...others] = await doorsOf(body, apiKeyId, reading, services, isConsented);
  let door = first;
  let [found, routed] = await lookThrough(door, body.phone_number);
  // A number is settled in the Region that handles its calls, if the account is connected there.
  const there = others.find(
    ({ endpoint }) => routed.status === "fulfilled" && regionOf(endpoint) === routed.value,
  );
  if (there) {
    door = there;
    [found, routed] = await lookThrough(door, body.phone_number);
  }
  const { credentials, known } = door;
  const [stored] = await settled;
  if (found.status === "rejected") {
    const refused = { endpoint: door.endpoint, credentials, apiKeyId, isRefusedEverywhere: true } as const;
    if (known) await learnRefused(known.account, known, found.reason, services);
    throw await diagnose(found.reason, refused, services);
  }
  const { number, endpoint } = found.value;
  if (!number) throw new ApiError("number_not_in_twilio");
  const channels = chooseChannels(body.channels, number);
  if (known && !isConsented && !consents(known, body.phone_number, channels))
    throw new ApiError("not_consented");
  const isRegionChecked = !channels.includes("voice") || checkRegion(routed, regionOf(endpoint), log);
  const isRegionHidden = routed.status === "rejected" && isMissingPermission(routed.reason);
  if (stored.status === "rejected") throw stored.reason;

  const [numbers, agents, accounts, rooms] = stored.value;
  const agent = agents?.results[0] as AgentOwner | undefined;
  if (!agent) throw new ApiError("agent_not_found");
  if (agent.api_key_id !== apiKeyId) throw new ApiError("agent_not_owned");
  const existing = numbers?.results[0] as ExistingRow | undefined;
  const isCounted = existing?.api_key_id === apiKeyId && existing.state !== "returning";
  const room = (rooms?.results[0] as Room | undefined) ?? { limit: null, used: 0 };
  if (room.limit !== null && room.used >= room.limit && !isCounted) throw tooMany(room);
  const accountRegion = storedRegion(own, endpoint);
  const rows = (accounts?.results ?? []) as StoredAccount[];
  const account = known ?? rows.find((row) => row.region === accountRegion);
  if (!known) refuseToken(account);
  // Until its Rule is in force, calls are signed with a key that this service does not have.
  if (account?.signing_due_at && isDisproved(account.health_reasons, "signing_key_proven"))
    throw new ApiError("account_connecting", { retryAfter: 30 });
  if (account && account.api_key_sid !== null && account.signing_keys_sealed === null)
    throw new ApiError("signing_key_missing");
  return {
    number,
    twilio: incomingPhoneNumbers(endpoint, credentials),
    endpoint,
    credentials,
    isByToken: known === undefined,
    account: {
      id: account?.id ?? newId("twilioAccount"),
      apiKeyId,
      accountSid: credentials.accountSid,
      region: accountRegion,
    },
    stored: account,
    existing,
    room,
    channels,
    isRegionChecked,
    isRegionHidden,
  };
}

export const tooMany = (room: Room) =>
  new ApiError("limit_reached", { status: 403, details: { name: "max_numbers", ...room } });

type KnownAccount = StoredAccount & { account: AccountKey };
/** The credentials that a number is looked up with, and where first. */
type Door = { endpoint: TwilioEndpoint; credentials: TwilioCredentials; known: KnownAccount | undefined };

/**
 * Those that the request brings; otherwise the stored ones, of each Region. Only for these Twilio waits for D1.
 *
 * @throws ApiError `missing_field`, `not_consented`
 */
async function doorsOf(
  body: ImportBody,
  apiKeyId: string,
  reading: Promise<D1Result[]>,
  services: Services,
  isConsented: boolean,
): Promise<[Door, ...Door[]]> {
  const { twilio_sid: accountSid, twilio_token: authToken } = body;
  if (accountSid !== undefined && authToken !== undefined)
    return [{ endpoint: services.twilio, credentials: { accountSid, authToken }, known: undefined }];
  const [, , accounts] = await reading;
  const rows = (accounts?.results ?? []) as StoredAccount[];
  const meant = knownRows(body, rows);
  const open = meant.filter((row) => isConsented || consents(row, body.phone_number));
  if (meant.length > 0 && open.length === 0) throw new ApiError("not_consented");
  const doors = open.map(async (known): Promise<Door> => {
    const { endpoint, credentials, account } = await openKnown(known, apiKeyId, services);
    return { endpoint, credentials, known: { ...known, account } };
  });
  const [first, ...others] = missingOfAccount(body, rows).length > 0 ? [] : await Promise.all(doors);
  if (!first) throw faultError(missingOfAccount(body, rows));
  return [first, ...others];
}

function lookThrough({ endpoint, credentials, known }: Door, phoneNumber: string) {
  const found = known
    ? findIn(endpoint, credentials, phoneNumber)
    : findInRegions(endpoint, credentials, phoneNumber);
  return Promise.allSettled([found, findVoiceRegion(endpoint, credentials, phoneNumber)]);
}

/** Where calls of a number without a routing record are handled. */
const DEFAULT_REGION = "us1";

/** @returns whether it is sure that calls are handled in this Region @throws ApiError `number_in_other_region` */
export function checkRegion(
  routed: PromiseSettledResult<string | undefined>,
  region: string,
  log: Logger,
): boolean {
  // If the API key may never read the record, no later check could end `region_unchecked`.
  if (routed.status === "rejected" && isMissingPermission(routed.reason)) return true;
  if (routed.status === "rejected") log.warn("region_not_checked", errorFields(routed.reason));
  const voiceRegion = routed.status === "fulfilled" ? routed.value : undefined;
  if (voiceRegion !== undefined && voiceRegion !== region) throw inOtherRegion(voiceRegion, region);
  return routed.status === "fulfilled" && (voiceRegion !== undefined || region === DEFAULT_REGION);
}

type Found = { number: IncomingPhoneNumber | undefined; endpoint: TwilioEndpoint };

const findIn = async (
  endpoint: TwilioEndpoint,
  credentials: TwilioCredentials,
  phoneNumber: string,
): Promise<Found> => ({
  number: await incomingPhoneNumbers(endpoint, credentials).find(phoneNumber),
  endpoint,
});

/** Looks a number up in the Region that takes the credentials, all within one deadline. @throws TwilioError */
function findInRegions(
  own: TwilioEndpoint,
  credentials: TwilioCredentials,
  phoneNumber: string,
): Promise<Found> {
  const startedAt = Date.now();
  return inItsRegion(own, async (endpoint) => {
    const timeoutMs = Math.max(1, own.timeoutMs - (Date.now() - startedAt));
    return { ...(await findIn({ ...endpoint, timeoutMs }, credentials, phoneNumber)), endpoint };
  });
}

function inOtherRegion(numberRegion: string, credentialsRegion: string): ApiError {
  return new ApiError("number_in_other_region", {
    message:
      `This number's calls are handled in Twilio's Region ${numberRegion}, but these credentials are for ` +
      `${credentialsRegion}. Send the Auth Token that this account has in ` +
      `${numberRegion}, or route the number to ${credentialsRegion} at Twilio first. Nothing was changed.`,
    details: { number_region: numberRegion, credentials_region: credentialsRegion },
  });
}
