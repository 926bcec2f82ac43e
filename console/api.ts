import { createClient } from "../sdk/src/client.ts";
import type { Session } from "./types.ts";

export { NixflexError } from "../sdk/src/error.ts";

// The cookie of the session counts only with this header; see src/api-keys/session.ts.
const CONSOLE_HEADER = "x-nixflex-console";

let whenSignedOut: () => void = () => undefined;

/** Says what to do when an answer says that the session has ended. */
export function onSignedOut(act: () => void): void {
  whenSignedOut = act;
}

async function send(request: Request): Promise<Response> {
  request.headers.set(CONSOLE_HEADER, "1");
  const response = await fetch(request);
  if (response.status === 401 && !request.headers.has("authorization")) {
    const answer = await response.clone().json();
    // Twilio's refusal of a customer's credentials is a 401 too.
    if (answer?.error?.code === "invalid_api_key") whenSignedOut();
  }
  return response;
}

const clientFor = (key?: string) =>
  createClient({ baseUrl: location.origin, fetch: send, maxRetries: 0, ...(key && { token: key }) });

/** The generated client, with the session instead of an API key. */
export const api = clientFor();

/** Replaces the secret of a key, which takes the key itself. @throws NixflexError */
export function rotateKey(key: string): Promise<{ key_id: string; key_secret: string }> {
  return clientFor(key).rotateKey();
}

/** Exchanges an API key for a session. The key is used for this request only. @throws NixflexError */
export function signIn(key: string): Promise<Session> {
  return clientFor(key).startSession();
}
