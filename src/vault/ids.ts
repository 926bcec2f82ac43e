import { decodeBase64Url } from "hono/utils/encode";
import { hex } from "../ids.ts";
import { equalInConstantTime } from "./constant-time.ts";

/** What ID_SECRET makes. It is never rotated: ids stand in URLs at Twilio, and objects are found by their names. */
export type Ids = {
  /** `num_`, 32 hex and 16 hex of a MAC of them: a made-up id is refused without a query. */
  newPhoneNumberId: () => Promise<string>;
  /** Whether this service has made the id. Compares in constant time. */
  isPhoneNumberId: (id: string) => Promise<boolean>;
  /** A name for a text, which nobody can guess without the secret. */
  nameOf: (text: string) => Promise<string>;
};

const SECRET = /^[A-Za-z0-9_-]{43}=?$/;
const PHONE_NUMBER_ID = /^num_([0-9a-f]{32})([0-9a-f]{16})$/;
const ID_BYTES = 16;
const MAC_LENGTH = 16;

const utf8 = new TextEncoder();

/** @throws Error that does not show the secret */
export function parseIdSecret(text: string): string {
  if (!SECRET.test(text)) throw new Error("must be 32 bytes in base64url, as `npm run secrets` makes them");
  return text;
}

/** @param secret the text of `ID_SECRET` */
export function createIds(secret: string): Ids {
  const mac = async (text: string) =>
    hex(new Uint8Array(await crypto.subtle.sign("HMAC", await loadKey(secret), utf8.encode(text))));
  const macOf = async (random: string) => (await mac(`phone-number/${random}`)).slice(0, MAC_LENGTH);
  return {
    async newPhoneNumberId() {
      const random = hex(crypto.getRandomValues(new Uint8Array(ID_BYTES)));
      return `num_${random}${await macOf(random)}`;
    },
    async isPhoneNumberId(id) {
      const [, random, found] = PHONE_NUMBER_ID.exec(id) ?? [];
      return random !== undefined && equalInConstantTime(await macOf(random), found ?? "");
    },
    nameOf: (text) => mac(`name/${text}`),
  };
}

// As in keyring.ts: once per isolate, and never its promise.
let loaded: { secret: string; key: CryptoKey } | undefined;

async function loadKey(secret: string): Promise<CryptoKey> {
  if (loaded?.secret === secret) return loaded.key;
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", decodeBase64Url(secret), algorithm, false, ["sign"]);
  loaded = { secret, key };
  return key;
}
