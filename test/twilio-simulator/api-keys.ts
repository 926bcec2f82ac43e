import { operationOf } from "./api.ts";
import { type Account, newSid, type Operation, type State } from "./state.ts";

/** An API key at Twilio. Without `permissions` a Standard one. https://www.twilio.com/docs/iam/api-keys */
export type ApiKey = { sid: string; secret: string; permissions?: string[] };

/** Adds a key to an account; with permissions, a Restricted one. */
export function addApiKey(account: Account, permissions?: string[]): ApiKey {
  const key = { sid: newSid("SK"), secret: newSid("").slice(0, 32), ...(permissions && { permissions }) };
  account.apiKeys = [...(account.apiKeys ?? []), key];
  return key;
}

/** Whom a user name stands for: an account, or that of an API key. */
export function signedIn(state: State, username: string): { account: Account; key?: ApiKey } | undefined {
  const account = state.accounts.get(username);
  if (account) return { account };
  for (const owner of state.accounts.values()) {
    const key = owner.apiKeys?.find(({ sid }) => sid === username);
    if (key) return { account: owner, key };
  }
  return undefined;
}

/** What a Restricted key needs. https://www.twilio.com/docs/iam/api-keys/restricted-api-keys */
const NEEDED: Partial<Record<Operation, string>> = {
  list: "/twilio/phone-numbers/active-numbers/list",
  fetch: "/twilio/phone-numbers/active-numbers/read",
  update: "/twilio/phone-numbers/active-numbers/update",
  call: "/twilio/voice/calls/create",
  calls: "/twilio/voice/calls/list",
  fetch_call: "/twilio/voice/calls/read",
  update_call: "/twilio/voice/calls/update",
  message: "/twilio/messaging/messages/create",
  messages: "/twilio/messaging/messages/list",
  service_number: "/twilio/messaging/services/read",
  service_numbers: "/twilio/messaging/services/read",
  services: "/twilio/messaging/services/read",
};

/**
 * How Twilio refuses a key: a Standard one may not read accounts and keys, a Restricted one may do what it was given. Where
 * 401/70051 names the permission is not documented; its words do.
 * https://www.twilio.com/docs/api/errors/70051
 */
export function refusalOfKey(
  { permissions }: ApiKey,
  request: Request,
): [code: number, words: string] | undefined {
  const { pathname } = new URL(request.url);
  const operation = operationOf(request);
  if (operation === "account" || operation === "accounts" || /\/Keys\b/.test(pathname))
    return [20003, "Authenticate"];
  if (!permissions) return undefined;
  const recording = `/twilio/voice/recordings/${request.method === "DELETE" ? "delete" : "read"}`;
  const needed = pathname.includes("/Recordings/") ? recording : operation && NEEDED[operation];
  if (needed && permissions.includes(needed)) return undefined;
  const named = needed ?? `/twilio/${pathname.split("/")[2]?.toLowerCase()}/${operation}/read`;
  return [70051, `Authorization failed: the API key lacks the permission ${named}`];
}
