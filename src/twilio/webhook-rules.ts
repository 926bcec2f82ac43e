import * as z from "zod/mini";
import { TwilioError } from "./errors.ts";
import { callTwilio, type TwilioCredentials, type TwilioEndpoint } from "./http.ts";
import { productOrigin, regionOf, US1 } from "./regions.ts";

const rule = z.object({
  id: z.string(),
  matchType: z.enum(["EXACT_MATCH", "PREFIX_MATCH", "DEFAULT"]),
  value: z.nullish(z.string()),
  prefix: z.nullish(z.string()),
});
const page = z.looseObject({ meta: z.object({ key: z.string() }) });

/** A customer's own rule about how Twilio signs and sends webhooks to some URLs. */
export type WebhookRule = z.output<typeof rule>;

/** An account has at most so many. https://www.twilio.com/docs/usage/webhooks/webhook-rules */
const MAX_RULES = 50;

/**
 * The Webhook Rules of an account, those of a new kind left out.
 *
 * @throws TwilioError also if the account may not use them, or the credentials may not read them
 */
export async function findWebhookRules(
  endpoint: TwilioEndpoint,
  credentials: TwilioCredentials,
): Promise<WebhookRule[]> {
  if (regionOf(endpoint) !== US1)
    throw new TwilioError("Webhook Rules are read in US1 only", { failure: "unavailable" });
  const webhooks = { ...endpoint, baseUrl: productOrigin(endpoint, "webhooks") };
  const path = `/v1/Webhooks/Rules?pageSize=${MAX_RULES}`;
  const parsed = page.safeParse(await callTwilio(webhooks, credentials, { method: "GET", path }));
  const entries = parsed.success ? parsed.data[parsed.data.meta.key] : undefined;
  if (!Array.isArray(entries))
    throw new TwilioError("Twilio's list of Webhook Rules has an unknown form", {
      failure: "unavailable",
      status: 200,
    });
  return entries.map((entry) => rule.safeParse(entry)).flatMap(({ data }) => (data ? [data] : []));
}

/**
 * The rule that Twilio applies to webhooks below an address, or to some of them: an exact one before a prefix before the
 * default one.
 */
export function coveringRule(rules: readonly WebhookRule[], address: string): WebhookRule | undefined {
  const covers: Record<WebhookRule["matchType"], (rule: WebhookRule) => boolean> = {
    EXACT_MATCH: ({ value }) => value?.startsWith(address) === true,
    PREFIX_MATCH: ({ prefix }) => !!prefix && (address.startsWith(prefix) || prefix.startsWith(address)),
    DEFAULT: () => true,
  };
  const kinds = Object.keys(covers) as WebhookRule["matchType"][];
  return kinds.flatMap((kind) => rules.filter((one) => one.matchType === kind && covers[kind](one)))[0];
}
