import type { TwilioCredentials, TwilioEndpoint } from "./http.ts";
import { type WebhookResource, webhooksApi } from "./webhooks-api.ts";

/** A customer's own rule about how Twilio signs and sends webhooks to some URLs. */
export type WebhookRule = Pick<WebhookResource, "id" | "value" | "prefix"> & {
  matchType: NonNullable<WebhookResource["matchType"]>;
};

/**
 * The Webhook Rules of an account, those of a new kind left out.
 *
 * @throws TwilioError also if the account may not use them, or the credentials may not read them
 */
export async function findWebhookRules(
  endpoint: TwilioEndpoint,
  credentials: TwilioCredentials,
): Promise<WebhookRule[]> {
  const rules = await webhooksApi(endpoint, credentials).list("Rules");
  return rules.flatMap(({ id, matchType, value, prefix }) =>
    matchType ? { id, matchType, value, prefix } : [],
  );
}

/**
 * The rule that Twilio applies to webhooks below an address, or to some of them: an exact one before a prefix before the
 * default one.
 */
export function coveringRule(
  all: readonly WebhookRule[],
  address: string,
  isByApiKey: boolean,
): WebhookRule | undefined {
  // A rule for this very address has the webhooks of an API key signed. Only what comes before it is another's.
  const hasOwn = isByApiKey && all.some(({ prefix }) => prefix === address);
  const rules = hasOwn ? all.filter((one) => !!one.value || (one.prefix ?? "").length > address.length) : all;
  const covers: Record<WebhookRule["matchType"], (rule: WebhookRule) => boolean> = {
    EXACT_MATCH: ({ value }) => value?.startsWith(address) === true,
    PREFIX_MATCH: ({ prefix }) => !!prefix && (address.startsWith(prefix) || prefix.startsWith(address)),
    DEFAULT: () => true,
  };
  const kinds = Object.keys(covers) as WebhookRule["matchType"][];
  return kinds.flatMap((kind) => rules.filter((one) => one.matchType === kind && covers[kind](one)))[0];
}
