import { encodeBase64 } from "hono/utils/encode";
import { errorFromResponse, TwilioError } from "./errors.ts";

export type TwilioCredentials = { accountSid: string; authToken: string };

export type TwilioEndpoint = {
  /** An origin, such as `https://api.twilio.com`. Credentials are sent to no other host. */
  baseUrl: string;
  /** The origins of other Regions, by Region, where they do not follow from `baseUrl`: a simulator's. */
  regionUrls?: Readonly<Record<string, string>>;
  /** The deadline of one call, its retries and the reading of the answer included. */
  timeoutMs: number;
};

type TwilioRequest = { method: "GET" | "POST"; path: string; form?: Record<string, string> };

const MAX_RETRIES = 2;
const FIRST_BACKOFF_MS = 200;
const MAX_RETRY_AFTER_SECONDS = 3;

// For how much of the deadline a busy account is waited for: some 25 tries at most, in under three of eight seconds.
const PATIENCE = 0.35;
const BUSY_WAIT_MS = { first: 400, last: 50 };

/**
 * One call to Twilio's REST API: Basic authentication, a form body, a deadline, no redirects.
 *
 * GET is tried again on network errors, 5xx and 429. A write is tried again only on 429, which Twilio answers
 * before it does anything; after any other failure it may have taken effect, and only the caller can find out.
 * On 429 there is no fixed number of tries: it is waited for a place for a third of the deadline.
 * https://www.twilio.com/docs/usage/rest-api-best-practices
 *
 * @returns the answer's JSON, not yet checked
 * @throws TwilioError
 */
export async function callTwilio(
  endpoint: TwilioEndpoint,
  credentials: TwilioCredentials,
  request: TwilioRequest,
): Promise<unknown> {
  const deadline = AbortSignal.timeout(endpoint.timeoutMs);
  const startedAt = Date.now();
  for (let retries = 0; ; retries += 1) {
    try {
      return await attempt(endpoint, credentials, request, deadline);
    } catch (error) {
      if (!(error instanceof TwilioError)) throw error;
      const elapsed = (Date.now() - startedAt) / endpoint.timeoutMs;
      const waitMs = retryDelayMs(request.method, error, { retries, elapsed }, Math.random());
      if (waitMs === undefined || deadline.aborted) throw error;
      await wait(waitMs, deadline);
      if (deadline.aborted) throw error;
    }
  }
}

/**
 * How long to wait before a failed call is tried again, in milliseconds. Undefined: do not try again.
 *
 * @param elapsed the share of the deadline that is over, from 0 to 1
 * @param random a number from 0 to 1
 * @internal
 */
export function retryDelayMs(
  method: "GET" | "POST",
  { facts }: TwilioError,
  { retries, elapsed }: { retries: number; elapsed: number },
  random: number,
): number | undefined {
  const { failure, status, retryAfterSeconds } = facts;
  if (retryAfterSeconds !== undefined && retryAfterSeconds > MAX_RETRY_AFTER_SECONDS) return undefined;
  if (failure === "rate_limited") return busyDelayMs(retryAfterSeconds ?? 0, elapsed, random);
  if (retries >= MAX_RETRIES || failure === "rejected" || method === "POST") return undefined;
  // 3xx and unreadable answers are not passing faults.
  if (status !== undefined && status < 400) return undefined;
  if (retryAfterSeconds !== undefined) return retryAfterSeconds * 1000;
  return random * FIRST_BACKOFF_MS * 2 ** retries;
}

/**
 * How long to wait for a place where Twilio limits the requests under way. An account's places come free every few
 * milliseconds and go to whoever asks next, so the waits grow shorter and not longer: who has waited longest asks
 * most often. With growing waits a call loses its turn to newer ones until its deadline.
 */
function busyDelayMs(retryAfterSeconds: number, elapsed: number, random: number): number | undefined {
  const left = 1 - elapsed / PATIENCE;
  if (left <= 0) return undefined;
  const { first, last } = BUSY_WAIT_MS;
  return retryAfterSeconds * 1000 + random * (last + (first - last) * left);
}

async function attempt(
  endpoint: TwilioEndpoint,
  credentials: TwilioCredentials,
  { method, path, form }: TwilioRequest,
  signal: AbortSignal,
): Promise<unknown> {
  const { response, body } = await send(new URL(path, endpoint.baseUrl), {
    method,
    headers: { authorization: basic(credentials), accept: "application/json" },
    body: form ? new URLSearchParams(form) : null,
    redirect: "manual",
    signal,
  });
  if (!response.ok) throw errorFromResponse(response, body);
  try {
    return JSON.parse(body);
  } catch {
    // The parser's own message would quote the answer.
    throw new TwilioError("Twilio's answer is not JSON", { failure: "unavailable", status: response.status });
  }
}

async function send(url: URL, init: RequestInit): Promise<{ response: Response; body: string }> {
  try {
    const response = await fetch(url, init);
    return { response, body: await response.text() };
  } catch (cause) {
    if (!init.signal?.aborted)
      throw new TwilioError("Twilio could not be reached", { failure: "unavailable" }, cause);
    throw new TwilioError("Twilio did not answer in time", { failure: "unavailable" }, cause);
  }
}

/** RFC 7617, in UTF-8: a token pasted with a stray character is refused by Twilio and not by an encoder. */
function basic({ accountSid, authToken }: TwilioCredentials): string {
  const { buffer } = new TextEncoder().encode(`${accountSid}:${authToken}`);
  return `Basic ${encodeBase64(buffer)}`;
}

function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
  });
}
