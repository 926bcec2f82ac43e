import { encodeBase64 } from "hono/utils/encode";
import type * as z from "zod/mini";
import { errorFromResponse, isOtherUpdateRunning, TwilioError } from "./errors.ts";

/**
 * What signs in: an account's Auth Token, or an API key of it. A key stands for the account in `Authorization` only; the
 * paths have the account's SID. https://www.twilio.com/docs/iam/api-keys
 */
export type Credential = { authToken: string } | { keySid: string; secret: string };
export type TwilioCredentials = { accountSid: string } & Credential;

/** What nobody may read of a credential. */
export const secretOf = (credential: Credential): string =>
  "authToken" in credential ? credential.authToken : credential.secret;

export type TwilioEndpoint = {
  /** An origin, such as `https://api.twilio.com`. Credentials are sent to no other host. */
  baseUrl: string;
  /** The origins of other Regions, by Region, if they do not follow from `baseUrl`, such as a simulator's. */
  regionUrls?: Readonly<Record<string, string>>;
  /** The deadline of one call, including its retries and reading the answer. */
  timeoutMs: number;
};

export type TwilioRequest = {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  path: string;
  form?: Record<string, string> | [string, string][];
  /** In place of a form. */
  json?: object;
};

const MAX_RETRIES = 2;
const FIRST_BACKOFF_MS = 200;
const MAX_RETRY_AFTER_SECONDS = 3;

// The share of the deadline for retries after 429: about 25 tries at most, in less than three of eight seconds.
const PATIENCE = 0.35;
const BUSY_WAIT_MS = { first: 400, last: 50 };

/**
 * One call to Twilio's REST API: Basic authentication, a form body, a deadline, no redirects.
 *
 * A GET is tried again after network errors, 5xx and 429. A write is tried again only after 429, and once if another
 * update is running: Twilio has then done nothing. After any other failure the write may have taken effect, and only the
 * caller can find out. After 429 the number of tries is not fixed: they go on for about a third of the deadline.
 * https://www.twilio.com/docs/usage/rest-api-best-practices
 *
 * @returns the answer's JSON, not yet validated
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
 * How long to wait before the next try of a failed call, in milliseconds. Undefined: do not try again.
 *
 * @param elapsed the share of the deadline that has passed, from 0 to 1
 * @param random a number from 0 to 1
 * @internal
 */
export function retryDelayMs(
  method: TwilioRequest["method"],
  { facts }: TwilioError,
  { retries, elapsed }: { retries: number; elapsed: number },
  random: number,
): number | undefined {
  const { failure, status, retryAfterSeconds } = facts;
  if (retryAfterSeconds !== undefined && retryAfterSeconds > MAX_RETRY_AFTER_SECONDS) return undefined;
  if (isOtherUpdateRunning(facts)) return retries === 0 ? (1 + random) * FIRST_BACKOFF_MS : undefined;
  if (failure === "rate_limited") return busyDelayMs(retryAfterSeconds ?? 0, elapsed, random);
  if (retries >= MAX_RETRIES || failure === "rejected" || method !== "GET") return undefined;
  // A 3xx or an unreadable answer is not a temporary fault.
  if (status !== undefined && status < 400) return undefined;
  if (retryAfterSeconds !== undefined) return retryAfterSeconds * 1000;
  return random * FIRST_BACKOFF_MS * 2 ** retries;
}

/**
 * How long to wait if Twilio limits the concurrent requests of an account. Every few milliseconds a place becomes free,
 * and the next request gets it. So the waits get shorter: the call that has waited longest asks most often. If the waits
 * got longer, newer calls would take every place until the old call's deadline.
 */
function busyDelayMs(retryAfterSeconds: number, elapsed: number, random: number): number | undefined {
  const left = 1 - elapsed / PATIENCE;
  if (left <= 0) return undefined;
  const { first, last } = BUSY_WAIT_MS;
  return retryAfterSeconds * 1000 + random * (last + (first - last) * left);
}

/**
 * The same, and its answer of the documented form.
 *
 * @throws TwilioError; `unavailable` if the answer has another form: a write may have taken effect
 */
export async function askTwilio<Schema extends z.ZodMiniType>(
  schema: Schema,
  endpoint: TwilioEndpoint,
  credentials: TwilioCredentials,
  request: TwilioRequest,
): Promise<z.output<Schema>> {
  return ofForm(schema, await callTwilio(endpoint, credentials, request));
}

/** @throws TwilioError */
export function ofForm<Schema extends z.ZodMiniType>(schema: Schema, answer: unknown): z.output<Schema> {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map(({ path }) => path.join(".")).join(", ");
  throw new TwilioError(`Twilio's answer is not of the documented form: ${fields}`, {
    failure: "unavailable",
    status: 200,
  });
}

async function attempt(
  endpoint: TwilioEndpoint,
  credentials: TwilioCredentials,
  { method, path, form, json }: TwilioRequest,
  signal: AbortSignal,
): Promise<unknown> {
  const { response, body } = await send(new URL(path, endpoint.baseUrl), {
    method,
    headers: {
      authorization: basic(credentials),
      accept: "application/json",
      ...(json && { "content-type": "application/json" }),
    },
    body: json ? JSON.stringify(json) : form ? new URLSearchParams(form) : null,
    redirect: "manual",
    signal,
  });
  if (!response.ok) throw errorFromResponse(response, body);
  if (response.status === 204) return null;
  try {
    return JSON.parse(body);
  } catch {
    // The parser's message would quote the answer, so it is not kept.
    throw new TwilioError("Twilio's answer is not JSON", { failure: "unavailable", status: response.status });
  }
}

/**
 * A recording's sound, not read yet. Only what a player asks of it is passed on.
 * https://www.twilio.com/docs/voice/api/recording#fetch-a-recording-media-file
 *
 * @param range the `Range` header of the request, if it has one
 * @throws TwilioError
 */
export async function openRecording(
  endpoint: TwilioEndpoint,
  credentials: TwilioCredentials,
  sid: string,
  range: string | undefined,
): Promise<Response> {
  const path = `/2010-04-01/Accounts/${credentials.accountSid}/Recordings/${sid}.mp3`;
  const headers = { authorization: basic(credentials), ...(range !== undefined && { range }) };
  // The deadline is for the answer to begin: a long recording may take longer.
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), endpoint.timeoutMs);
  const init = { headers, redirect: "manual" as const, signal: deadline.signal };
  let response: Response;
  try {
    response = await fetch(new URL(path, endpoint.baseUrl), init);
  } catch (cause) {
    throw new TwilioError("Twilio could not be reached", { failure: "unavailable" }, cause);
  } finally {
    clearTimeout(timer);
  }
  if (response.status === 200 || response.status === 206) return response;
  // Whoever asks for a part that is not there gets the whole, as RFC 9110, 14.2, allows.
  if (response.status === 416 && range !== undefined)
    return openRecording(endpoint, credentials, sid, undefined);
  throw errorFromResponse(response, await response.text());
}

/** Deletes a recording at Twilio; one that is gone is no error. @throws TwilioError */
export async function deleteRecording(
  endpoint: TwilioEndpoint,
  credentials: TwilioCredentials,
  sid: string,
): Promise<void> {
  const path = `/2010-04-01/Accounts/${credentials.accountSid}/Recordings/${sid}.json`;
  await ifThere(callTwilio(endpoint, credentials, { method: "DELETE", path }));
}

/** What is gone already is no error. @throws TwilioError */
export async function ifThere(removal: Promise<unknown>): Promise<void> {
  await removal.catch((error: unknown) => {
    if (!(error instanceof TwilioError && error.facts.status === 404)) throw error;
  });
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

/** RFC 7617, in UTF-8: so a token with a wrong character does not fail here, and Twilio refuses it. */
function basic(credentials: TwilioCredentials): string {
  const user = "keySid" in credentials ? credentials.keySid : credentials.accountSid;
  const { buffer } = new TextEncoder().encode(`${user}:${secretOf(credentials)}`);
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
