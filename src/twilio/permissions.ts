// What a Restricted API key must be allowed. https://www.twilio.com/docs/iam/api-keys/restricted-api-keys

/** By what needs them. An import needs the first. @internal */
export const PERMISSIONS = {
  numbers: ["list", "read", "update"].map((right) => `/twilio/phone-numbers/active-numbers/${right}`),
  calls: ["create", "read", "list", "update"].map((right) => `/twilio/voice/calls/${right}`),
  texts: ["create", "read", "list"].map((right) => `/twilio/messaging/messages/${right}`),
  messaging_services: ["/twilio/messaging/services/read"],
  recordings: ["read", "delete"].map((right) => `/twilio/voice/recordings/${right}`),
};

/** The least policy for imports and for what the missing permission belongs to. */
export function leastPolicy(missing: string): { allow: string[] } {
  const feature = Object.values(PERMISSIONS).find((rights) => rights.includes(missing)) ?? [missing];
  return { allow: [...new Set([...PERMISSIONS.numbers, ...feature])] };
}
