import { type AgentOwner, selectOwner } from "../../agents/store.ts";
import { readBatch } from "../../database.ts";
import { ApiError } from "../../http/errors.ts";
import { errorFields } from "../../http/log.ts";
import { newId } from "../../ids.ts";
import type { Room } from "../../limits.ts";
import { selectRoom } from "../../limits-store.ts";
import type { Services } from "../../services.ts";
import { isAboutCredentials } from "../../twilio/errors.ts";
import type { TwilioCredentials, TwilioEndpoint } from "../../twilio/http.ts";
import {
  type IncomingPhoneNumber,
  type IncomingPhoneNumbers,
  incomingPhoneNumbers,
} from "../../twilio/incoming-phone-numbers.ts";
import { otherRegions, regionOf, storedRegion } from "../../twilio/regions.ts";
import { findVoiceRegion } from "../../twilio/routing.ts";
import { diagnose } from "../../twilio-accounts/diagnose.ts";
import type { AccountKey, TwilioAccountRow } from "../../twilio-accounts/row.ts";
import { selectAccountInRegions } from "../../twilio-accounts/store.ts";
import { type Channel, chooseChannels } from "../channels.ts";
import type { ImportBody } from "../schema.ts";
import { checkInboundUrl } from "../settings.ts";
import { tooMany } from "./claim.ts";
import { type ExistingRow, selectByPhoneNumber } from "./store.ts";

/** What is known of a number before it is imported. */
export type Known = {
  number: IncomingPhoneNumber;
  /** The numbers of its account, in the Region that took the credentials. */
  twilio: IncomingPhoneNumbers;
  endpoint: TwilioEndpoint;
  account: AccountKey;
  /** The account as it is stored; undefined if this key has no number of it yet. */
  stored: TwilioAccountRow | undefined;
  existing: ExistingRow | undefined;
  room: Room;
  /** What the import takes over. */
  channels: Channel[];
  /** Whether it is sure that calls to the number are handled in the Region of the credentials. */
  isRegionChecked: boolean;
};

/**
 * Asks Twilio for the number and its routing record, and D1, all side by side. Faults are reported in the contract's order:
 * Twilio's first, then the agent's.
 *
 * @throws ApiError
 * @throws StorageError
 */
export async function lookUp(body: ImportBody, apiKeyId: string, services: Services): Promise<Known> {
  const { db, twilio: own, log } = services;
  checkInboundUrl(body, services);
  const credentials = { accountSid: body.twilio_sid, authToken: body.twilio_token };
  const [found, routed, stored] = await Promise.allSettled([
    findInRegions(own, credentials, body.phone_number),
    findVoiceRegion(own, credentials, body.phone_number),
    readBatch(db, [
      selectByPhoneNumber(db, body.phone_number),
      selectOwner(db, body.agent_id),
      selectAccountInRegions(db, apiKeyId, body.twilio_sid),
      selectRoom(db, apiKeyId, "max_numbers", services.defaultLimits.max_numbers),
    ]),
  ]);
  if (found.status === "rejected") {
    const refused = { endpoint: own, credentials, apiKeyId, isRefusedEverywhere: true } as const;
    throw await diagnose(found.reason, refused, services);
  }
  const { number, endpoint } = found.value;
  if (!number) throw new ApiError("number_not_in_twilio");
  const channels = chooseChannels(body.channels, number);
  const isVoice = channels.includes("voice");
  const region = regionOf(endpoint);
  if (routed.status === "rejected") log.warn("region_not_checked", errorFields(routed.reason));
  const voiceRegion = routed.status === "fulfilled" ? routed.value : undefined;
  if (isVoice && voiceRegion !== undefined && voiceRegion !== region)
    throw inOtherRegion(voiceRegion, region);
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
  const rows = (accounts?.results ?? []) as (TwilioAccountRow & { id: string; region: string })[];
  const account = rows.find((row) => row.region === accountRegion);
  return {
    number,
    twilio: incomingPhoneNumbers(endpoint, credentials),
    endpoint,
    account: {
      id: account?.id ?? newId("twilioAccount"),
      apiKeyId,
      accountSid: body.twilio_sid,
      region: accountRegion,
    },
    stored: account,
    existing,
    room,
    channels,
    isRegionChecked:
      !isVoice || (routed.status === "fulfilled" && (voiceRegion !== undefined || region === DEFAULT_REGION)),
  };
}

/** Where calls of a number without a routing record are handled. */
const DEFAULT_REGION = "us1";

type Found = { number: IncomingPhoneNumber | undefined; endpoint: TwilioEndpoint };

/**
 * Looks a number up in the deployment's own Region, and if that refuses the credentials, in all others side by side:
 * credentials are good in one Region only. All of it within one deadline.
 *
 * @throws TwilioError that of the deployment's own Region
 */
async function findInRegions(
  own: TwilioEndpoint,
  credentials: TwilioCredentials,
  phoneNumber: string,
): Promise<Found> {
  const startedAt = Date.now();
  const findIn = async (endpoint: TwilioEndpoint): Promise<Found> => ({
    number: await incomingPhoneNumbers(endpoint, credentials).find(phoneNumber),
    endpoint,
  });
  try {
    return await findIn(own);
  } catch (error) {
    if (!isAboutCredentials(error)) throw error;
    const timeoutMs = Math.max(1, own.timeoutMs - (Date.now() - startedAt));
    const others = otherRegions(own).map((endpoint) => findIn({ ...endpoint, timeoutMs }));
    // The first that takes them is the only one.
    const { endpoint, number } = await Promise.any(others).catch(() => {
      throw error;
    });
    return { number, endpoint: { ...endpoint, timeoutMs: own.timeoutMs } };
  }
}

export function inOtherRegion(numberRegion: string, credentialsRegion: string): ApiError {
  return new ApiError("number_in_other_region", {
    message:
      `Calls to this number are handled in Twilio's Region ${numberRegion}, and these credentials belong to ` +
      `${credentialsRegion}, whose settings of the number have no effect. Send the Auth Token that this account has in ` +
      `${numberRegion}, or route the number to ${credentialsRegion} at Twilio first. Nothing was changed.`,
    details: { number_region: numberRegion, credentials_region: credentialsRegion },
  });
}
