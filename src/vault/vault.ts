import { decodeBase64Url, encodeBase64Url } from "hono/utils/encode";
import { hex } from "../ids.ts";
import { equalInConstantTime } from "./constant-time.ts";
import { type Key, loadKeyring } from "./keyring.ts";

/**
 * Where a sealed value is stored. The seal covers it, so a value that somebody copies to another row or column does not
 * open there.
 */
export type Slot = `${string}.${string}/${string}`;

/** Seals and opens secrets with the deployment's keyring. */
export type Vault = {
  seal: (plaintext: string, slot: Slot) => Promise<string>;
  open: (sealed: string, slot: Slot) => Promise<string>;
  /** The id of the key that seals. */
  currentKeyId: () => Promise<string>;
  /**
   * A keyed fingerprint of a text, `<key id>.<64 hex>`. Equal texts have the same fingerprint. Without the key nobody can
   * guess the text from it.
   */
  fingerprint: (text: string) => Promise<string>;
  /** Whether this is the fingerprint of the text; false if its key is gone. Compares in constant time. */
  hasFingerprint: (text: string, fingerprint: string) => Promise<boolean>;
};

/** A sealed value does not open: its key is no longer in the keyring, or the value was not sealed for this slot. */
export class VaultError extends Error {
  override readonly name = "VaultError";
}

const VERSION = "v1";
const IV_BYTES = 12; // 96 bits: the size GCM is defined for (NIST SP 800-38D, 8.2)
const PART = "[A-Za-z0-9_-]+";
const SEALED = new RegExp(`^${VERSION}\\.(${PART})\\.(${PART})\\.(${PART})$`);

const utf8 = { encoder: new TextEncoder(), decoder: new TextDecoder() };

/**
 * AES-256-GCM with a new 96-bit IV for each value. A sealed value says how to open it:
 * `v1.<key id>.<iv>.<ciphertext and tag>`, the last two in base64url.
 *
 * @param keys the text of `TOKEN_ENCRYPTION_KEYS`; see {@link loadKeyring}
 * @param load `importKeyring` for keys that are used once: they must not replace the deployment's
 */
export function createVault(keys: string, load = loadKeyring): Vault {
  return {
    async seal(plaintext, slot) {
      const { current } = await load(keys);
      const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
      const ciphertext = await crypto.subtle.encrypt(
        algorithm(iv, current.id, slot),
        current.seal,
        utf8.encoder.encode(plaintext),
      );
      return [VERSION, current.id, base64Url(iv.buffer), base64Url(ciphertext)].join(".");
    },

    async open(sealed, slot) {
      const [, keyId, iv, ciphertext] = SEALED.exec(sealed) ?? [];
      if (!keyId || !iv || !ciphertext) throw new VaultError(`not a sealed value: ${slot}`);
      const key = (await load(keys)).keys.get(keyId);
      if (!key) throw new VaultError(`no key "${keyId}" in the keyring: ${slot}`);
      try {
        const plaintext = await crypto.subtle.decrypt(
          algorithm(decodeBase64Url(iv), keyId, slot),
          key.seal,
          decodeBase64Url(ciphertext),
        );
        return utf8.decoder.decode(plaintext);
      } catch (cause) {
        throw new VaultError(`does not open: ${slot}`, { cause });
      }
    },

    async currentKeyId() {
      return (await load(keys)).current.id;
    },

    async fingerprint(text) {
      return fingerprintBy((await load(keys)).current, text);
    },

    async hasFingerprint(text, fingerprint) {
      const [keyId = ""] = fingerprint.split(".");
      const key = (await load(keys)).keys.get(keyId);
      return key !== undefined && equalInConstantTime(await fingerprintBy(key, text), fingerprint);
    },
  };
}

/** Opens what was sealed as JSON; null if it does not open: without its key, it is begun anew. */
export async function openJson<Value>(vault: Vault, sealed: string, slot: Slot): Promise<Value | null> {
  try {
    return JSON.parse(await vault.open(sealed, slot)) as Value;
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    return null;
  }
}

/** The id of the key that sealed a value; undefined if the text is not a sealed value. */
export function keyIdOf(sealed: string): string | undefined {
  return SEALED.exec(sealed)?.[1];
}

async function fingerprintBy({ id, mac }: Key, text: string): Promise<string> {
  return `${id}.${hex(new Uint8Array(await crypto.subtle.sign("HMAC", mac, utf8.encoder.encode(text))))}`;
}

function base64Url(bytes: ArrayBuffer): string {
  return encodeBase64Url(bytes).replaceAll("=", "");
}

function algorithm(iv: Uint8Array<ArrayBuffer>, keyId: string, slot: Slot) {
  return { name: "AES-GCM", iv, additionalData: utf8.encoder.encode(`${VERSION}.${keyId}.${slot}`) };
}
