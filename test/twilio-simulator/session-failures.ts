import type { Account } from "./state.ts";

// Sessions of ConversationRelay that fail, for each kind of cause: the account's, the agent's, the moment's.
// https://www.twilio.com/docs/api/errors/64101, /64106, /64114 and
// https://www.twilio.com/en-us/blog/developers/best-practices/conversation-relay-failover

/** Why Twilio refuses to begin a session, as `<Connect action>` is told; undefined if it begins. */
export function sessionFailure(
  account: Account,
  { voice, language }: Record<string, string>,
): Record<string, string> | undefined {
  if (account.hasConversationRelay === false) return failure("64101", "Not enabled");
  const refused = account.refusedVoices ?? [];
  if ([voice, language].some((argument) => argument !== undefined && refused.includes(argument)))
    return failure("64106", "Invalid values (voice) for the chosen provider");
  const failing = account.failingSessions?.shift();
  // Which causes come without a code is not documented.
  return failing === undefined ? undefined : failure(failing, "The provider could not be reached");
}

function failure(code: string, message: string): Record<string, string> {
  return { SessionStatus: "failed", ...(code && { ErrorCode: code, ErrorMessage: message }) };
}
