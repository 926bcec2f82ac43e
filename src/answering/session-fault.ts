// Why a session of ConversationRelay failed. No I/O here.

/** Whose fault it is for certain. Whatever else fails, a provider or the network, belongs to the one call. */
const FAULTS: Readonly<Record<string, "account" | "agent">> = {
  // Not enabled for the account. https://www.twilio.com/docs/api/errors/64101
  "64101": "account",
  // A voice or a language that no provider has. https://www.twilio.com/docs/api/errors/64106
  "64106": "agent",
};

/** From what Twilio sends to the `action` of `<Connect>`; null if nobody is known to be at fault. */
export function faultOf(parameters: URLSearchParams): "account" | "agent" | null {
  if (parameters.get("SessionStatus") !== "failed") return null;
  const code = parameters.get("ErrorCode") ?? "";
  return Object.hasOwn(FAULTS, code) ? (FAULTS[code] ?? null) : null;
}
