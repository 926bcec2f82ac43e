import { encodeBase64 } from "hono/utils/encode";
import { hex } from "../ids.ts";

// Every event is signed in two ways. There is one signature for each secret that is still valid, the present secret's first.
//
// X-Nixflex-Signature: `t=<unix seconds>,v1=<64 hex>`, HMAC-SHA256 over `<t>.<raw body>`. The key is the secret as text.
//
// Standard Webhooks: `v1,<base64>`, HMAC-SHA256 over `<id>.<unix seconds>.<raw body>`. The key is the 32 bytes that the secret
// has in hex. https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

const TOLERANCE_SECONDS = 300;

const utf8 = new TextEncoder();

/** The headers that sign an event, in both ways. */
export async function signedHeaders(
  secrets: readonly string[],
  id: string,
  body: string,
  now: Date,
): Promise<Record<string, string>> {
  const time = String(unixSeconds(now));
  const standard = secrets.map(async (secret) => {
    const mac = await hmac(standardBytes(secret), `${id}.${time}.${body}`);
    return `v1,${encodeBase64(mac)}`;
  });
  return {
    "x-nixflex-signature": await signEvent(secrets, body, now),
    "webhook-id": id,
    "webhook-timestamp": time,
    "webhook-signature": (await Promise.all(standard)).join(" "),
  };
}

/** The value of X-Nixflex-Signature. */
export async function signEvent(secrets: readonly string[], body: string, now: Date): Promise<string> {
  const time = unixSeconds(now);
  const signatures = await Promise.all(
    secrets.map(
      async (secret) => `v1=${hex(new Uint8Array(await hmac(utf8.encode(secret), `${time}.${body}`)))}`,
    ),
  );
  return [`t=${time}`, ...signatures].join(",");
}

/** The secret as libraries for Standard Webhooks want it: `whsec_` and base64. */
export function standardSecret(secret: string): string {
  return `whsec_${encodeBase64(standardBytes(secret).buffer)}`;
}

const standardBytes = (secret: string): Uint8Array<ArrayBuffer> =>
  bytesOf(secret.slice(secret.indexOf("_") + 1));

const unixSeconds = (now: Date) => Math.floor(now.getTime() / 1000);

/**
 * What a receiver does: says whether this secret signed the body within five minutes of `now`. One correct `v1` is
 * enough. Compares in constant time.
 */
export async function verifyEvent(secret: string, body: string, header: string, now: Date): Promise<boolean> {
  const parts = header.split(",").map((part) => part.trim());
  const time = parts.find((part) => /^t=\d{1,12}$/.test(part))?.slice(2);
  if (time === undefined) return false;
  if (Math.abs(now.getTime() / 1000 - Number(time)) > TOLERANCE_SECONDS) return false;
  const key = await importKey(utf8.encode(secret), "verify");
  const message = utf8.encode(`${time}.${body}`);
  for (const part of parts) {
    const digits = /^v1=([0-9a-f]{64})$/.exec(part)?.[1];
    if (digits && (await crypto.subtle.verify("HMAC", key, bytesOf(digits), message))) return true;
  }
  return false;
}

function bytesOf(digits: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

async function hmac(secret: Uint8Array, message: string): Promise<ArrayBuffer> {
  return crypto.subtle.sign("HMAC", await importKey(secret, "sign"), utf8.encode(message));
}

function importKey(secret: Uint8Array, use: "sign" | "verify"): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, [use]);
}
