import { type EventType, type SealedEvent, sealEvent } from "../events/event.ts";
import type { BaseServices } from "../http/base-services.ts";
import type { AccountKey } from "./row.ts";

/**
 * An event about an account.
 *
 * @param once what happens again under this name is the same event
 */
export function accountEvent(
  type: EventType,
  { id, apiKeyId, accountSid }: AccountKey,
  facts: Record<string, unknown>,
  { vault, now }: Pick<BaseServices, "vault" | "now">,
  once?: string,
): Promise<SealedEvent> {
  const data = { twilio_sid: accountSid, ...facts };
  const receipt = once && `${id}/${type}/${once}`;
  const about = { apiKeyId, agentId: null, number: null, data };
  return sealEvent({ type, ...about, ...(receipt && { receipt }) }, vault, now());
}
