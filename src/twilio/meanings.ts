// What Twilio's codes about calls and texts mean. docs/calls.md has the same table with what to do.
// https://www.twilio.com/docs/api/errors

/** @internal */
export const MEANINGS: Readonly<Record<number, string>> = {
  13224: "number_unreachable",
  21210: "from_number_not_verified",
  21211: "invalid_to_number",
  21212: "invalid_from_number",
  21214: "number_unreachable",
  21215: "country_not_enabled",
  21216: "call_blocked",
  21219: "trial_unverified_number",
  21408: "country_not_enabled",
  21606: "number_cannot_text",
  21608: "trial_unverified_number",
  21610: "recipient_unsubscribed",
  21612: "route_not_supported",
  21614: "not_a_mobile_number",
  21617: "message_too_long",
  30002: "account_suspended",
  30003: "handset_unreachable",
  30004: "message_blocked",
  30005: "unknown_recipient",
  30006: "landline_or_unreachable_carrier",
  30007: "carrier_filtered",
  30008: "unknown_failure",
  30034: "a2p_unregistered",
};

/** The word for a code; null if it is not in the table. */
export function meaningOf(code: number | undefined): string | null {
  return (code !== undefined && MEANINGS[code]) || null;
}
