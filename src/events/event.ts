import { newId } from "../ids.ts";
import type { Slot, Vault } from "../vault/vault.ts";

/** The types of all events that customers receive. */
export const EVENT_TYPES = [
  "call.started",
  "call.completed",
  "call.failed",
  "sms.received",
  "sms.failed",
  "recording.completed",
  "number.imported",
  "number.released",
  "number.drifted",
  "number.repaired",
  "number.missing",
  "credentials.rejected",
  "webhook.test",
] as const;

export type EventType = (typeof EVENT_TYPES)[number];

/** What happened, and to whose agent. */
export type EventDraft = {
  type: EventType;
  apiKeyId: string;
  agentId: string;
  /** Further fields of the body, beside `event`, `event_id`, `created_at` and `agent_id`. Flat. */
  data: Record<string, unknown>;
};

/** An event as D1 stores it. The body is sealed, because it holds telephone numbers and the text of messages. */
export type SealedEvent = {
  id: string;
  apiKeyId: string;
  agentId: string;
  type: EventType;
  payloadSealed: string;
  createdAt: string;
};

export const payloadSlot = (eventId: string): Slot => `events.payload/${eventId}`;

/** Gives an event its id and seals its body. Customers recognise a repeated event by the id. */
export async function sealEvent(draft: EventDraft, vault: Vault, now: Date): Promise<SealedEvent> {
  const { type, apiKeyId, agentId, data } = draft;
  const id = newId("event");
  const createdAt = now.toISOString();
  const payload = { event: type, event_id: id, created_at: createdAt, agent_id: agentId, ...data };
  return {
    id,
    apiKeyId,
    agentId,
    type,
    payloadSealed: await vault.seal(JSON.stringify(payload), payloadSlot(id)),
    createdAt,
  };
}

/** The body to send. @throws VaultError */
export function openPayload(
  vault: Vault,
  { id, payload_sealed }: { id: string; payload_sealed: string },
): Promise<string> {
  return vault.open(payload_sealed, payloadSlot(id));
}
