import type { IncomingPhoneNumber } from "../../twilio/incoming-phone-numbers.ts";

// Who answers a number today, according to its configuration. No I/O here.

export const ANSWERERS = [
  "nobody",
  "fax",
  "sip_trunk",
  "twiml_app",
  "studio_flow",
  "flex",
  "twiml_bin",
  "twilio_function",
  "twilio_demo",
  "voice_platform",
  "this_service",
  "webhook",
] as const;

export type AnsweredBy = {
  kind: (typeof ANSWERERS)[number];
  /** The name of a known platform. */
  name?: string;
  /** The host of the URL that Twilio calls; never more of the URL. */
  host?: string;
  /** The SID of the trunk, application, flow or bin. */
  sid?: string;
};

/** Platforms that import numbers as this service does, by the domain of their webhooks. */
const PLATFORMS: readonly (readonly [domain: string, name: string])[] = [
  ["vapi.ai", "Vapi"],
  ["retellai.com", "Retell AI"],
  ["bland.ai", "Bland AI"],
  ["elevenlabs.io", "ElevenLabs"],
  ["synthflow.ai", "Synthflow"],
  ["livekit.cloud", "LiveKit"],
  ["dialogflow.com", "Dialogflow"],
  ["ultravox.ai", "Ultravox"],
  ["millis.ai", "Millis AI"],
  ["voiceflow.com", "Voiceflow"],
  ["leadconnectorhq.com", "HighLevel"],
  ["hubspot.com", "HubSpot"],
  ["intercom.io", "Intercom"],
  ["aircall.io", "Aircall"],
  ["cartesia.ai", "Cartesia"],
  ["uipath.com", "UiPath"],
  ["kugelaudio.com", "KugelAudio"],
  ["dasha.ai", "Dasha"],
  ["bolna.ai", "Bolna"],
  ["dograh.com", "Dograh"],
  ["kapso.ai", "Kapso"],
  ["chatwoot.com", "Chatwoot"],
  ["videosdk.live", "VideoSDK"],
];

type IsOurs = (url: string) => boolean;

/** Who gets its calls. A trunk comes before an application, and an application before a URL. */
export function voiceAnsweredBy(number: IncomingPhoneNumber, isOurs: IsOurs): AnsweredBy {
  if (number.trunk_sid) return { kind: "sip_trunk", sid: number.trunk_sid };
  if (number.voice_receive_mode === "fax") return { kind: "fax" };
  if (number.voice_application_sid) return { kind: "twiml_app", sid: number.voice_application_sid };
  return byUrl(number.voice_url, isOurs);
}

/** Who gets its texts, if no Messaging Service does. */
export function smsAnsweredBy(number: IncomingPhoneNumber, isOurs: IsOurs): AnsweredBy {
  if (number.sms_application_sid) return { kind: "twiml_app", sid: number.sms_application_sid };
  return byUrl(number.sms_url, isOurs);
}

function byUrl(text: string, isOurs: IsOurs): AnsweredBy {
  const url = URL.parse(text);
  if (!url) return { kind: "nobody" };
  const { hostname: host, pathname } = url;
  if (isOurs(text)) return { kind: "this_service", host };
  const flow = /\/Flows\/(FW[0-9a-f]{32})/i.exec(pathname)?.[1];
  if (host === "webhooks.twilio.com" && flow) return { kind: "studio_flow", host, sid: flow };
  const bin = /\/(EH[0-9a-f]{32})/i.exec(pathname)?.[1];
  if (host === "handler.twilio.com") return { kind: "twiml_bin", host, ...(bin && { sid: bin }) };
  if (host === "demo.twilio.com") return { kind: "twilio_demo", host };
  if (isWithin(host, "flex-api.twilio.com") || isWithin(host, "flex.twilio.com"))
    return { kind: "flex", host };
  if (isWithin(host, "twil.io")) return { kind: "twilio_function", host };
  const platform = PLATFORMS.find(([domain]) => isWithin(host, domain));
  return platform ? { kind: "voice_platform", name: platform[1], host } : { kind: "webhook", host };
}

function isWithin(host: string, domain: string): boolean {
  return host === domain || host.endsWith(`.${domain}`);
}
