import { type HttpRequest, json } from "../measure/client.ts";
import type { FloorRequest } from "../workers/floor.ts";
import { basic, type TwilioAccount, type TwilioNumber } from "./simulator.ts";

/** What the floor is asked to do for a number: the look-up and an update as large as the import's. */
export function floorRequest(
  floorUrl: string,
  twilioUrl: string,
  account: TwilioAccount,
  number: TwilioNumber,
): HttpRequest {
  const url = `https://numbers.example.com/webhooks/twilio/num_${"0".repeat(32)}`;
  const body: FloorRequest = {
    twilioUrl,
    authorization: basic(account),
    accountSid: account.sid,
    phoneNumber: number.phone_number,
    numberSid: number.sid,
    update: {
      VoiceUrl: `${url}/voice`,
      VoiceMethod: "POST",
      VoiceFallbackUrl: `${url}/voice-fallback`,
      VoiceFallbackMethod: "POST",
      VoiceApplicationSid: "",
      VoiceReceiveMode: "voice",
      TrunkSid: "",
      SmsUrl: `${url}/sms`,
      SmsMethod: "POST",
      SmsFallbackUrl: `${url}/sms-fallback`,
      SmsFallbackMethod: "POST",
      SmsApplicationSid: "",
      StatusCallback: `${url}/status`,
      StatusCallbackMethod: "POST",
    },
  };
  return { url: floorUrl, headers: json, body: JSON.stringify(body) };
}
