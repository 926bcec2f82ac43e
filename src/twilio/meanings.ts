// What Twilio's codes mean for imports, calls and texts. https://www.twilio.com/docs/api/errors

/**
 * - `account`: the account or its credentials are refused, whatever was asked.
 * - `final`: the same request will be refused again.
 * - `passing`: the same request may succeed later.
 */
export type Kind = "account" | "final" | "passing";

type Meaning = { reason: string; remedy: string; kind: Kind };

const CONSOLE = "in Twilio's Console";
const NO_MORE = "The recipient cannot be texted";
const IN_SERVICE = `Check the number's Messaging Service ${CONSOLE}`;

const SEE_WARNINGS = "the number's warnings here say how far that is.";

// biome-ignore format: a table, one reason a row.
const ROWS: readonly [kind: Kind, reason: string, codes: number[], remedy: string][] = [
  ["account", "suspended_account", [10001, 20005, 20403, 21472, 30002, 90010], `The account is suspended, closed or not yet active. Activate it ${CONSOLE} and try again.`],
  ["account", "test_credentials", [20008], "These are Twilio's test credentials, which own no numbers. Send the live Account SID and Auth Token."],
  ["account", "missing_permission", [20006, 70051], "The credentials are valid, but they may not do this. Give the API key the permission that details name at Twilio; details.least_policy has all that it needs."],
  ["passing", "other_update_running", [20162, 20409], "Another update of this resource is running at Twilio. Try again in a few seconds."],
  ["passing", "daily_limit_reached", [63038], "The account has sent as many texts in 24 hours as Twilio allows it. Try again tomorrow, or ask Twilio for more."],
  ["passing", "too_many_calls", [10004], "The account has as many calls at once as Twilio allows it. Try again when one has ended."],
  ["passing", "queue_full", [21611], "This number has as many texts waiting as Twilio allows. Try again later, or send from more numbers."],
  ["passing", "handset_unreachable", [30003], "The phone is off or out of reach. Try again later."],
  ["passing", "unknown_failure", [30008], "Twilio does not know why. Try again later."],
  ["passing", "provider_timeout", [30410], "The carrier did not answer in time. Try again later."],
  ["passing", "a2p_limit", [30022, 30023, 30024], "The limit of the number's A2P 10DLC registration is reached. Send fewer texts, or try again tomorrow."],
  ["final", "not_allowed_on_trial", [10002, 21404, 572002, 572006], "A trial account may not do this. Upgrade the account at Twilio."],
  ["final", "trial_unverified_number", [21219, 21608], "A trial account reaches verified numbers only. Verify the number at Twilio, or upgrade the account."],
  ["final", "not_found_at_twilio", [20404], "Twilio has no such account or number in this Region. Check that both still exist there."],
  ["final", "trunk_or_emergency_use", [21245, 21634], `The number is used by a trunk or for emergency calls. End that use ${CONSOLE} first.`],
  ["final", "regulatory_information_missing", [21615, 21631, 21649, 21650, 21651], `The number needs an address, identity or regulatory bundle. Add it ${CONSOLE} first.`],
  ["final", "number_unreachable", [13223, 13224, 21214, 21217], "Nobody can be called at this number. Check it."],
  ["final", "invalid_to_number", [21211], "This is no number that Twilio can reach. Check it."],
  ["final", "from_number_not_verified", [21210], "The number that sends has left the Twilio account. Check it."],
  ["final", "invalid_from_number", [21212], "The number that sends cannot make calls. Check it."],
  ["final", "country_not_enabled", [13225, 13227, 21203, 21215, 21408, 32205], `Enable the country ${CONSOLE} (Geo permissions).`],
  ["final", "call_blocked", [21216], "Twilio blocks calls to this number."],
  ["final", "number_cannot_text", [21606], "This number cannot text. Use one that can."],
  ["final", "recipient_unsubscribed", [21610], "Do not text them: only their START changes it."],
  ["final", "route_not_supported", [21612], "Use a number of the recipient's country."],
  ["final", "not_a_mobile_number", [21614, 21635], `${NO_MORE}: this is no mobile number.`],
  ["final", "message_too_long", [21617], "Shorten the text."],
  ["final", "sender_not_in_account", [21660, 21661, 21662, 21663, 21668, 21712], `The number that sends is not in this account, its Messaging Service or its Region. Check it ${CONSOLE}.`],
  ["final", "messaging_service_unusable", [21701, 21703, 21705], `${IN_SERVICE}: it is gone, or it has no number.`],
  ["final", "message_blocked", [30004, 30450], "The recipient, the carrier or Twilio blocks it."],
  ["final", "unknown_recipient", [30005], "The number does not exist. Check it."],
  ["final", "landline_or_unreachable_carrier", [30006], `${NO_MORE}: the number is a landline, or its carrier takes no texts.`],
  ["final", "carrier_filtered", [30007], "The carrier takes it for spam. Change the text, and register the sender."],
  ["final", "tollfree_unverified", [30032], `Verify the toll-free number ${CONSOLE}; ${SEE_WARNINGS}`],
  ["final", "a2p_unregistered", [30034], `Register the number for A2P 10DLC at Twilio, in a Messaging Service with a campaign; ${SEE_WARNINGS}`],
];

export const MEANINGS: ReadonlyMap<number, Meaning> = new Map(
  ROWS.flatMap(([kind, reason, codes, remedy]) =>
    codes.map((code) => [code, { reason, remedy, kind }] as const),
  ),
);

/** What a code means; undefined if it is not in the table. */
export function meaningOf(code: number | undefined): Meaning | undefined {
  return MEANINGS.get(code ?? 0);
}

/** What to do about a code of the table. */
export const remedyOf = (code: number): string => meaningOf(code)?.remedy ?? "";
