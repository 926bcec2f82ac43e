import type { Operation } from "./state.ts";

/** What goes wrong with a request. */
export type Effect =
  /** Do nothing and answer this. */
  | { kind: "respond"; status: number; body?: string; headers?: Record<string, string> }
  /** Drop the connection before anything is done. */
  | { kind: "reset" }
  /** Do it, then drop the connection before the answer. */
  | { kind: "reply_lost" }
  /** Do it, then answer this. */
  | { kind: "reply_replaced"; status: number; body?: string }
  /** Never answer. */
  | { kind: "hang" }
  /** Do it, and never answer. */
  | { kind: "reply_hangs" }
  /** Never answer, or answer like a gateway. Do it later, after this many other requests were answered. */
  | { kind: "late"; requests: number; answer?: 502 | 503 | 504 | "reset" }
  /** Answer after this many milliseconds. */
  | { kind: "slow"; milliseconds: number }
  /** Accept an update and change nothing. */
  | { kind: "ignored" };

export type Fault = {
  effect: Effect;
  /** Which requests fail; all if absent. */
  operation?: Operation;
  /** How many requests work before the first one fails. */
  after?: number;
  /** How many requests fail: 1 if absent, and null for all from then on. */
  times?: number | null;
};

/** The connection is gone. The server of the simulator closes the socket. */
export class ConnectionReset extends Error {
  override readonly name = "ConnectionReset";
}

export type Faults = {
  add: (fault: Fault) => void;
  clear: () => void;
  /** The effect on the next request of this operation. Counts that request. */
  take: (operation: Operation) => Effect | undefined;
};

export function createFaults(): Faults {
  let pending: { fault: Fault; after: number; left: number }[] = [];
  return {
    add(fault) {
      pending.push({
        fault,
        after: fault.after ?? 0,
        left: fault.times === null ? Infinity : (fault.times ?? 1),
      });
    },
    clear() {
      pending = [];
    },
    take(operation) {
      for (const entry of pending) {
        if (entry.fault.operation && entry.fault.operation !== operation) continue;
        if (entry.after > 0) {
          entry.after -= 1;
          continue;
        }
        entry.left -= 1;
        if (entry.left <= 0) pending = pending.filter((other) => other !== entry);
        return entry.fault.effect;
      }
      return undefined;
    },
  };
}

const json = { "content-type": "application/json" };

function twilioError(
  status: number,
  code: number,
  message: string,
  headers: Record<string, string> = {},
): Effect {
  const body = JSON.stringify({
    code,
    message,
    more_info: `https://www.twilio.com/docs/errors/${code}`,
    status,
  });
  return { kind: "respond", status, body, headers: { ...json, ...headers } };
}

/** Effects with a name. */
export const effects = {
  authenticate: twilioError(401, 20003, "Authenticate"),
  unauthorizedWithoutCode: { kind: "respond", status: 401, body: "", headers: {} },
  restrictedKey: twilioError(401, 70051, "Authorization failed"),
  notActive: twilioError(403, 20005, "Account not active"),
  notFound: twilioError(404, 20404, "The requested resource was not found"),
  invalidUrl: twilioError(400, 21402, "VoiceUrl is not valid"),
  // https://www.twilio.com/docs/api/errors/20409, https://www.twilio.com/docs/api/errors/20162
  conflict: twilioError(409, 20409, "Conflict"),
  otherUpdate: twilioError(409, 20162, "Conflicting resource update in progress"),
  // https://www.twilio.com/docs/api/errors/70051
  noPermission: twilioError(403, 70051, "Authorization failed"),
  // Any code of https://www.twilio.com/docs/api/errors. Twilio does not document the status of each; most are 400.
  refusal: (code: number) => twilioError(400, code, "Refused"),
  testCredentials: twilioError(403, 20008, "Resource not accessible with Test Account Credentials"),
  cannotText: twilioError(400, 21407, "This Phone Number type does not support SMS or MMS"),
  tooManyRequests: twilioError(429, 20429, "Too Many Requests"),
  tooManyRequestsRetryAfter: (seconds: number) =>
    twilioError(429, 20429, "Too Many Requests", { "retry-after": String(seconds) }),
  // https://www.twilio.com/docs/api/errors/59004, and 59102 and 59200 beside it
  webhooksBusy: twilioError(429, 59004, "Too Many Requests", { "retry-after": "2" }),
  transactionConflict: twilioError(409, 59102, "Transaction Conflict"),
  accountLimitReached: twilioError(409, 59200, "Account Limit Reached"),
  serverErrorHtml: {
    kind: "respond",
    status: 500,
    body: "<html><body><h1>500 Internal Server Error</h1></body></html>",
    headers: { "content-type": "text/html" },
  },
  serviceUnavailableEmpty: { kind: "respond", status: 503, body: "", headers: {} },
  rfc9457: {
    kind: "respond",
    status: 401,
    body: JSON.stringify({ type: "about:blank", title: "Unauthorized", status: 401, code: 20003 }),
    headers: { "content-type": "application/problem+json" },
  },
  redirect: { kind: "respond", status: 302, body: "", headers: { location: "https://elsewhere.example/" } },
  notJson: {
    kind: "respond",
    status: 200,
    body: "<html>ok</html>",
    headers: { "content-type": "text/html" },
  },
  reset: { kind: "reset" },
  replyLost: { kind: "reply_lost" },
  appliedButServerError: { kind: "reply_replaced", status: 500, body: "<html></html>" },
  appliedButNotJson: { kind: "reply_replaced", status: 200, body: "<html></html>" },
  hang: { kind: "hang" },
  appliedButHangs: { kind: "reply_hangs" },
  appliedLate: { kind: "late", requests: 1 },
  appliedBehindGateway: { kind: "late", requests: 1, answer: 504 },
  ignored: { kind: "ignored" },
} as const satisfies Record<string, Effect | ((seconds: number) => Effect)>;
