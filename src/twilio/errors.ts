import * as z from "zod/mini";

/**
 * - `rejected`: Twilio answered 4xx, so the request was not carried out.
 * - `rate_limited`: Twilio answered 429, so the request was not carried out and may be sent again later.
 * - `unavailable`: no usable answer (network, deadline, 5xx, redirect, unreadable). A write may have taken effect.
 */
export type TwilioFailure = "rejected" | "rate_limited" | "unavailable";

export type TwilioErrorFacts = {
  failure: TwilioFailure;
  /** HTTP status of Twilio's answer; absent where there was none. */
  status?: number | undefined;
  /** Twilio's error code, such as 20003. https://www.twilio.com/docs/api/errors */
  twilioCode?: number | undefined;
  /** Twilio says that it is the user name it does not know. A hint: its words may change. */
  isUnknownUser?: true;
  /** `Twilio-Request-Id`, which Twilio's support asks for. */
  requestId?: string | undefined;
  /** Seconds to wait before another try, where Twilio said so. */
  retryAfterSeconds?: number | undefined;
};

/** A call to Twilio that did not succeed. Its message is for logs: it holds no text of Twilio's answer. */
export class TwilioError extends Error {
  override readonly name = "TwilioError";
  readonly facts: TwilioErrorFacts;

  constructor(message: string, facts: TwilioErrorFacts, cause?: unknown) {
    super(message, { cause });
    this.facts = facts;
  }
}

/** Whether Twilio answered that there is no such resource. */
export function isNotFound(error: unknown): boolean {
  return error instanceof TwilioError && error.facts.status === 404;
}

const NO_SMS = 21407; // https://www.twilio.com/docs/api/errors/21407

/**
 * Whether Twilio refused an update because the number cannot text. A number whose capabilities say so gets no SMS update;
 * for some numbers they do not say.
 */
export function cannotText(error: unknown): boolean {
  return (
    error instanceof TwilioError && error.facts.failure === "rejected" && error.facts.twilioCode === NO_SMS
  );
}

/** Whether Twilio refused the account and not what was asked of it. */
export function isAboutCredentials(error: unknown): boolean {
  return error instanceof TwilioError && (error.facts.status === 401 || error.facts.status === 403);
}

// The 2010 API sends {code,message,more_info,status}, newer ones RFC 9457 {type,title,status,code}, and the edge
// HTML or nothing. Only the code decides, and only where it is a number or spells one: messages are reworded without notice.
const errorBody = z.object({
  message: z.catch(z.optional(z.string()), undefined),
  code: z.union([z.number(), z.string().check(z.regex(/^\d{5,6}$/))]),
});

/** The error of an answer that is not 2xx. Any body will do: JSON of either kind, HTML, none. */
export function errorFromResponse(response: Response, body: string): TwilioError {
  const { status } = response;
  const { code, message } = parseBody(body) ?? {};
  return new TwilioError(`Twilio answered ${status}`, {
    failure: failureOf(status),
    status,
    twilioCode: code === undefined ? undefined : Number(code),
    ...(message?.includes("invalid username") && { isUnknownUser: true }),
    requestId: response.headers.get("twilio-request-id") ?? undefined,
    retryAfterSeconds: retryAfterSeconds(response.headers.get("retry-after")),
  });
}

function failureOf(status: number): TwilioFailure {
  if (status === 429) return "rate_limited";
  // A request that timed out (408) may have been carried out, and a redirect is not an answer of the API.
  if (status >= 400 && status < 500 && status !== 408) return "rejected";
  return "unavailable";
}

function parseBody(body: string): z.output<typeof errorBody> | undefined {
  try {
    const parsed = errorBody.safeParse(JSON.parse(body));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** `Retry-After` in seconds (RFC 9110, 10.2.3). The date form is not used by Twilio and counts as absent. */
function retryAfterSeconds(header: string | null): number | undefined {
  return header !== null && /^\d{1,6}$/.test(header.trim()) ? Number(header) : undefined;
}
