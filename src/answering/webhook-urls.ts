/** Where Twilio reports what happens to a number. Ids stand in the path; a query would be re-sorted on its way. */
export type Webhooks = {
  voice: string;
  voiceFallback: string;
  sms: string;
  smsFallback: string;
  status: string;
  recording: string;
  /** Where a call goes on after `<Connect>` or `<Dial>`. */
  connectAction: string;
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
  };
}

/**
 * Tells the URLs of this deployment's webhooks, of whichever number, from everybody else's. Those of this very number
 * are known by its id, which nobody else has, so they are still known after the deployment's address has changed.
 */
export function ownUrls(publicBaseUrl: string, ...phoneNumberIds: string[]): (url: string) => boolean {
  const prefix = `${publicBaseUrl}${WEBHOOK_PATH}/`;
  const paths = phoneNumberIds.map((id) => `${WEBHOOK_PATH}/${id}/`);
  return (url) => {
    if (url.startsWith(prefix)) return true;
    const pathname = URL.parse(url)?.pathname;
    return paths.some((path) => pathname?.startsWith(path));
  };
}
