import {
  configurationOf,
  FIELD_OF,
  type IncomingPhoneNumber,
  type NumberConfiguration,
  type NumberUpdate,
  UPDATE_PARAMETERS,
  type UpdateParameter,
} from "../twilio/incoming-phone-numbers.ts";
import type { WebhookUrls } from "../twilio/webhook-urls.ts";
import { CHANNELS, type Channel, ofChannels, supportedChannels } from "./channels.ts";

// Decisions about who answers a number at Twilio. No I/O here.

type IsOurs = (url: string) => boolean;

/**
 * What an import sends. If a number is bound to a SIP trunk or a TwiML App, Twilio accepts a voice URL but never calls
 * it. A number that receives faxes does not answer calls. So the update that sets the URLs also clears these bindings.
 * Twilio refuses an SMS URL for a number that cannot text (error 21407).
 */
export function planImport(
  number: Pick<IncomingPhoneNumber, "capabilities">,
  webhooks: WebhookUrls,
  channels: readonly Channel[] = CHANNELS,
): NumberUpdate {
  const whole: NumberUpdate = {
    VoiceUrl: webhooks.voice,
    VoiceMethod: "POST",
    VoiceFallbackUrl: webhooks.voiceFallback,
    VoiceFallbackMethod: "POST",
    VoiceReceiveMode: "voice",
    VoiceApplicationSid: "",
    TrunkSid: "",
    StatusCallback: webhooks.status,
    StatusCallbackMethod: "POST",
    SmsUrl: webhooks.sms,
    SmsMethod: "POST",
    SmsFallbackUrl: webhooks.smsFallback,
    SmsFallbackMethod: "POST",
    SmsApplicationSid: "",
  };
  const supported = supportedChannels(number);
  return ofChannels(
    whole,
    channels.filter((channel) => supported.includes(channel)),
  );
}

/** The parameters of `update` that `number` does not have. Empty: the update is in force. */
export function notApplied(number: NumberConfiguration, update: NumberUpdate): UpdateParameter[] {
  return UPDATE_PARAMETERS.filter((parameter) => {
    const wanted = update[parameter];
    return wanted !== undefined && !holds(parameter, number[FIELD_OF[parameter]], wanted);
  });
}

function holds(parameter: UpdateParameter, actual: string, wanted: string): boolean {
  // If Twilio states no method, it uses POST.
  if (parameter.endsWith("Method")) return (actual || "POST").toUpperCase() === wanted.toUpperCase();
  if (parameter === "VoiceReceiveMode") return (actual || "voice") === (wanted || "voice");
  return address(actual) === address(wanted);
}

/** One field of a number, before and after an update. Parts of a URL that often hold secrets are not shown. */
export type FieldChange = { field: string; present: string; new: string };

/** The fields that an update would change. */
export function fieldChanges(number: NumberConfiguration, update: NumberUpdate): FieldChange[] {
  return notApplied(number, update).map((parameter) => ({
    field: FIELD_OF[parameter],
    present: withoutSecrets(number[FIELD_OF[parameter]]),
    new: withoutSecrets(update[parameter] ?? ""),
  }));
}

/** A URL without its query string, user name and password. */
function withoutSecrets(text: string): string {
  return text.replace(/\?[^#]*/, "?[redacted]").replace(/^(https?:\/\/)[^/?#]*@/i, "$1[redacted]@");
}

/**
 * A URL without its fragment, and with its host in lower case. The fragment holds connection overrides. A number without
 * them is in order, because Twilio does not promise to repeat them. A repair of anything else in the same URL brings them.
 */
function address(text: string): string {
  const [url = ""] = text.split("#");
  return URL.parse(url)?.href ?? url;
}

/**
 * What to keep as the number's previous configuration. Our own URLs are never "previous": if the number already points
 * at us because of an unfinished import, we keep what that import found. An import clears bindings, so the owner must
 * have added a binding that we find beside our URL: we keep it.
 *
 * @param first what an earlier, unfinished import of this row found
 */
export function previousOf(
  number: IncomingPhoneNumber,
  isOurs: IsOurs,
  first: NumberConfiguration = configurationOf(() => ""),
): NumberConfiguration {
  const previous = configurationOf((parameter) => number[FIELD_OF[parameter]]);
  const keepFirst = (...fields: (keyof NumberConfiguration)[]) => {
    for (const field of fields) previous[field] = first[field];
  };
  if (isOurs(number.voice_url)) {
    keepFirst("voice_url", "voice_method");
    if (number.trunk_sid === "" && number.voice_application_sid === "")
      keepFirst("trunk_sid", "voice_application_sid");
    if (number.voice_receive_mode !== "fax") keepFirst("voice_receive_mode");
  }
  if (isOurs(number.voice_fallback_url)) keepFirst("voice_fallback_url", "voice_fallback_method");
  if (isOurs(number.sms_url)) {
    keepFirst("sms_url", "sms_method");
    if (number.sms_application_sid === "") keepFirst("sms_application_sid");
  }
  if (isOurs(number.sms_fallback_url)) keepFirst("sms_fallback_url", "sms_fallback_method");
  if (isOurs(number.status_callback)) keepFirst("status_callback", "status_callback_method");
  return previous;
}

/**
 * What to send to restore what an import overwrote: only fields that still hold our value, because the owner may have
 * changed the others since. Empty: nothing at Twilio is ours.
 *
 * @param channels those that were taken over
 */
export function planRestore(
  number: NumberConfiguration,
  previous: NumberConfiguration,
  isOurs: IsOurs,
  channels: readonly Channel[] = CHANNELS,
): NumberUpdate {
  const update: NumberUpdate = {
    ...restoreUrls("Voice", number, previous, isOurs),
    ...restoreUrls("Sms", number, previous, isOurs),
  };
  if (isOurs(number.voice_url)) {
    if (previous.voice_receive_mode === "fax") update.VoiceReceiveMode = "fax";
    // We left both empty. If one is set, Twilio clears the other, so we send only the one that was set before.
    if (number.trunk_sid === "" && number.voice_application_sid === "") {
      if (previous.trunk_sid !== "") update.TrunkSid = previous.trunk_sid;
      else if (previous.voice_application_sid !== "")
        update.VoiceApplicationSid = previous.voice_application_sid;
    }
  }
  if (isOurs(number.sms_url) && number.sms_application_sid === "" && previous.sms_application_sid !== "") {
    update.SmsApplicationSid = previous.sms_application_sid;
  }
  if (isOurs(number.status_callback)) {
    update.StatusCallback = previous.status_callback;
    if (previous.status_callback_method !== "") update.StatusCallbackMethod = previous.status_callback_method;
  }
  return ofChannels(update, channels);
}

/** Sends main and fallback URL together: Twilio refuses a fallback without a main URL (errors 21405 and 21406). */
function restoreUrls(
  channel: "Voice" | "Sms",
  number: NumberConfiguration,
  previous: NumberConfiguration,
  isOurs: IsOurs,
): NumberUpdate {
  const [url, method] = [`${channel}Url`, `${channel}Method`] as const;
  const [fallbackUrl, fallbackMethod] = [`${channel}FallbackUrl`, `${channel}FallbackMethod`] as const;
  const main = isOurs(number[FIELD_OF[url]]) ? previous : number;
  const fallback = isOurs(number[FIELD_OF[fallbackUrl]]) ? previous : number;
  if (main === number && fallback === number) return {};
  const update: NumberUpdate = {
    [url]: main[FIELD_OF[url]],
    [fallbackUrl]: main[FIELD_OF[url]] === "" ? "" : fallback[FIELD_OF[fallbackUrl]],
  };
  // An empty method cannot be sent. Twilio then keeps its present one, which means nothing without a URL.
  if (main[FIELD_OF[method]] !== "") update[method] = main[FIELD_OF[method]];
  if (fallback[FIELD_OF[fallbackMethod]] !== "") update[fallbackMethod] = fallback[FIELD_OF[fallbackMethod]];
  return update;
}
