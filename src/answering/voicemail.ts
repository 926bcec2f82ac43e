import { DEFAULT_LANGUAGE } from "../agents/talk.ts";
import { errorFields } from "../http/log.ts";
import type { Services } from "../services.ts";
import { say } from "../twilio/say.ts";
import { documentOf, element } from "../twilio/twiml.ts";
import { webhooksOf } from "../twilio/webhook-urls.ts";
import { findAccount } from "../twilio-accounts/store.ts";
import { accountOfRoute } from "./route.ts";
import type { TrustedRequest } from "./trusted-request.ts";

// A machine answers a call that this service has placed. That it did, and that it heard the whole message, are two facts.

/**
 * Leaves the message if there is one, and ends the call. Twilio reports the machine while the agent talks already, and may
 * report it twice. Never throws: Twilio has its answer already.
 */
export async function leaveVoicemail(
  { route, parameters }: TrustedRequest,
  services: Services,
): Promise<void> {
  const answeredBy = parameters.get("AnsweredBy") ?? "";
  const sid = parameters.get("CallSid");
  const { outbound, agent, apiKeyId } = route;
  if (!outbound || !sid || outbound.voicemail !== null || !/^(?:machine_|fax)/.test(answeredBy)) return;
  try {
    await services.callLogs.note(apiKeyId, outbound.id, { sid, voicemail: "detected" });
    const account = accountOfRoute(route);
    const stored = await findAccount(services.db, account);
    if (!stored) return;
    // Twilio's REST API is not needed to answer a call.
    const { accountClient } = await import("../twilio-accounts/client.ts");
    const { redirectCall } = await import("../twilio/calls.ts");
    const { endpoint, credentials } = await accountClient(account, stored, services);
    const { voicemailLeft } = webhooksOf(services.publicBaseUrl, route, outbound.id);
    const message = answeredBy === "fax" ? null : agent?.voicemailMessage;
    const verbs = message
      ? [
          say(message, agent?.language ?? DEFAULT_LANGUAGE),
          element("Redirect", { method: "POST" }, voicemailLeft),
        ]
      : [element("Hangup")];
    await redirectCall(endpoint, credentials, sid, documentOf(...verbs));
  } catch (error) {
    services.log.warn("voicemail_not_left", { phone_number_id: route.phoneNumberId, ...errorFields(error) });
  }
}

/** Twilio has said the whole message. Never throws: whatever is answered but a hang-up would be recorded too. */
export async function noteVoicemailLeft({ route }: TrustedRequest, services: Services): Promise<void> {
  const { outbound, apiKeyId, phoneNumberId } = route;
  try {
    if (outbound) await services.callLogs.note(apiKeyId, outbound.id, { voicemail: "left" });
  } catch (error) {
    services.log.warn("voicemail_not_noted", { phone_number_id: phoneNumberId, ...errorFields(error) });
  }
}
