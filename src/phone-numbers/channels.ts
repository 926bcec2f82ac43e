import { ApiError } from "../http/errors.ts";
import {
  configurationOf,
  FIELD_OF,
  type IncomingPhoneNumber,
  type NumberConfiguration,
  type NumberUpdate,
  type UpdateParameter,
} from "../twilio/incoming-phone-numbers.ts";

// What of a number this service has taken over. No I/O here.

/** `voice`: its calls, with whatever decides who gets them, and its status callback. `sms`: its texts. */
export const CHANNELS = ["voice", "sms"] as const;
export type Channel = (typeof CHANNELS)[number];

export type ChannelColumns = {
  /** JSON array of the channels that are taken over. */
  channels: string;
  /** The channel that is being added or given back, so that Twilio may or may not point it at us. */
  changing_channel: Channel | null;
};

export const channelsJson = (chosen: readonly Channel[]): string =>
  JSON.stringify(CHANNELS.filter((channel) => chosen.includes(channel)));

export const parseChannels = (json: string): Channel[] => JSON.parse(json) as Channel[];

/** The channels that are ours for certain: what a check compares and an owner sees. */
export function takenChannels({ channels, changing_channel }: ChannelColumns): Channel[] {
  return parseChannels(channels).filter((channel) => channel !== changing_channel);
}

/** The channels that Twilio may point at us: what is to be restored. */
export function heldChannels({ channels, changing_channel }: ChannelColumns): Channel[] {
  const taken = parseChannels(channels);
  return CHANNELS.filter((channel) => channel === changing_channel || taken.includes(channel));
}

const channelOf = (parameter: string): Channel => (parameter.startsWith("Sms") ? "sms" : "voice");

/** The channels that some parameters belong to. */
export function channelsOf(parameters: readonly UpdateParameter[]): Channel[] {
  const found = parameters.map(channelOf);
  return CHANNELS.filter((channel) => found.includes(channel));
}

/** The part of an update that belongs to some channels. */
export function ofChannels(update: NumberUpdate, channels: readonly Channel[]): NumberUpdate {
  return Object.fromEntries(
    Object.entries(update).filter(([parameter]) => channels.includes(channelOf(parameter))),
  );
}

/** `one`, but with the fields of some channels as `other` has them. */
export function withChannels(
  one: NumberConfiguration,
  other: NumberConfiguration,
  channels: readonly Channel[],
): NumberConfiguration {
  return configurationOf(
    (parameter) => (channels.includes(channelOf(parameter)) ? other : one)[FIELD_OF[parameter]],
  );
}

/** What a number can do. If Twilio does not say, we assume that it can. */
export function supportedChannels({ capabilities }: Pick<IncomingPhoneNumber, "capabilities">): Channel[] {
  return CHANNELS.filter((channel) => capabilities?.[channel] !== false);
}

/**
 * The channels that an import takes over: those that are wanted, or all that the number supports.
 *
 * @throws ApiError `channel_not_supported`
 */
export function chooseChannels(
  wanted: readonly Channel[] | undefined,
  number: IncomingPhoneNumber,
): Channel[] {
  const supported = supportedChannels(number);
  const chosen = wanted ?? supported;
  if (chosen.length === 0 || chosen.some((channel) => !supported.includes(channel)))
    throw channelNotSupported(supported);
  return [...chosen];
}

export const channelNotSupported = (supported: readonly Channel[]): ApiError =>
  new ApiError("channel_not_supported", { details: { channels: supported } });
