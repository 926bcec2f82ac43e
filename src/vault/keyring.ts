import { decodeBase64Url } from "hono/utils/encode";

/** The keys that seal and open. Only `current` seals; old keys only open what they have sealed. */
export type Keyring = {
  current: Key;
  keys: ReadonlyMap<string, Key>;
};

/** One key of the ring: `seal` encrypts and decrypts, `mac` makes fingerprints. */
export type Key = { id: string; seal: CryptoKey; mac: CryptoKey };

type KeyEntry = { id: string; bytes: Uint8Array<ArrayBuffer> };

const ENTRY = /^([A-Za-z0-9_-]{1,32}):([A-Za-z0-9_-]+)={0,2}$/;
const KEY_BYTES = 32;

/**
 * Reads `TOKEN_ENCRYPTION_KEYS`: `<id>:<32 bytes in base64url>`, separated by commas, the current key first.
 *
 * @throws Error that names a faulty entry by its position, never by its content
 */
export function parseKeyring(text: string): KeyEntry[] {
  const entries = text.split(",").map((part, index) => parseEntry(part.trim(), index + 1));
  if (new Set(entries.map(({ id }) => id)).size !== entries.length) {
    throw new Error("two keys have the same id");
  }
  return entries;
}

function parseEntry(part: string, place: number): KeyEntry {
  const match = ENTRY.exec(part);
  if (!match?.[1] || !match[2]) throw new Error(`key ${place} is not of the form <id>:<base64url>`);
  const bytes = decodeKey(match[2]);
  if (bytes?.length !== KEY_BYTES) throw new Error(`key ${place} is not ${KEY_BYTES} bytes long`);
  return { id: match[1], bytes };
}

function decodeKey(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return decodeBase64Url(text);
  } catch {
    return undefined;
  }
}

// Importing keys costs a few hundred microseconds, so it is done once per isolate and text. The cache holds the finished
// keyring and not its promise: in Workers only the request that made a promise may await it.
let loaded: { text: string; keyring: Keyring } | undefined;

/** The keyring of this configuration text. Its keys are not extractable. */
export async function loadKeyring(text: string): Promise<Keyring> {
  if (loaded?.text === text) return loaded.keyring;
  const imported = await Promise.all(parseKeyring(text).map(importKey));
  const [current] = imported;
  if (!current) throw new Error("no key");
  const keyring = { current, keys: new Map(imported.map((key) => [key.id, key])) };
  loaded = { text, keyring };
  return keyring;
}

const MAC_INFO = new TextEncoder().encode("nixflex fingerprint v1");

/** Each purpose has its own key: the key for fingerprints is derived from the sealing key (RFC 5869). */
async function importKey({ id, bytes }: KeyEntry): Promise<Key> {
  const [seal, secret] = await Promise.all([
    crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]),
    crypto.subtle.importKey("raw", bytes, "HKDF", false, ["deriveKey"]),
  ]);
  const mac = await crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: MAC_INFO },
    secret,
    { name: "HMAC", hash: "SHA-256", length: 256 },
    false,
    ["sign"],
  );
  return { id, seal, mac };
}
