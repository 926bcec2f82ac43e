import { batch } from "../database.ts";
import { sealEvent } from "../events/event.ts";
import type { InboundEvent } from "../events/message.ts";
import { announce, recordInbound } from "../events/outbox.ts";
import { errorFields } from "../http/log.ts";
import type { Services } from "../services.ts";
import { forgetPreviousToken } from "../twilio-accounts/store.ts";
import { isInService } from "./answer.ts";
import { callOutcome } from "./converse.ts";
import { eventFromWebhook, type WebhookKind } from "./event-from-webhook.ts";
import type { InboundRoute } from "./route.ts";
import { forgetRoutes } from "./route-cache.ts";
import { touchInbound } from "./route-store.ts";
import type { TrustedRequest } from "./trusted-request.ts";

/**
 * Records what Twilio reported, after Twilio has its answer: one event, however often Twilio reports it, and the time
 * of the number's last call or text. Never throws: Twilio already has its answer.
 */
export async function record(
  kind: WebhookKind,
  { route, parameters }: TrustedRequest,
  services: Services,
): Promise<void> {
  const { db, vault, now, log } = services;
  const { agent, apiKeyId, phoneNumber, phoneNumberId } = route;
  const isInbound = kind === "voice" || kind === "sms";
  const touch = isInbound && isDue(route, now()) ? [touchInbound(db, phoneNumberId, now())] : [];
  const noteTouch = () => {
    if (touch.length > 0) route.lastInboundAt = now().toISOString();
  };
  try {
    const event = eventFromWebhook(kind, parameters);
    const outcome = kind === "status" && event ? await callOutcome(route, parameters, services) : null;
    if (!event || !agent?.hasWebhook) {
      if (touch.length > 0) await batch(db, touch, { isIdempotent: true });
      noteTouch();
      return;
    }
    const { key, type, data } = event;
    const routed = isInbound ? { routed: isInService(route) } : {};
    const draft = {
      type,
      apiKeyId,
      agentId: agent.id,
      data: { phone_number: phoneNumber, ...data, ...routed, ...outcome },
    };
    const told = { receiptKey: `${phoneNumberId}/${key}`, event: await sealEvent(draft, vault, now()) };
    await keepInbound(told, touch, services);
    noteTouch();
  } catch (error) {
    log.error("inbound_not_recorded", { kind, phone_number_id: phoneNumberId, ...errorFields(error) });
  }
}

const MINUTE_MS = 60_000;

/** `last_inbound_at` is written at most once a minute. Checked here too, so that a busy number costs no query. */
function isDue({ lastInboundAt }: InboundRoute, now: Date): boolean {
  return lastInboundAt === null || now.getTime() - Date.parse(lastInboundAt) >= MINUTE_MS;
}

/**
 * Twilio already has its answer and will not report this again. So if D1 fails, the queue keeps the event until D1
 * works.
 */
async function keepInbound(
  told: InboundEvent,
  beside: D1PreparedStatement[],
  services: Services,
): Promise<void> {
  const { queues, log } = services;
  const write = () => recordInbound(told, services, beside);
  try {
    await write().catch(async () => {
      // If only D1's reply was lost, the second write finds the first one's receipt; then the event must be announced
      // here.
      if (!(await write())) await announce(told.event.id, services);
    });
  } catch (error) {
    log.warn("event_kept_by_queue", { event_id: told.event.id, ...errorFields(error) });
    await queues.events.send({ kind: "record", told });
  }
}

/**
 * Deletes the previous token before its day is over: Twilio signs with the new token, so the customer has promoted it,
 * and Twilio no longer signs with the old one. Never throws: Twilio already has its answer.
 */
export async function endRotation(
  { apiKeyId, accountSid, region, tokenChangedAt }: InboundRoute,
  { db, log }: Services,
): Promise<void> {
  try {
    await forgetPreviousToken(db, { apiKeyId, accountSid, region }, tokenChangedAt);
    log.info("auth_token_promoted", { account_sid: accountSid });
  } catch (error) {
    log.warn("rotation_not_ended", { account_sid: accountSid, ...errorFields(error) });
  }
  forgetRoutes(apiKeyId);
}
