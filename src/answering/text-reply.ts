import { isCarrierWord } from "../conversations/thread.ts";
import { errorFields } from "../http/log.ts";
import type { Services } from "../services.ts";
import { isE164 } from "../twilio/e164.ts";
import { webhooksOf } from "../twilio/webhook-urls.ts";
import { isInService } from "./answer.ts";
import { accountOfRoute } from "./route.ts";
import type { TrustedRequest } from "./trusted-request.ts";

// Short codes and names cannot be answered, and who has no number wants no answer.
const MIN_LENGTH = 8;

/** Hands a text to its thread, if the agent answers texts. Never throws: Twilio has its answer already. */
export async function replyByText({ route, parameters }: TrustedRequest, services: Services): Promise<void> {
  const { agent, phoneNumber, phoneNumberId } = route;
  const from = parameters.get("From") ?? "";
  const sid = parameters.get("MessageSid") ?? "";
  const text = parameters.get("Body") ?? "";
  if (!agent?.talk.sms_reply || !services.model.isConfigured || !isInService(route)) return;
  if (!isE164(from) || from.length < MIN_LENGTH || from === phoneNumber || sid === "" || text.trim() === "")
    return;
  if (isCarrierWord(text, parameters.get("OptOutType"))) return;
  try {
    const name = await services.vault.fingerprint(`text-thread/${phoneNumberId}/${from}`);
    const owner = {
      account: accountOfRoute(route),
      phoneNumber,
      correspondent: from,
      agent: { id: agent.id, systemPrompt: agent.systemPrompt, talk: agent.talk },
      patienceMs: services.model.timeoutMs,
      messagingServiceSid: parameters.get("MessagingServiceSid"),
      statusCallback: webhooksOf(services.publicBaseUrl, route).message,
    };
    await services.objects.textThreads.getByName(name).receive(owner, sid, text);
  } catch (error) {
    services.log.error("text_not_answered", { agent_id: agent.id, ...errorFields(error) });
  }
}
