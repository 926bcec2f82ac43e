import { createClient } from "../sdk/src/client.ts";
import { NixflexError } from "../sdk/src/error.ts";

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

/** The generated client, with the session instead of an API key. */
export const api = createClient({ baseUrl: location.origin, fetch: send });

/** Exchanges an API key for a session. The key is used for this request only. @throws NixflexError */
export function signIn(key: string): Promise<{ key_id: string; expires_at: string }> {
  return createClient({ baseUrl: location.origin, token: key, fetch: send }).startSession();
}

type Question = { query?: Record<string, string | number | undefined>; body?: unknown };

/** Asks an endpoint that the generated client does not have on every deployment. @throws NixflexError */
export async function ask<Answer>(
  method: string,
  path: string,
  { query = {}, body }: Question = {},
): Promise<Answer> {
  const url = new URL(path, location.origin);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") url.searchParams.set(name, String(value));
  }
  const response = await send(
    new Request(url, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
    }),
  );
  const answer = await response.json().catch(() => undefined);
  if (!response.ok || answer === undefined) throw new NixflexError(response, answer?.error);
  return answer as Answer;
}

/** The bytes of a file of this deployment, such as a recording. @throws NixflexError */
export async function download(path: string): Promise<Blob> {
  const response = await send(new Request(new URL(path, location.origin)));
  if (!response.ok) throw new NixflexError(response, (await response.json().catch(() => undefined))?.error);
  return response.blob();
}

/** Whether this deployment has no such endpoint: it is older than this page, or the feature is switched off. */
export function isMissing(error: unknown): boolean {
  return error instanceof NixflexError && error.code === "not_found";
}
