import { accountAddress } from "../twilio/webhook-urls.ts";
import type { OwnAccount } from "./store.ts";

/** A Setting's times replace those of the webhooks' URLs: one answer for calls, which wait, and for reports, which may be lost. */
const CONNECTION = {
  connectTimeoutMs: 2_000,
  readTimeoutMs: 15_000,
  totalTimeoutMs: 15_000,
  retryPolicy: { retryCount: 1, retryOn: ["CONNECTION_TIMEOUT", "HTTP_5XX"] },
};

/** What only the account's owner knows. */
const KEY = "SHARED_KEY_ID";

/**
 * What the owner of an account asks of Twilio, and at last of this service, so that a SharedKey of his signs the webhooks of
 * this account here, and of nothing else. https://www.twilio.com/docs/usage/webhooks/webhook-shared-keys
 */
export function signingRequests({ id, account_sid, has_signing_key }: OwnAccount, publicBaseUrl: string) {
  const friendlyName = `Nixflex Numbers ${id}`;
  const ask = (step: string, url: string, options: string, body: object) => ({
    step,
    request: `curl ${url} ${options} -H "Content-Type: application/json" -d '${JSON.stringify(body)}'`,
  });
  const askTwilio = (step: string, kind: string, body: object) =>
    ask(step, `https://webhooks.twilio.com/v1/Webhooks/${kind}`, "-u API_KEY_SID:API_KEY_SECRET", {
      friendlyName,
      ...body,
    });
  const toTwilio = [
    askTwilio("shared_key", "SharedKeys", {}),
    askTwilio("setting", "Settings", {
      auth: { source: "INLINE", value: { scheme: "NONE" } },
      signature: { type: "SHARED_KEY", sharedKeyId: KEY, algorithm: "HMAC_SHA256" },
      connection: CONNECTION,
    }),
    askTwilio("rule", "Rules", {
      matchType: "PREFIX_MATCH",
      prefix: accountAddress(publicBaseUrl, id),
      settings: [{ settingId: "SETTING_ID", percentage: 100 }],
    }),
  ];
  if (has_signing_key === 1) return toTwilio;
  const sent = { twilio_sid: account_sid, webhook_signing_key_id: KEY, webhook_signing_key: "SECRET" };
  const options = '-H "Authorization: Bearer KEY_SECRET"';
  return [...toTwilio, ask("signing_key", `${publicBaseUrl}/v1/twilio-accounts`, options, sent)];
}
