import type { NumberResource } from "./resource.ts";
import type { State } from "./state.ts";

type Refusal = { code: number; message: string };

/** Form parameters that only set a text field. An unset text is "" or null, as in `createNumberResource`. */
const TEXTS = {
  FriendlyName: "friendly_name",
  VoiceUrl: "voice_url",
  VoiceFallbackUrl: "voice_fallback_url",
  SmsUrl: "sms_url",
  SmsFallbackUrl: "sms_fallback_url",
  SmsApplicationSid: "sms_application_sid",
  StatusCallback: "status_callback",
  AccountSid: "account_sid",
} as const;

const METHODS = {
  VoiceMethod: "voice_method",
  VoiceFallbackMethod: "voice_fallback_method",
  SmsMethod: "sms_method",
  SmsFallbackMethod: "sms_fallback_method",
  StatusCallbackMethod: "status_callback_method",
} as const;

const URLS = ["VoiceUrl", "VoiceFallbackUrl", "SmsUrl", "SmsFallbackUrl", "StatusCallback"];

/**
 * Applies an update to a number. Absent parameters change nothing, and empty ones clear their field. If one parameter is
 * refused, nothing changes.
 */
export function updateNumber(
  state: State,
  number: NumberResource,
  form: URLSearchParams,
): NumberResource | Refusal {
  const refusal = check(state, number, form);
  if (refusal) return refusal;
  for (const [parameter, field] of Object.entries(TEXTS)) {
    const value = form.get(parameter);
    if (value !== null) Object.assign(number, { [field]: value });
  }
  for (const [parameter, field] of Object.entries(METHODS)) {
    const value = form.get(parameter);
    if (value !== null) number[field] = value.toUpperCase();
  }
  const mode = form.get("VoiceReceiveMode");
  if (mode !== null) number.voice_receive_mode = mode;
  bind(number, form);
  // Updates the index by account, because the update may have changed the account.
  state.numbers.set(number.sid, number);
  number.date_updated = new Date().toUTCString().replace("GMT", "+0000");
  return number;
}

/** A number is bound to a trunk or to a TwiML App: setting one clears the other. */
function bind(number: NumberResource, form: URLSearchParams): void {
  const application = form.get("VoiceApplicationSid");
  const trunk = form.get("TrunkSid");
  if (application !== null) number.voice_application_sid = application === "" ? null : application;
  if (trunk !== null) number.trunk_sid = trunk === "" ? null : trunk;
  if (application) number.trunk_sid = null;
  if (trunk) number.voice_application_sid = null;
}

function check(state: State, number: NumberResource, form: URLSearchParams): Refusal | undefined {
  for (const parameter of URLS) {
    const value = form.get(parameter);
    if (value && !isUrl(value)) return { code: 21402, message: `${parameter} is not valid` };
  }
  for (const parameter of Object.keys(METHODS)) {
    const value = form.get(parameter);
    if (value !== null && !/^(?:GET|POST)$/i.test(value))
      return { code: 21403, message: `${parameter} is not valid` };
  }
  const mode = form.get("VoiceReceiveMode");
  if (mode !== null && mode !== "voice" && mode !== "fax")
    return { code: 20001, message: "VoiceReceiveMode is not valid" };
  if (number.capabilities?.sms === false && (form.get("SmsUrl") || form.get("SmsFallbackUrl"))) {
    return { code: 21407, message: "This Phone Number type does not support SMS or MMS" };
  }
  if (form.get("VoiceFallbackUrl") && !(form.get("VoiceUrl") ?? number.voice_url)) {
    return { code: 21405, message: "Cannot set VoiceFallbackUrl without setting Url" };
  }
  if (form.get("SmsFallbackUrl") && !(form.get("SmsUrl") ?? number.sms_url)) {
    return { code: 21406, message: "Cannot set SmsFallbackUrl without setting SmsUrl" };
  }
  for (const parameter of ["VoiceApplicationSid", "SmsApplicationSid"]) {
    const value = form.get(parameter);
    if (value && !state.applications.has(value))
      return { code: 21420, message: "ApplicationSid is not accessible" };
  }
  return undefined;
}

/** Twilio accepts http and https, but no host name with an underscore. */
function isUrl(value: string): boolean {
  const url = URL.parse(value);
  return (url?.protocol === "https:" || url?.protocol === "http:") && !url.hostname.includes("_");
}
