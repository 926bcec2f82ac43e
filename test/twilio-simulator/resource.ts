/** Twilio's IncomingPhoneNumber resource with all fields. As in the real API, some unset fields are "" and some null. */
export type NumberResource = {
  account_sid: string;
  address_requirements: string;
  address_sid: string | null;
  api_version: string;
  beta: boolean;
  bundle_sid: string | null;
  capabilities: { voice: boolean; sms: boolean; mms: boolean; fax: boolean } | null;
  date_created: string;
  date_updated: string;
  emergency_address_sid: string | null;
  emergency_address_status: string;
  emergency_status: string;
  friendly_name: string;
  identity_sid: string | null;
  origin: string;
  phone_number: string;
  sid: string;
  sms_application_sid: string;
  sms_fallback_method: string;
  sms_fallback_url: string;
  sms_method: string;
  sms_url: string;
  status: string;
  status_callback: string;
  status_callback_method: string;
  trunk_sid: string | null;
  type: string;
  uri: string;
  voice_application_sid: string | null;
  voice_caller_id_lookup: boolean;
  voice_fallback_method: string;
  voice_fallback_url: string | null;
  voice_method: string;
  voice_receive_mode: string;
  voice_url: string | null;
};

/** A number that was just bought: nothing is configured. */
export function createNumberResource(
  fields: Partial<NumberResource> & Pick<NumberResource, "account_sid" | "phone_number" | "sid">,
): NumberResource {
  const now = new Date().toUTCString().replace("GMT", "+0000");
  return {
    address_requirements: "none",
    address_sid: null,
    api_version: "2010-04-01",
    beta: false,
    bundle_sid: null,
    capabilities: { voice: true, sms: true, mms: true, fax: false },
    date_created: now,
    date_updated: now,
    emergency_address_sid: null,
    emergency_address_status: "unregistered",
    emergency_status: "Inactive",
    friendly_name: fields.phone_number,
    identity_sid: null,
    origin: "twilio",
    sms_application_sid: "",
    sms_fallback_method: "POST",
    sms_fallback_url: "",
    sms_method: "POST",
    sms_url: "",
    status: "in-use",
    status_callback: "",
    status_callback_method: "POST",
    trunk_sid: null,
    type: "local",
    uri: `/2010-04-01/Accounts/${fields.account_sid}/IncomingPhoneNumbers/${fields.sid}.json`,
    voice_application_sid: null,
    voice_caller_id_lookup: false,
    voice_fallback_method: "POST",
    voice_fallback_url: null,
    voice_method: "POST",
    voice_receive_mode: "voice",
    voice_url: null,
    ...fields,
  };
}
