import type { EventType } from "../events/event.ts";
import { errorFields } from "../http/log.ts";
import { callObject } from "../objects.ts";
import { settingsOf } from "../phone-numbers/settings.ts";
import type { Services } from "../services.ts";
import { carrierWordIn, textAgent } from "../texting/thread.ts";
import { refusedCountry } from "../twilio/country.ts";
import { isE164, isWithheld } from "../twilio/e164.ts";
import { webhooksOf } from "../twilio/webhook-urls.ts";
import { isInService } from "./answer.ts";
import { questionAboutText } from "./ask-first.ts";
import { accountOfRoute, numberOfRoute } from "./route.ts";
import { tell } from "./tell.ts";
import type { TrustedRequest } from "./trusted-request.ts";

// Short codes and names cannot be answered, and who has no number wants no answer.
const MIN_LENGTH = 8;

/**
 * Hands a text to its thread, if the agent answers texts, and tells of an opt-out in any clear words. Never throws: Twilio
 * has its answer already.
 */
export async function replyByText(request: TrustedRequest, services: Services): Promise<void> {
  const { route, parameters } = request;
  const { agent, phoneNumber, phoneNumberId } = route;
  const from = parameters.get("From") ?? "";
  const sid = parameters.get("MessageSid") ?? "";
  const text = parameters.get("Body") ?? "";
  if (!agent || sid === "" || text.trim() === "") return;
  const told = (type: EventType, data: Record<string, unknown>) =>
    tell(type, route, `${phoneNumberId}/${type}/${sid}`, data, services);
  try {
    const word = carrierWordIn(text, parameters.get("OptOutType"));
    if (word === "opt_out") {
      const known = isWithheld(from) ? "unknown" : from;
      const data = { message_id: sid, from: known, to: phoneNumber, text };
      await told("sms.opted_out", data);
    }
    const isAnswered = agent.talk.sms_reply && services.model.isConfigured && isInService(route);
    if (word !== null || !isAnswered) return;
    if (!isE164(from) || from.length < MIN_LENGTH || isWithheld(from) || from === phoneNumber) return;
    const country = await refusedCountry(from, route.limits.allowed_countries);
    if (country !== undefined) {
      const data = { from: phoneNumber, to: from, reason: "country_not_allowed", twilio_code: null };
      return await told("sms.failed", data);
    }
    const question = await questionAboutText(route, parameters, services);
    const { system_prompt, welcome_message, language, voice_id, fallback, record, talk, settings } =
      route.row;
    const own = { system_prompt, welcome_message, language, voice_id, fallback, record, talk, id: agent.id };
    const owner = {
      account: accountOfRoute(route),
      number: numberOfRoute(route),
      correspondent: from,
      agent: textAgent(own, settingsOf(settings)),
      limits: route.limits,
      patienceMs: services.model.timeoutMs,
      messagingServiceSid: parameters.get("MessagingServiceSid"),
      statusCallback: webhooksOf(services.publicBaseUrl, route).message,
    };
    // Twilio's SID tells a text that comes twice. Nothing slow comes before: Twilio does not say it again.
    await callObject(
      () => services.objects.textThread(phoneNumberId, from),
      (thread) => thread.receive(owner, sid, text, { question, agent: own, settings }),
    );
  } catch (error) {
    services.log.error("text_not_answered", { agent_id: agent.id, ...errorFields(error) });
    const data = { from: phoneNumber, to: from, reason: "not_answered", twilio_code: null };
    await told("sms.failed", data).catch(() => undefined);
  }
}
