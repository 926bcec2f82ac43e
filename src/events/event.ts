import { newId } from "../ids.ts";
import { sha256 } from "../vault/hash.ts";
import type { Slot, Vault } from "../vault/vault.ts";

/** The types of all events that customers receive. */
export const EVENT_TYPES = [
  "call.started",
  "call.completed",
  "call.failed",
  "sms.received",
  "sms.delivered",
  "sms.failed",
  "sms.opted_out",
  "recording.completed",
  "number.imported",
  "number.released",
  "number.drifted",
  "number.repaired",
  "number.missing",
  "number.lost",
  "limit.near",
  "credentials.rejected",
  "signatures.refused",
  "agent.unusable",
  "account.unusable",
  "webhook.test",
] as const;

export type EventType = (typeof EVENT_TYPES)[number];

/** A number as its events name it. */
export type EventNumber = {
  id: string;
  phoneNumber: string;
  externalId: string | null;
  label: string | null;
  metadata: Readonly<Record<string, string>> | null;
};

/** What happened, and to whose agent. */
export type EventDraft = {
  type: EventType;
  apiKeyId: string;
  agentId: string;
  /** The number it happened to; null: none. Events of one number are delivered in order. */
  number: EventNumber | null;
  /** Names what Twilio reported, the same each time Twilio reports it. Absent if Twilio did not report it. */
  receipt?: string;
  /** Further fields of the body, beside those of every event and of its number. Flat. */
  data: Record<string, unknown>;
};

/** An event as D1 stores it. The body is sealed, because it holds telephone numbers and the text of messages. */
export type SealedEvent = {
  id: string;
  apiKeyId: string;
  agentId: string;
  /** Events of one lane are delivered in order: the lane is the number's id, or the agent's for an event of no number. */
  lane: string;
  /** Of the number it happened to. */
  externalId: string | null;
  type: EventType;
  payloadSealed: string;
  createdAt: string;
};

export const payloadSlot = (eventId: string): Slot => `events.payload/${eventId}`;

/** Gives an event its id and seals its body. Customers recognise a repeated event by the id. */
export async function sealEvent(draft: EventDraft, vault: Vault, now: Date): Promise<SealedEvent> {
  const { type, apiKeyId, agentId, number, receipt, data } = draft;
  const id = receipt === undefined ? newId("event") : await idOf(receipt);
  const createdAt = now.toISOString();
  const about = number && named(number);
  const payload = { event: type, event_id: id, created_at: createdAt, agent_id: agentId, ...about, ...data };
  return {
    id,
    apiKeyId,
    agentId,
    lane: number?.id ?? agentId,
    externalId: number?.externalId ?? null,
    type,
    payloadSealed: await vault.seal(JSON.stringify(payload), payloadSlot(id)),
    createdAt,
  };
}

/** What every event about a number says of it. */
function named({ phoneNumber, externalId, label, metadata }: EventNumber) {
  return { phone_number: phoneNumber, external_id: externalId, label, metadata };
}

/** Twilio repeats itself. What it tells twice gets the same id twice, so no list of what it has told is kept. */
async function idOf(receipt: string): Promise<string> {
  return `evt_${(await sha256(receipt)).slice(0, 32)}`;
}

/** The body to send. @throws VaultError */
export function openPayload(vault: Vault, id: string, payloadSealed: string): Promise<string> {
  return vault.open(payloadSealed, payloadSlot(id));
}
