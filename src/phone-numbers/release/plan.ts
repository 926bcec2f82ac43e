import { WEEK_MS } from "../../time.ts";
import {
  configurationOf,
  FIELD_OF,
  type NumberConfiguration,
  type NumberUpdate,
} from "../../twilio/incoming-phone-numbers.ts";
import type { Channel } from "../channels.ts";
import { planRestore } from "../configuration.ts";

// Decisions about restoring a number at Twilio. No I/O here.

/** What happened to one part of a number. */
export const CHANNEL_OUTCOMES = [
  /** It has again what it had before the import. */
  "restored",
  /** It had nothing before, so it has nothing now. */
  "cleared",
  /** It does not point here: somebody changed it. */
  "left_alone",
  /** Twilio did not answer or refused; it may still point here. */
  "unreachable",
] as const;

/** The status callback belongs to the channel `voice`, and is told of by itself. */
type Told = Channel | "status_callback";
export type ChannelOutcomes = Record<Told, (typeof CHANNEL_OUTCOMES)[number]>;

const CHANNEL_OF: readonly [prefix: RegExp, channel: Told][] = [
  [/^(Voice|Trunk)/, "voice"],
  [/^Sms/, "sms"],
  [/^Status/, "status_callback"],
];

/** Splits an update by channel, without empty parts. */
export function byChannel(update: NumberUpdate): [Told, NumberUpdate][] {
  return CHANNEL_OF.map(([prefix, channel]): [Told, NumberUpdate] => [
    channel,
    Object.fromEntries(Object.entries(update).filter(([parameter]) => prefix.test(parameter))),
  ]).filter(([, part]) => Object.keys(part).length > 0);
}

/** The outcomes of an update that Twilio did not take. */
export function unreachable(update: NumberUpdate): Partial<ChannelOutcomes> {
  return Object.fromEntries(byChannel(update).map(([channel]) => [channel, "unreachable"]));
}

const SETS_ADDRESS = /(Url|Callback|Sid)$/;

/** The outcome of each channel once `update` is in force. */
export function outcomesOf(update: NumberUpdate): ChannelOutcomes {
  const outcomes: ChannelOutcomes = { voice: "left_alone", sms: "left_alone", status_callback: "left_alone" };
  for (const [channel, part] of byChannel(update)) {
    const values = Object.entries(part).flatMap(([name, value]) => (SETS_ADDRESS.test(name) ? [value] : []));
    if (values.length > 0) outcomes[channel] = values.some(Boolean) ? "restored" : "cleared";
  }
  return outcomes;
}

/** The outcomes if Twilio cannot be asked. What was not taken over is left alone. */
export function outcomesUnreached(channels: readonly Channel[]): ChannelOutcomes {
  const of = (channel: Channel) => (channels.includes(channel) ? "unreachable" : "left_alone");
  return { voice: of("voice"), sms: of("sms"), status_callback: of("voice") };
}

/**
 * Splits the bindings to a trunk or application off an update: if one no longer exists, Twilio refuses the update, and
 * the rest can be tried alone.
 */
export function withoutBindings(update: NumberUpdate): { rest: NumberUpdate; bindings: string[] } {
  const { TrunkSid, VoiceApplicationSid, SmsApplicationSid, ...rest } = update;
  const fields = {
    trunk_sid: TrunkSid,
    voice_application_sid: VoiceApplicationSid,
    sms_application_sid: SmsApplicationSid,
  };
  return { rest, bindings: Object.entries(fields).flatMap(([field, value]) => (value ? [field] : [])) };
}

/** The restore of a number that cannot be read: as if every field still held our value. */
export function blindRestore(previous: NumberConfiguration, channels: readonly Channel[]): NumberUpdate {
  const ours = "https://ours.invalid/";
  const pointingHere = configurationOf((parameter) => {
    if (parameter.endsWith("Sid")) return "";
    return SETS_ADDRESS.test(parameter) ? ours : previous[FIELD_OF[parameter]];
  });
  return planRestore(pointingHere, previous, (url) => url === ours, channels);
}

/**
 * The request to Twilio as a command that the owner can run. Shell variables stand for the token, and for the query
 * string, user name and password of a stored URL, because these are often secrets.
 */
export function curlOf(url: string, accountSid: string, update: NumberUpdate): string {
  const data = Object.entries(update).map(([parameter, value]) => {
    const [, address = "", query, fragment = ""] = /^([^?#]*)(\?[^#]*)?(#.*)?$/s.exec(value) ?? [];
    const [, scheme = "", user] = /^(https?:\/\/)([^/]*@)?/i.exec(address) ?? [];
    const rest = address.slice(scheme.length + (user?.length ?? 0));
    const parts = [
      quotable(`${parameter}=${scheme}`),
      user === undefined ? "" : `'"$${variableOf(parameter)}_USER@"'`,
      quotable(rest),
      query === undefined ? "" : `'"?$${variableOf(parameter)}_QUERY"'`,
      quotable(fragment),
    ];
    return `--data-urlencode '${parts.join("")}'`;
  });
  return [`curl -X POST '${url}'`, `-u '${accountSid}:'"$TWILIO_AUTH_TOKEN"`, ...data].join(" \\\n  ");
}

/** Escapes a text for single quotes in a shell. */
function quotable(text: string): string {
  return text.replaceAll("'", `'\\''`);
}

/** `VoiceUrl` as `VOICE_URL`. */
function variableOf(parameter: string): string {
  return parameter.replace(/(?<!^)([A-Z])/g, "_$1").toUpperCase();
}

/** The delay before the first retry of a restore or an undo; see `nextAttempt`. */
export const FIRST_RETRY_MS = 15 * 60 * 1000;

/** How long restoring a number, or undoing its import, is tried again. Afterwards it is released without. */
export const PATIENCE_MS = WEEK_MS;
