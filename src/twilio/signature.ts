import { decodeBase64, encodeBase64 } from "hono/utils/encode";
import { sha256 } from "../vault/hash.ts";

// X-Twilio-Signature: an HMAC of the URL and the form parameters. The key is the account's primary Auth Token and the hash
// SHA-1, unless a Webhook Rule of the account names a SharedKey and a hash.
// https://www.twilio.com/docs/usage/webhooks/webhooks-security
// https://www.twilio.com/docs/usage/webhooks/webhook-shared-keys

const HASHES = { HMAC_SHA1: "SHA-1", HMAC_SHA256: "SHA-256" } as const;
export type Algorithm = keyof typeof HASHES;

/** What Twilio signed: the URL that it was configured with, and the body that it sent. */
export type SignedRequest = {
  /** The URL as configured at Twilio, without its fragment. */
  url: string;
  /** The raw body; empty for GET. */
  body: string;
};

const utf8 = new TextEncoder();

/** An Auth Token or SharedKey that can only verify signatures of this algorithm; nobody can read the secret from it. */
export function verificationKey(secret: string, algorithm: Algorithm = "HMAC_SHA1"): Promise<CryptoKey> {
  return importKey(secret, algorithm, "verify");
}

const MAX_KEY_ID = 100;

/**
 * The SharedKey that signed a request; undefined if Twilio names none, as for a signature by the Auth Token.
 *
 * @param header `X-Twilio-Webhooks-Signature-Settings`, such as `key=…,algorithm=HMAC_SHA256`
 */
export function sharedKeyOf(header: string | undefined): string | undefined {
  return /(?:^|,)\s*key\s*=\s*([^,\s]+)/.exec(header ?? "")?.[1]?.slice(0, MAX_KEY_ID);
}

/** The signature that Twilio sends for a form body, in base64. */
export async function sign(
  secret: string,
  url: string,
  parameters: URLSearchParams,
  algorithm: Algorithm = "HMAC_SHA1",
): Promise<string> {
  const key = await importKey(secret, algorithm, "sign");
  return encodeBase64(await crypto.subtle.sign("HMAC", key, utf8.encode(url + canonical(parameters))));
}

/**
 * Whether one of the keys made this signature for this request, each by its own algorithm. Compares in constant time.
 *
 * Twilio does not always write a standard port and the escapes in the query in the same way, so this accepts every form
 * that Twilio's own SDKs accept. If the URL has `bodySHA256`, that hash covers the body, and the parameters do not count.
 */
export async function verify(
  keys: readonly CryptoKey[],
  signature: string,
  { url, body }: SignedRequest,
): Promise<boolean> {
  const bytes = decodeSignature(signature);
  if (!bytes) return false;
  const bodyHash = new URL(url).searchParams.get("bodySHA256");
  if (bodyHash !== null && !(await isHashOf(bodyHash, body))) return false;
  const parameters = bodyHash === null ? canonical(new URLSearchParams(body)) : "";
  for (const key of keys) {
    for (const candidate of urlForms(url)) {
      if (await crypto.subtle.verify("HMAC", key, bytes, utf8.encode(candidate + parameters))) return true;
    }
  }
  return false;
}

/** Needs no constant time: the sender knows the body, and the signature covers the hash in the URL. */
async function isHashOf(hash: string, body: string): Promise<boolean> {
  if (hash === (await sha256(body))) return true;
  // If there is no body (GET), Twilio's SDKs hash an empty JSON object instead.
  return body === "" && hash === (await sha256("{}"));
}

/** All parameters, also empty ones: keys sorted, and the values of a repeated key sorted without duplicates. */
function canonical(parameters: URLSearchParams): string {
  const valuesByKey = new Map<string, Set<string>>();
  for (const [key, value] of parameters) {
    const values = valuesByKey.get(key);
    if (values) values.add(value);
    else valuesByKey.set(key, new Set([value]));
  }
  return [...valuesByKey.keys()]
    .sort()
    .flatMap((key) => [...(valuesByKey.get(key) ?? [])].sort().map((value) => key + value))
    .join("");
}

/** The forms of a URL that Twilio may have signed, the most likely first. The others are made only if they are needed. */
function* urlForms(url: string): Generator<string, void> {
  const likeliest = withoutPort(url);
  yield likeliest;
  const normalised = new URL(url).toString();
  const others = [url, normalised, withQueryWrittenAnew(normalised)].flatMap((form) => [
    withoutPort(form),
    withPort(form),
  ]);
  for (const form of new Set(others)) if (form !== likeliest) yield form;
}

/** Older signers rewrote the query: values of a repeated key together, with the escapes of `encodeURIComponent`. */
function withQueryWrittenAnew(url: string): string {
  const start = url.indexOf("?");
  if (start === -1 || start === url.length - 1) return url;
  // Must be a plain object: it puts numeric keys first, as those signers did.
  const valuesByKey: Record<string, string[]> = Object.create(null);
  for (const [key, value] of new URLSearchParams(url.slice(start + 1))) {
    valuesByKey[key] ??= [];
    valuesByKey[key].push(value);
  }
  const query = Object.entries(valuesByKey).flatMap(([key, values]) =>
    values.map((value) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`),
  );
  return `${url.slice(0, start)}?${query.join("&")}`;
}

const URL_PARTS = /^(https?|wss?):\/\/((?:[^/?#@]*@)?)(\[[^\]]*\]|[^/?#:]*)(:\d*)?(.*)$/is;

function withoutPort(url: string): string {
  return url.replace(URL_PARTS, "$1://$2$3$5");
}

function withPort(url: string): string {
  return url.replace(
    URL_PARTS,
    (_, scheme: string, user: string, host: string, port: string | undefined, rest: string) => {
      const standard = /^(?:https|wss)$/i.test(scheme) ? ":443" : ":80";
      return `${scheme}://${user}${host}${port ?? standard}${rest}`;
    },
  );
}

function importKey(secret: string, algorithm: Algorithm, use: "sign" | "verify"): Promise<CryptoKey> {
  const imported = { name: "HMAC", hash: HASHES[algorithm] };
  return crypto.subtle.importKey("raw", utf8.encode(secret), imported, false, [use]);
}

const SIGNATURE = /^(?:[A-Za-z0-9+/]{27}|[A-Za-z0-9+/]{43})=$/; // 20 or 32 bytes in base64

function decodeSignature(signature: string): Uint8Array<ArrayBuffer> | undefined {
  if (!SIGNATURE.test(signature)) return undefined;
  const bytes = decodeBase64(signature);
  // The last character has unused bits; only the canonical spelling of the signature is accepted.
  return encodeBase64(bytes.buffer) === signature ? bytes : undefined;
}
