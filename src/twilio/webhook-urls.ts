export const WEBHOOK_PATH = "/webhooks/twilio";

// Connection overrides: Twilio reads them from the fragment, which it neither sends nor signs. Times are in
// milliseconds. https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides

/**
 * For what Twilio reports. By default it tries again only if it cannot connect, so a text that meets a 5xx is lost.
 * Three tries, each of up to 2 s to connect and 3 s to answer, fit into the 15 s that Twilio gives to all of them. With
 * its default of 15 s to answer, no time would be left for a second try. A 4xx is our refusal: it would stay one.
 */
const REPORTED = "#rc=2&rp=5xx,ct,rt&ct=2000&rt=3000";

/**
 * For calls: a caller who meets a dead edge waits for the fallback URL for 4 s instead of 10. Two seconds still let the
 * network repeat a lost packet, which takes it one second. Count and policy are Twilio's defaults, written out so that
 * they stay: after an answer that is an error, the fallback URL is quicker than a second try.
 */
const ANSWERED = "#rc=1&rp=ct&ct=2000";

/** What Twilio calls: the end of the URL, and how often Twilio tries. */
const WEBHOOKS = {
  voice: ["voice", ANSWERED],
  voiceFallback: ["voice-fallback", ANSWERED],
  sms: ["sms", REPORTED],
  smsFallback: ["sms-fallback", REPORTED],
  status: ["status", REPORTED],
  recording: ["recording", REPORTED],
  /** After `<Connect>` or `<Dial>`. */
  connectAction: ["connect-action", ANSWERED],
  /** The same for a session that has begun once more, without the agent's voice and language. */
  connectActionPlain: ["connect-action-plain", ANSWERED],
  /** After `<Gather>`, and when it has waited for an answer. */
  gather: ["gather", ANSWERED],
  gatherWait: ["gather-wait", ANSWERED],
  /** What becomes of a text that was sent. */
  message: ["message-status", REPORTED],
  /** Whether a machine has answered a call that was placed. */
  machine: ["machine", REPORTED],
  /** Once the whole message is said to a machine. */
  voicemailLeft: ["voicemail-left", ANSWERED],
} as const;

/**
 * Where Twilio reports what happens to a number. The ids are in the path, because a query string may be re-sorted on the
 * way. The account comes first, so that a rule of Twilio's for a prefix of URLs can mean one account of one API key.
 */
export type WebhookUrls = Record<keyof typeof WEBHOOKS, string>;

/**
 * For all of them, if a Webhook Rule of ours has them signed: its Setting overrides the fragments, and knows one policy for
 * all. So a call's answer may take longer than a report's, and both are tried again after a 5xx.
 * https://www.twilio.com/docs/usage/webhooks/webhook-settings
 */
export const SIGNED_CONNECTION = {
  connectTimeoutMs: 2_000,
  readTimeoutMs: 10_000,
  totalTimeoutMs: 15_000,
  retryPolicy: { retryCount: 2, retryOn: ["HTTP_5XX", "CONNECTION_TIMEOUT", "READ_TIMEOUT"] },
};

/** What the URLs of all numbers of an account begin with, as a key of ours knows it. */
export function accountAddress(publicBaseUrl: string, accountId: string): string {
  return `${publicBaseUrl}${WEBHOOK_PATH}/${accountId}/`;
}

/** The ids of a number and of its Twilio account. Nobody can guess that of the number. */
type NumberIds = { accountId: string; phoneNumberId: string };

/** @param callId the id of a call that this service places, which nobody can guess either */
export function webhooksOf(publicBaseUrl: string, number: NumberIds, callId?: string): WebhookUrls {
  const base = `${publicBaseUrl}${pathOf(number, callId)}`;
  const urls = Object.entries(WEBHOOKS).map(([name, [path, tries]]) => [name, `${base}/${path}${tries}`]);
  return Object.fromEntries(urls) as WebhookUrls;
}

/** Where ConversationRelay opens its WebSocket. The URL takes no query string, so the call is in the path. */
export function relayUrl(
  publicBaseUrl: string,
  number: NumberIds & { outbound?: { id: string } },
  callSid: string,
): string {
  const origin = publicBaseUrl.replace(/^http/, "ws");
  return `${origin}${pathOf(number, number.outbound?.id)}/relay/${encodeURIComponent(callSid)}`;
}

const CALLED = new RegExp(
  `^${WEBHOOK_PATH}/(?<accountId>[^/]+)/(?<phoneNumberId>[^/]+)(?:/calls/(?<callId>[^/]+))?/(?<what>[^/]+)(?:/(?<callSid>[^/]+))?$`,
);

/** What the path of a request says: whom it is about, and the end of the URL. Nobody has verified it. */
export type Called = NumberIds & {
  /** The call that this service has placed. */
  callId: string | undefined;
  what: string;
  callSid: string | undefined;
};

export const calledBy = (path: string) => CALLED.exec(path)?.groups as Called | undefined;

function pathOf({ accountId, phoneNumberId }: NumberIds, callId: string | undefined): string {
  return `${WEBHOOK_PATH}/${accountId}/${phoneNumberId}${callId === undefined ? "" : `/calls/${callId}`}`;
}

/**
 * Returns a function that says whether a URL is a webhook of this deployment. It knows the URLs of the given numbers by
 * their ids, which nobody can guess, so it still knows them after the deployment's address has changed.
 */
export function ownUrls(
  ownAddresses: readonly string[],
  ...phoneNumberIds: string[]
): (url: string) => boolean {
  const prefixes = ownAddresses.map((address) => `${address}${WEBHOOK_PATH}/`);
  return (url) => {
    if (prefixes.some((prefix) => url.startsWith(prefix))) return true;
    const [account, id = "", ...rest] = pathOfWebhook(URL.parse(url)?.pathname ?? "");
    return account !== undefined && rest.length > 0 && phoneNumberIds.includes(id);
  };
}

function pathOfWebhook(pathname: string): string[] {
  return pathname.startsWith(`${WEBHOOK_PATH}/`) ? pathname.slice(WEBHOOK_PATH.length + 1).split("/") : [];
}
