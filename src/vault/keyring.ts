import { decodeBase64Url } from "hono/utils/encode";
import { hex } from "../ids.ts";

/** The keys that seal and open. Only `current` seals; old keys only open what they have sealed. */
export type Keyring = {
  current: Key;
  keys: ReadonlyMap<string, Key>;
};

/** One key of the ring: `seal` encrypts and decrypts, `mac` makes fingerprints. */
export type Key = { id: string; seal: CryptoKey; mac: CryptoKey };

/** A key without an id has the first characters of its hash for one. */
type KeyEntry = { id: string | undefined; bytes: Uint8Array<ArrayBuffer> };

const ENTRY = /^(?:([A-Za-z0-9_-]{1,32}):)?([A-Za-z0-9_+/-]+)={0,2}$/;
const KEY_BYTES = 32;
const HEX_KEY = /^[0-9a-f]{64}$/i;
const ID_LENGTH = 8;

/**
 * Reads `TOKEN_ENCRYPTION_KEYS`: `<id>:<32 bytes>` or only the bytes, in base64url, base64 or hex, separated by commas, the
 * current key first.
 *
 * @throws Error that names a faulty entry by its position, never by its content
 */
export function parseKeyring(text: string): KeyEntry[] {
  const entries = text.split(",").map((part, index) => parseEntry(part.trim(), index + 1));
  if (new Set(entries.map(({ id, bytes }) => id ?? hex(bytes))).size !== entries.length) {
    throw new Error("two keys have the same id");
  }
  return entries;
}

/** The text of a keyring that has one new key. */
export const newKey = (): string => `k:${hex(crypto.getRandomValues(new Uint8Array(KEY_BYTES)))}`;

function parseEntry(part: string, place: number): KeyEntry {
  const [, id, key] = ENTRY.exec(part) ?? [];
  if (!key) throw new Error(`key ${place} is not of the form <id>:<base64url>`);
  const bytes = decodeKey(key);
  if (bytes?.length !== KEY_BYTES) throw new Error(`key ${place} is not ${KEY_BYTES} bytes long`);
  return { id, bytes };
}

function decodeKey(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (HEX_KEY.test(text))
    return Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
  try {
    return decodeBase64Url(text);
  } catch {
    return undefined;
  }
}

// Importing keys costs a few hundred microseconds, so it is done once per isolate and text. The cache holds the finished
// keyring and not its promise: in Workers only the request that made a promise may await it.
let loaded: { text: string; keyring: Keyring } | undefined;

/** The deployment's keyring, of this configuration text. Its keys are not extractable. */
export async function loadKeyring(text: string): Promise<Keyring> {
  if (loaded?.text !== text) loaded = { text, keyring: await importKeyring(text) };
  return loaded.keyring;
}

/** The keyring of a text, which is not cached: for a key that seals one value only. */
export async function importKeyring(text: string): Promise<Keyring> {
  const imported = await Promise.all(parseKeyring(text).map(importKey));
  const [current] = imported;
  if (!current) throw new Error("no key");
  return { current, keys: new Map(imported.map((key) => [key.id, key])) };
}

const MAC_INFO = new TextEncoder().encode("nixflex fingerprint v1");

/** Each purpose has its own key: the key for fingerprints is derived from the sealing key (RFC 5869). */
async function importKey({ id, bytes }: KeyEntry): Promise<Key> {
  const [digest, seal, secret] = await Promise.all([
    crypto.subtle.digest("SHA-256", bytes),
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
  return { id: id ?? hex(new Uint8Array(digest)).slice(0, ID_LENGTH), seal, mac };
}
