/**
 * Where Twilio reports what happens to a number. The id is in the path, because a query string may be re-sorted on the
 * way.
 */
export type Webhooks = {
  voice: string;
  voiceFallback: string;
  sms: string;
  smsFallback: string;
  status: string;
  recording: string;
  /** What Twilio calls after `<Connect>` or `<Dial>`. */
  connectAction: string;
  /** What Twilio calls after `<Gather>`, and when it has waited for an answer. */
  gather: string;
  gatherWait: string;
};

const WEBHOOK_PATH = "/webhooks/twilio";

/** @param phoneNumberId the row's id, which nobody can guess */
export function webhooksOf(publicBaseUrl: string, phoneNumberId: string): Webhooks {
  const base = `${publicBaseUrl}${WEBHOOK_PATH}/${phoneNumberId}`;
  return {
    voice: `${base}/voice`,
    voiceFallback: `${base}/voice-fallback`,
    sms: `${base}/sms`,
    smsFallback: `${base}/sms-fallback`,
    status: `${base}/status`,
    recording: `${base}/recording`,
    connectAction: `${base}/connect-action`,
    gather: `${base}/gather`,
    gatherWait: `${base}/gather-wait`,
  };
}

/** Where ConversationRelay opens its WebSocket. The URL takes no query string, so the call is in the path. */
export function relayUrl(publicBaseUrl: string, phoneNumberId: string, callSid: string): string {
  const origin = publicBaseUrl.replace(/^http/, "ws");
  return `${origin}${WEBHOOK_PATH}/${phoneNumberId}/relay/${encodeURIComponent(callSid)}`;
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
  const paths = phoneNumberIds.map((id) => `${WEBHOOK_PATH}/${id}/`);
  return (url) => {
    if (prefixes.some((prefix) => url.startsWith(prefix))) return true;
    const pathname = URL.parse(url)?.pathname;
    return paths.some((path) => pathname?.startsWith(path));
  };
}
