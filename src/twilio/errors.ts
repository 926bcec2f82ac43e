import { meaningOf } from "./meanings.ts";

/**
 * - `rejected`: Twilio answered 4xx and did nothing.
 * - `rate_limited`: Twilio answered 429 and did nothing. The request may be sent again later.
 * - `unavailable`: no usable answer (network, deadline, 5xx, redirect, unreadable). A write may have taken effect.
 */
export type TwilioFailure = "rejected" | "rate_limited" | "unavailable";

export type TwilioErrorFacts = {
  failure: TwilioFailure;
  /** The HTTP status of Twilio's answer; absent if there was no answer. */
  status?: number | undefined;
  /** Twilio's error code, such as 20003. https://www.twilio.com/docs/api/errors */
  twilioCode?: number | undefined;
  /** Twilio's message says that the user name is unknown. Only a hint: Twilio may change its words. */
  isUnknownUser?: true;
  /** The permission that a Restricted API key lacks. */
  permission?: string;
  /** `Twilio-Request-Id`. Twilio's support asks for it. */
  requestId?: string | undefined;
  /** Seconds to wait before another try, if Twilio says so. */
  retryAfterSeconds?: number | undefined;
};

/** A failed call to Twilio. The message is safe to log: it holds no text of Twilio's answer. */
export class TwilioError extends Error {
  override readonly name = "TwilioError";
  readonly facts: TwilioErrorFacts;

  constructor(message: string, facts: TwilioErrorFacts, cause?: unknown) {
    super(message, { cause });
    this.facts = facts;
  }
}

/** Whether Twilio answered that there is no such resource. A 404 without a code is not of its API. */
export function isNotFound(error: unknown): boolean {
  return error instanceof TwilioError && error.facts.status === 404 && error.facts.twilioCode !== undefined;
}

const NO_SMS = 21407; // https://www.twilio.com/docs/api/errors/21407

/**
 * Whether Twilio refused an update because the number cannot text. If a number's capabilities say so, we send no SMS
 * update; but for some numbers they do not say so.
 */
export function cannotText(error: unknown): boolean {
  return (
    error instanceof TwilioError && error.facts.failure === "rejected" && error.facts.twilioCode === NO_SMS
  );
}

/** Whether Twilio refused an update because another one of the same resource is running. */
export function isOtherUpdateRunning({ failure, status, twilioCode }: TwilioErrorFacts): boolean {
  return (
    failure === "rejected" && (status === 409 || meaningOf(twilioCode)?.reason === "other_update_running")
  );
}

// RFC 9110, 15.6.3 to 15.6.5
const GATEWAY_STATUSES = [502, 503, 504];

/**
 * Whether Twilio may still carry out an update that failed: we got no answer, or only one from a gateway, which gives up
 * before the server behind it does.
 */
export function mayStillHappen(error: unknown): boolean {
  if (!(error instanceof TwilioError) || error.facts.failure !== "unavailable") return false;
  const { status } = error.facts;
  return status === undefined || GATEWAY_STATUSES.includes(status);
}

/** Whether Twilio refused the credentials, not the request. */
export function isAboutCredentials(error: unknown): boolean {
  return error instanceof TwilioError && (error.facts.status === 401 || error.facts.status === 403);
}

const MISSING_PERMISSION = 70051; // https://www.twilio.com/docs/api/errors/70051

/** Whether a Restricted API key may not do this at all. */
export function isMissingPermission(error: unknown): boolean {
  return error instanceof TwilioError && error.facts.twilioCode === MISSING_PERMISSION;
}

// The 2010 API sends {code,message,more_info,status}, newer APIs send RFC 9457 {type,title,status,code}, and Twilio's
// edge sends HTML or nothing. Only a code that is a number, or the digits of one, decides: Twilio changes its messages
// without notice.
const CODE = /^\d{5,6}$/;

/** The error for an answer that is not 2xx. The body may be JSON of either kind, HTML, or empty. */
export function errorFromResponse(response: Response, body: string): TwilioError {
  const { status } = response;
  const { code, message } = parseBody(body);
  return new TwilioError(`Twilio answered ${status}`, {
    failure: failureOf(status),
    status,
    twilioCode: code,
    ...(message?.includes("invalid username") && { isUnknownUser: true }),
    ...permissionIn(code, body),
    requestId: response.headers.get("twilio-request-id") ?? undefined,
    retryAfterSeconds: retryAfterSeconds(response.headers.get("retry-after")),
  });
}

const PERMISSION = /\/twilio(?:\/[a-z0-9-]{1,60}){2,5}/;

/** Twilio's words name it. */
function permissionIn(twilioCode: number | undefined, body: string): { permission?: string } {
  const [permission] = (twilioCode === MISSING_PERMISSION && PERMISSION.exec(body.slice(0, 2_000))) || [];
  return permission === undefined ? {} : { permission };
}

function failureOf(status: number): TwilioFailure {
  if (status === 429) return "rate_limited";
  // After a timeout (408) the request may have taken effect, and a redirect is not an answer of the API.
  if (status >= 400 && status < 500 && status !== 408) return "rejected";
  return "unavailable";
}

function parseBody(body: string): { message?: string; code?: number } {
  try {
    const { message, code } = Object(JSON.parse(body)) as Record<string, unknown>;
    if (typeof code !== "number" && !(typeof code === "string" && CODE.test(code))) return {};
    return { code: Number(code), ...(typeof message === "string" && { message }) };
  } catch {
    return {};
  }
}

/** `Retry-After` in seconds (RFC 9110, 10.2.3). Twilio does not use the date form, so a date counts as absent. */
function retryAfterSeconds(header: string | null): number | undefined {
  return header !== null && /^\d{1,6}$/.test(header.trim()) ? Number(header) : undefined;
}
