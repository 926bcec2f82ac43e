import { sign } from "../../src/twilio/signature.ts";
import type { Account, WebhookRule } from "./state.ts";

export type Fetch = (request: Request) => Promise<Response>;

/** One try of a request that Twilio made because of a call or a text, and its answer. `status` 0: there was none. */
export type WebhookExchange = {
  url: string;
  parameters: Record<string, string>;
  signature: string;
  status: number;
  contentType: string;
  body: string;
};

/** Thrown by whoever serves the webhooks: the connection stands, and no answer comes. Anything else is no connection. */
export class NoAnswer extends Error {}

const POLICIES = ["4xx", "5xx", "ct", "rt"] as const;
type Failure = (typeof POLICIES)[number];

/** Milliseconds, and `rc` a number of retries: the least, the most, and what counts if nothing is said. */
const NUMBERS = {
  ct: [100, 10_000, 5_000],
  rt: [100, 15_000, 15_000],
  tt: [100, 15_000, 15_000],
  rc: [0, 5, 1],
} as const;

type Overrides = Record<keyof typeof NUMBERS, number> & { rp: readonly Failure[] };

/**
 * The connection overrides in the fragment of a webhook's URL; undefined if one of them is not as documented.
 * https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
 */
export function overridesOf(url: string): Overrides | undefined {
  const pairs = new Map(
    (url.split("#")[1] ?? "").split("&").map((pair) => pair.split("=", 2) as [string, string | undefined]),
  );
  const numbers = Object.entries(NUMBERS).map(([key, [least, most, unsaid]]): [string, number] => {
    const said = pairs.get(key) ?? "";
    const value = pairs.has(key) ? Number(/^\d+$/.test(said) ? said : Number.NaN) : unsaid;
    return [key, value >= least && value <= most ? value : Number.NaN];
  });
  const rp = (pairs.has("rp") ? (pairs.get("rp") ?? "") : "ct").split(",");
  if (numbers.some(([, value]) => Number.isNaN(value))) return undefined;
  if (!rp.every((policy) => policy === "all" || POLICIES.includes(policy as Failure))) return undefined;
  return {
    ...(Object.fromEntries(numbers) as Record<keyof typeof NUMBERS, number>),
    rp: rp.includes("all") ? POLICIES : (rp as Failure[]),
  };
}

/**
 * Requests a webhook, and tries again as the overrides in its URL say. Nobody waits: a try that comes to nothing counts
 * for as long as Twilio would have waited for it.
 *
 * @returns every try; the last one counts. None: Twilio refuses the overrides
 */
export async function requestWebhook(
  fetch: Fetch,
  account: Account,
  configuredUrl: string,
  method: string,
  parameters: Record<string, string>,
): Promise<WebhookExchange[]> {
  const overrides = overridesOf(configuredUrl);
  if (!overrides) return [];
  const form = new URLSearchParams(parameters);
  const [address = ""] = configuredUrl.split("#");
  const url = method === "GET" ? `${address}${address.includes("?") ? "&" : "?"}${form}` : address;
  const key = ruleFor(account, address)?.sharedKey;
  const signed = method === "GET" ? new URLSearchParams() : form;
  const signature = await sign(key?.secret ?? account.authToken, url, signed, key?.algorithm);
  const headers = {
    "x-twilio-signature": signature,
    "i-twilio-idempotency-token": crypto.randomUUID(),
    ...(key && { "x-twilio-webhooks-signature-settings": `key=${key.id},algorithm=${key.algorithm}` }),
  };
  const init = method === "GET" ? { method, headers } : { method, headers, body: form };
  const tries: WebhookExchange[] = [];
  for (let elapsed = 0; ; ) {
    const { failure, ...answer } = await attempt(fetch, new Request(url, init));
    tries.push({ url, parameters, signature, ...answer });
    if (failure === "ct" || failure === "rt") elapsed += overrides[failure];
    const isOver = tries.length > overrides.rc || elapsed >= overrides.tt;
    if (!failure || isOver || !overrides.rp.includes(failure)) return tries;
  }
}

/** Exact rules come before prefixes, the longest first, and the default one is last. */
function ruleFor({ webhookRules }: Account, url: string): WebhookRule | undefined {
  const rules = webhookRules === "forbidden" ? [] : (webhookRules ?? []);
  const pattern = (rule: WebhookRule) =>
    rule.matchType === "PREFIX_MATCH" ? rule.prefix : rule.matchType === "EXACT_MATCH" ? rule.value : "";
  const matching = rules.filter((rule) =>
    rule.matchType === "EXACT_MATCH" ? url === rule.value : url.startsWith(pattern(rule)),
  );
  const kinds = ["EXACT_MATCH", "PREFIX_MATCH", "DEFAULT"];
  return matching.sort(
    (a, b) =>
      kinds.indexOf(a.matchType) - kinds.indexOf(b.matchType) || pattern(b).length - pattern(a).length,
  )[0];
}

async function attempt(
  fetch: Fetch,
  request: Request,
): Promise<Pick<WebhookExchange, "status" | "contentType" | "body"> & { failure?: Failure }> {
  try {
    const response = await fetch(request);
    const { status } = response;
    const contentType = response.headers.get("content-type") ?? "";
    const answer = { status, contentType, body: await response.text() };
    if (status >= 500) return { ...answer, failure: "5xx" };
    return status >= 400 ? { ...answer, failure: "4xx" } : answer;
  } catch (error) {
    return { status: 0, contentType: "", body: "", failure: error instanceof NoAnswer ? "rt" : "ct" };
  }
}
