const formats = {
  apiKey: { prefix: "nxf_", bytes: 16 },
  apiKeySecret: { prefix: "nxfs_", bytes: 32 },
  keySecret: { prefix: "sec_", bytes: 16 },
  agent: { prefix: "agent_", bytes: 8 },
  connectLink: { prefix: "link_", bytes: 16 },
  connectLinkToken: { prefix: "nxfl_", bytes: 32 },
  twilioAccount: { prefix: "twa_", bytes: 16 },
  call: { prefix: "call_", bytes: 16 },
  holder: { prefix: "holder_", bytes: 8 },
  check: { prefix: "check_", bytes: 8 },
  phoneNumberImport: { prefix: "imp_", bytes: 16 },
  event: { prefix: "evt_", bytes: 16 },
  toolCall: { prefix: "tool_", bytes: 16 },
  webhookSecret: { prefix: "nxws_", bytes: 32 },
  request: { prefix: "req_", bytes: 8 },
} as const;

export type IdKind = keyof typeof formats;

/** A new random id: the prefix of its kind and lower-case hex, such as `agent_125207e452f8714a`. */
export function newId(kind: IdKind): string {
  const { prefix, bytes } = formats[kind];
  return prefix + hex(crypto.getRandomValues(new Uint8Array(bytes)));
}

/** Whether `value` has the shape of an id of this kind. The id need not exist. */
export function isId(kind: IdKind, value: string): boolean {
  const { prefix, bytes } = formats[kind];
  return value.startsWith(prefix) && new RegExp(`^[0-9a-f]{${bytes * 2}}$`).test(value.slice(prefix.length));
}

/** Bytes as lower-case hex. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
