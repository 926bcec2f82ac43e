import { hex } from "../ids.ts";

// X-Nixflex-Signature: `t=<unix seconds>,v1=<64 hex>`, HMAC-SHA256 over `<t>.<raw body>`. There is one `v1` for each
// secret that is still valid, the present secret's first.

const TOLERANCE_SECONDS = 300;

const utf8 = new TextEncoder();

/** The header's value, with one `v1` for each secret. */
export async function signEvent(secrets: readonly string[], body: string, now: Date): Promise<string> {
  const time = Math.floor(now.getTime() / 1000);
  const signatures = await Promise.all(
    secrets.map(async (secret) => {
      const key = await importKey(secret, "sign");
      return `v1=${hex(new Uint8Array(await crypto.subtle.sign("HMAC", key, utf8.encode(`${time}.${body}`))))}`;
    }),
  );
  return [`t=${time}`, ...signatures].join(",");
}

/**
 * What a receiver does: says whether this secret signed the body within five minutes of `now`. One correct `v1` is
 * enough. Compares in constant time.
 */
export async function verifyEvent(secret: string, body: string, header: string, now: Date): Promise<boolean> {
  const parts = header.split(",").map((part) => part.trim());
  const time = parts.find((part) => /^t=\d{1,12}$/.test(part))?.slice(2);
  if (time === undefined) return false;
  if (Math.abs(now.getTime() / 1000 - Number(time)) > TOLERANCE_SECONDS) return false;
  const key = await importKey(secret, "verify");
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

function importKey(secret: string, use: "sign" | "verify"): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", utf8.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, [use]);
}
