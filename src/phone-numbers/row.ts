import type { EventNumber } from "../events/event.ts";
import type { ChannelColumns } from "./channels.ts";
import { metadataOf, type OwnColumns } from "./settings.ts";

/** The columns of a number that its events name. */
export type NamedRow = Pick<OwnColumns, "external_id" | "label" | "metadata"> & {
  id: string;
  phone_number: string;
  /** The connect link that brought it; null: none did. */
  connect_link_id: string | null;
};

export function eventNumber({ id, phone_number, connect_link_id, ...row }: NamedRow): EventNumber {
  const { external_id: externalId, label, metadata } = row;
  const names = { externalId, label, metadata: metadataOf(metadata) };
  return { id, phoneNumber: phone_number, ...names, connectLinkId: connect_link_id };
}

/**
 * A number and its owner. `state` importing: claimed, Twilio may or may not point at us yet; releasing: being released,
 * Twilio may or may not still point at us; returning: released, but not yet restored at Twilio.
 */
export type PhoneNumberRow = ChannelColumns &
  NamedRow & {
    api_key_id: string;
    agent_id: string | null;
    twilio_account_id: string;
    twilio_number_sid: string;
    inbound_enabled: 0 | 1;
    outbound_enabled: 0 | 1;
    state: "importing" | "active" | "releasing" | "returning";
    lease_holder: string;
    lease_expires_at: string | null;
    previous_configuration_sealed: string;
    /** Until when Twilio may still carry out an update whose outcome is unknown. */
    outcome_unknown_until: string | null;
  };
