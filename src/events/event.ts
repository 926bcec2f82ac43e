import type { Actor } from "../actor.ts";
import { newId } from "../ids.ts";
import { sha256 } from "../vault/hash.ts";
import type { Slot, Vault } from "../vault/vault.ts";

/** The types of all events that customers receive. */
export const EVENT_TYPES = [
  "call.started",
  "call.completed",
  "call.failed",
  "call.updated",
  "sms.received",
  "sms.delivered",
  "sms.failed",
  "sms.opted_out",
  "recording.completed",
  "number.imported",
  "number.changed",
  "number.released",
  "number.drifted",
  "number.repaired",
  "number.missing",
  "number.lost",
  "inbound_url.failed",
  "limit.near",
  "credentials.rejected",
  "signatures.refused",
  "agent.unusable",
  "account.unusable",
  "connect_link.completed",
  "connect_link.locked",
  "webhook.test",
] as const;

export type EventType = (typeof EVENT_TYPES)[number];

/** Events of an API key. If there is no address of their own, they go to each webhook_url of the key's agents. */
const OF_KEY: readonly EventType[] = [
  "number.lost",
  "limit.near",
  "credentials.rejected",
  "signatures.refused",
  "account.unusable",
  "connect_link.completed",
  "connect_link.locked",
];
export const isOfKey = (type: EventType) => OF_KEY.includes(type);

/** A number as its events name it. */
export type EventNumber = {
  id: string;
  phoneNumber: string;
  externalId: string | null;
  label: string | null;
  metadata: Readonly<Record<string, string>> | null;
  /** By which its owner brought it. */
  connectLinkId?: string | null;
};

/** What happened, and to whose agent; null: to no agent's, but the API key's. */
export type EventDraft = {
  type: EventType;
  apiKeyId: string;
  agentId: string | null;
  /** The number it happened to; null: none. Events of one number are delivered in order. */
  number: EventNumber | null;
  /** Who made it happen; absent: Twilio or a caller did, or it is none of the owner's business. */
  actor?: Actor | null;
  /** Names what Twilio reported, the same each time Twilio reports it. Absent if Twilio did not report it. */
  receipt?: string;
  /** Further fields of the body, beside those of every event and of its number. Flat. */
  data: Record<string, unknown>;
};

/** An event as D1 stores it. The body is sealed, because it holds telephone numbers and the text of messages. */
export type SealedEvent = {
  id: string;
  apiKeyId: string;
  /** Whose webhook_url it goes to; "": the API key's own. */
  agentId: string;
  /** Events of one lane are delivered in order: the lane is the id of the number, else of the agent, else of the API key. */
  lane: string;
  /** Of the number it happened to. */
  externalId: string | null;
  type: EventType;
  /** JSON of an {@link Actor}. */
  actor: string | null;
  payloadSealed: string;
  createdAt: string;
};

export const payloadSlot = (eventId: string): Slot => `events.payload/${eventId}`;

/** Gives an event its id and seals its body. Customers recognise a repeated event by the id. */
export async function sealEvent(draft: EventDraft, vault: Vault, now: Date): Promise<SealedEvent> {
  const { type, apiKeyId, agentId, number, actor, receipt, data } = draft;
  const id = receipt === undefined ? newId("event") : await idOf(receipt);
  const createdAt = now.toISOString();
  const about = number && named(number);
  const payload = { event: type, event_id: id, created_at: createdAt, agent_id: agentId, ...about, ...data };
  return {
    id,
    apiKeyId,
    agentId: agentId ?? "",
    lane: number?.id ?? agentId ?? apiKeyId,
    externalId: number?.externalId ?? null,
    type,
    actor: actor ? JSON.stringify(actor) : null,
    payloadSealed: await vault.seal(JSON.stringify(payload), payloadSlot(id)),
    createdAt,
  };
}

/** What every event about a number says of it. */
export function named({ phoneNumber, externalId, label, metadata, connectLinkId }: Omit<EventNumber, "id">) {
  const by = connectLinkId ? { connect_link_id: connectLinkId } : {};
  return { phone_number: phoneNumber, external_id: externalId, label, metadata, ...by };
}

/** An event of a key for the webhook_url of one of its agents. @throws VaultError */
export async function copyFor(agentId: string, event: SealedEvent, vault: Vault): Promise<SealedEvent> {
  const id = await idOf(`${event.id}/${agentId}`);
  const payload = JSON.parse(await openPayload(vault, event.id, event.payloadSealed)) as object;
  const payloadSealed = await vault.seal(JSON.stringify({ ...payload, event_id: id }), payloadSlot(id));
  // A URL that is slow must not hold up the others.
  const lane = event.lane === event.apiKeyId ? agentId : event.lane;
  return { ...event, id, agentId, lane, payloadSealed };
}

/** Twilio repeats itself. What it tells twice gets the same id twice, so no list of what it has told is kept. */
export async function idOf(receipt: string): Promise<string> {
  return `evt_${(await sha256(receipt)).slice(0, 32)}`;
}

/** The body to send. @throws VaultError */
export function openPayload(vault: Vault, id: string, payloadSealed: string): Promise<string> {
  return vault.open(payloadSealed, payloadSlot(id));
}
