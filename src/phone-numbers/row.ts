/**
 * A number and who it belongs to. `state` importing: claimed, and Twilio may or may not point at us yet; releasing: being
 * released, and Twilio may or may not point at us still; returning: released, and still to be restored at Twilio.
 */
export type PhoneNumberRow = {
  id: string;
  phone_number: string;
  api_key_id: string;
  agent_id: string | null;
  account_sid: string;
  twilio_number_sid: string;
  inbound_enabled: 0 | 1;
  outbound_enabled: 0 | 1;
  state: "importing" | "active" | "releasing" | "returning";
  claim_id: string;
  lease_expires_at: string | null;
  previous_configuration_sealed: string;
};
