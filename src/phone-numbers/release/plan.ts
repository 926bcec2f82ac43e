import {
  configurationOf,
  FIELD_OF,
  type NumberConfiguration,
  type NumberUpdate,
} from "../../twilio/incoming-phone-numbers.ts";
import { planRestore } from "../configuration.ts";

// Decisions about giving a number back. No I/O here.

/** What became of one side of a number. */
export type ChannelOutcome =
  /** What was there before the import is there again. */
  | "restored"
  /** Nothing was there before, so nothing is there now. */
  | "cleared"
  /** It does not point here any more; somebody re-pointed it. */
  | "left_alone"
  /** Twilio could not be told, or refuses what was there before; it may still point here. */
  | "unreachable";

export type Channel = "voice" | "sms" | "status_callback";
export type ChannelOutcomes = Record<Channel, ChannelOutcome>;

const CHANNEL_OF: readonly [prefix: RegExp, channel: Channel][] = [
  [/^(Voice|Trunk)/, "voice"],
  [/^Sms/, "sms"],
  [/^Status/, "status_callback"],
];

/** An update by channel; only the channels it has something for. */
export function byChannel(update: NumberUpdate): [Channel, NumberUpdate][] {
  return CHANNEL_OF.map(([prefix, channel]): [Channel, NumberUpdate] => [
    channel,
    Object.fromEntries(Object.entries(update).filter(([parameter]) => prefix.test(parameter))),
  ]).filter(([, part]) => Object.keys(part).length > 0);
}

/** What cannot be given back of an update, as outcomes. */
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

export const UNREACHABLE: ChannelOutcomes = {
  voice: "unreachable",
  sms: "unreachable",
  status_callback: "unreachable",
};

/**
 * An update without the bindings to a trunk or application: what is left to try where Twilio refuses them, because they
 * are gone.
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

/** What would give back everything, for a number that cannot be looked at: as if all of it still held our values. */
export function blindRestore(previous: NumberConfiguration): NumberUpdate {
  const ours = "https://ours.invalid/";
  const pointingHere = configurationOf((parameter) => {
    if (parameter.endsWith("Sid")) return "";
    return SETS_ADDRESS.test(parameter) ? ours : previous[FIELD_OF[parameter]];
  });
  return planRestore(pointingHere, previous, (url) => url === ours);
}

/**
 * The request to Twilio as its owner can run it, the token left out. The query string of a stored URL is left out as well,
 * and so are its user name and password, for they are secrets more often than not: these are variables of the shell, to be
 * set first.
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

/** A text as it may stand between single quotes. */
function quotable(text: string): string {
  return text.replaceAll("'", `'\\''`);
}

/** `VoiceUrl` as `VOICE_URL`. */
function variableOf(parameter: string): string {
  return parameter.replace(/(?<!^)([A-Z])/g, "_$1").toUpperCase();
}

/** When what Twilio did not take is first tried again; see `nextAttempt`. */
export const FIRST_RETRY_MS = 15 * 60 * 1000;
