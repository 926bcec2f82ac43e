import { tellNow } from "../events/tell.ts";
import { errorFields } from "../http/log.ts";
import type { Services } from "../services.ts";
import { dayOf } from "../time.ts";
import { accountEvent } from "../twilio-accounts/account-event.ts";
import { rememberRelayRefused } from "../twilio-accounts/store.ts";
import { accountOfRoute, type InboundRoute } from "./route.ts";
import { tell } from "./tell.ts";

// What Twilio refuses for more than one call is told to the customer, once a day.

/** Remembers that the account has no ConversationRelay, and tells it. Never throws: the caller has an answer already. */
export async function relayRefused(
  route: InboundRoute,
  twilioCode: string,
  services: Services,
): Promise<void> {
  const { db, log, now, routesChanged } = services;
  const { apiKeyId, accountSid, accountId } = route;
  try {
    await rememberRelayRefused(db, accountId, now().toISOString());
    routesChanged(apiKeyId);
    const data = { reason: "conversation_relay_refused", twilio_code: Number(twilioCode) };
    const account = accountOfRoute(route);
    await tellNow(
      await accountEvent("account.unusable", account, data, services, dayOf(services.now().getTime())),
      services,
    );
  } catch (error) {
    log.warn("refusal_not_told", { account_sid: accountSid, ...errorFields(error) });
  }
}

/** Tells that no provider has the agent's voice or language. Never throws. */
export async function voiceRefused(
  route: InboundRoute,
  twilioCode: string,
  services: Services,
): Promise<void> {
  const { agent } = route;
  if (!agent) return;
  const { id: agentId, voiceId, language } = agent;
  const data = { reason: "voice_refused", twilio_code: Number(twilioCode), voice_id: voiceId, language };
  const receipt = `${agentId}/unusable/${voiceId}/${language}/${dayOf(services.now().getTime())}`;
  try {
    await tell("agent.unusable", route, receipt, data, services);
  } catch (error) {
    services.log.warn("refusal_not_told", { agent_id: agentId, ...errorFields(error) });
  }
}
