import { decodeBase64, encodeBase64 } from "hono/utils/encode";
import { sha256 } from "../vault/hash.ts";

// X-Twilio-Signature: HMAC-SHA1 of the URL and the form parameters, keyed by the account's primary Auth Token.
// https://www.twilio.com/docs/usage/webhooks/webhooks-security

/** What Twilio signed: the URL it was given, and the body it sent. */
export type SignedRequest = {
  /** The URL as configured at Twilio, without its fragment. */
  url: string;
  /** The raw body; empty for GET. */
  body: string;
};

const utf8 = new TextEncoder();

/** An Auth Token as a key that checks signatures and gives nothing away. */
export function verificationKey(authToken: string): Promise<CryptoKey> {
  return importKey(authToken, "verify");
}

/** The signature Twilio sends for a form body, in base64. */
export async function sign(authToken: string, url: string, parameters: URLSearchParams): Promise<string> {
  const key = await importKey(authToken, "sign");
  return encodeBase64(await crypto.subtle.sign("HMAC", key, utf8.encode(url + canonical(parameters))));
}

/**
 * Whether `signature` is Twilio's for this request by any of the keys, compared in constant time.
 *
 * Twilio is not consistent about a standard port and about escapes in the query, so the forms its own SDKs accept
 * are accepted here. Where the URL carries `bodySHA256` the body is covered by that hash and not by the parameters.
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

/** Neither hash is a secret: the sender knows the body, and the URL is what the signature covers. */
async function isHashOf(hash: string, body: string): Promise<boolean> {
  if (hash === (await sha256(body))) return true;
  // Where there is no body (GET), Twilio's SDKs hash an empty JSON object in its place.
  return body === "" && hash === (await sha256("{}"));
}

/** Every parameter, empty ones too: keys sorted, the values of a repeated key without duplicates and sorted. */
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

/** The spellings of a URL that Twilio may have signed, the likeliest first; the others are made only when asked for. */
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

/** Older signers wrote the query anew: a repeated key's values together, and escapes as `encodeURIComponent` has them. */
function withQueryWrittenAnew(url: string): string {
  const start = url.indexOf("?");
  if (start === -1 || start === url.length - 1) return url;
  // A plain object on purpose: its order, which puts numbers first, is the order those signers had.
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

function importKey(authToken: string, use: "sign" | "verify"): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", utf8.encode(authToken), { name: "HMAC", hash: "SHA-1" }, false, [
    use,
  ]);
}

const SIGNATURE = /^[A-Za-z0-9+/]{27}=$/; // 20 bytes in base64

function decodeSignature(signature: string): Uint8Array<ArrayBuffer> | undefined {
  if (!SIGNATURE.test(signature)) return undefined;
  const bytes = decodeBase64(signature);
  // The last character has two spare bits; only their one canonical spelling is the signature.
  return encodeBase64(bytes.buffer) === signature ? bytes : undefined;
}
