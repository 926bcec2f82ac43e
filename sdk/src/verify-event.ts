// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

const TOLERANCE_SECONDS = 300;

const utf8 = new TextEncoder();

/** What every event has; the rest depends on its kind. */
export type WebhookEvent = {
  event: string;
  event_id: string;
  created_at: string;
  agent_id: string | null;
  phone_number?: string;
  [field: string]: unknown;
};

/** A request that claims to be an event, and is not one that you should act on. */
export class EventRefused extends Error {
  override readonly name = "EventRefused";
}

type EventHeaders = { get(name: string): string | null } | Record<string, string | string[] | undefined>;

/**
 * The event of a request, if your webhook secret signed it within the last five minutes.
 *
 * @param body the body as it came, before anything parsed it
 * @param headers of `fetch`, or those of Node.js
 * @param secret `webhook_secret` or `standard_webhooks_secret`, as `POST /v1/webhooks/secret` gives them
 * @throws EventRefused
 */
export async function verifyEvent(
  body: string,
  headers: EventHeaders,
  secret: string,
): Promise<WebhookEvent> {
  const header = (name: string) =>
    String((typeof headers.get === "function" ? headers.get(name) : headers[name as never]) ?? "");
  const id = header("webhook-id");
  const time = header("webhook-timestamp");
  if (!/^\d{1,12}$/.test(time)) throw new EventRefused("The header webhook-timestamp is missing.");
  if (Math.abs(Date.now() / 1_000 - Number(time)) > TOLERANCE_SECONDS)
    throw new EventRefused("The event was not signed within the last five minutes. Is your clock right?");

  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", bytesOf(secret), algorithm, false, ["verify"]);
  const message = utf8.encode(`${id}.${time}.${body}`);
  // A replaced secret signs beside the new one for a day.
  for (const signature of header("webhook-signature").split(" ")) {
    const [, mac] = /^v1,([A-Za-z0-9+/]{43}=)$/.exec(signature) ?? [];
    if (mac && (await crypto.subtle.verify("HMAC", key, fromBase64(mac), message))) return JSON.parse(body);
  }
  throw new EventRefused("No signature fits. Was the body parsed before, or is the secret another one?");
}

/** The two forms of a secret hold the same 32 bytes. @throws TypeError */
function bytesOf(secret: string): Uint8Array<ArrayBuffer> {
  const [, hex, base64] = /^(?:nxws_([0-9a-f]{64})|whsec_([A-Za-z0-9+/]{43}=))$/.exec(secret.trim()) ?? [];
  if (base64) return fromBase64(base64);
  if (hex) return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  throw new TypeError(
    "The webhook secret must begin with nxws_ or whsec_, as POST /v1/webhooks/secret gives it.",
  );
}

const fromBase64 = (text: string) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
