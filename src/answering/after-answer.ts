import type { Outcome } from "../conversations/conversation.ts";
import { errorFields } from "../http/log.ts";
import type { Services } from "../services.ts";
import { forgetPreviousToken } from "../twilio-accounts/check-store.ts";
import { isInService } from "./answer.ts";
import { callOutcome } from "./converse.ts";
import { eventFromWebhook, type WebhookKind } from "./event-from-webhook.ts";
import { logCallLater } from "./log-call.ts";
import type { InboundRoute } from "./route.ts";
import { SIGN_OF_LIFE_MS, touchInbound } from "./route-store.ts";
import { tell } from "./tell.ts";
import type { TrustedRequest } from "./trusted-request.ts";

/**
 * Records what Twilio reported, after Twilio has its answer: one event, however often Twilio reports it, and the time
 * of the number's last call or text. Never throws: Twilio already has its answer.
 */
export async function reportEvent(
  kind: WebhookKind,
  request: TrustedRequest,
  services: Services,
  outcome: object | null = null,
): Promise<void> {
  const isInbound = (kind === "voice" || kind === "sms") && !request.route.outbound;
  await Promise.all([
    tellEvent(kind, isInbound, request, outcome, services),
    ...(kind === "voice" ? [logCallLater(request, services)] : []),
    ...(kind === "sms" ? [countText(request, services)] : []),
    ...(isInbound ? [noteSignOfLife(request.route, services)] : []),
  ]);
}

async function tellEvent(
  kind: WebhookKind,
  isInbound: boolean,
  { route, parameters }: TrustedRequest,
  outcome: object | null,
  services: Services,
): Promise<void> {
  const { phoneNumberId } = route;
  try {
    const event = eventFromWebhook(kind, parameters);
    if (!event) return;
    const { key, type, data } = event;
    const routed = isInbound ? { routed: isInService(route) && !route.reject } : {};
    await tell(type, route, `${phoneNumberId}/${key}`, { ...data, ...routed, ...outcome }, services);
  } catch (error) {
    const about = { kind, phone_number_id: phoneNumberId, ...errorFields(error) };
    services.log.error("inbound_not_recorded", about);
  }
}

async function countText({ route, parameters }: TrustedRequest, services: Services): Promise<void> {
  const sid = parameters.get("MessageSid") ?? parameters.get("SmsSid");
  if (!sid) return;
  try {
    await services.callLogs.countText(route.apiKeyId, sid, "received", route.externalId);
  } catch (error) {
    services.log.error("text_not_counted", { phone_number_id: route.phoneNumberId, ...errorFields(error) });
  }
}

/** How a call ended; null if it has not, or nobody who took part in it knows. Of a placed call somebody knows it. */
export async function outcomeOf(
  { route, parameters }: TrustedRequest,
  services: Services,
): Promise<Partial<Outcome> | null> {
  const event = eventFromWebhook("status", parameters);
  if (!event) return null;
  const { outbound } = route;
  if (outbound && event.type === "call.failed")
    return { ended_reason: parameters.get("CallStatus") ?? "failed" };
  const outcome = await callOutcome(route, parameters, services);
  if (!outbound) return outcome;
  const known = outcome ?? { ended_reason: "completed" };
  return outbound.voicemail ? { ...known, ended_reason: `voicemail_${outbound.voicemail}` } : known;
}

/** A busy number need not ask D1 whether it is time. */
export async function noteSignOfLife(route: InboundRoute, { db, now, log }: Services): Promise<void> {
  const { lastInbound, phoneNumberId } = route;
  if (lastInbound.at !== null && now().getTime() - Date.parse(lastInbound.at) < SIGN_OF_LIFE_MS) return;
  try {
    await touchInbound(db, phoneNumberId, now());
    lastInbound.at = now().toISOString();
  } catch (error) {
    log.warn("sign_of_life_not_written", { phone_number_id: phoneNumberId, ...errorFields(error) });
  }
}

/**
 * Deletes the previous token before its day is over: Twilio signs with the new token, so the customer has promoted it,
 * and Twilio no longer signs with the old one. Never throws: Twilio already has its answer.
 */
export async function endRotation(
  { apiKeyId, accountId, accountSid, tokenChangedAt }: InboundRoute,
  { db, log, routesChanged }: Services,
): Promise<void> {
  try {
    await forgetPreviousToken(db, { id: accountId }, tokenChangedAt);
    log.info("auth_token_promoted", { account_sid: accountSid });
  } catch (error) {
    log.warn("rotation_not_ended", { account_sid: accountSid, ...errorFields(error) });
  }
  routesChanged(apiKeyId);
}
