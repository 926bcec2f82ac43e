import type { Account } from "./state.ts";
import { appliedTo, type Connection, signed } from "./webhook-rules.ts";

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
  const inUrl = overridesOf(configuredUrl);
  if (!inUrl) return [];
  const form = new URLSearchParams(parameters);
  const [address = ""] = configuredUrl.split("#");
  const { key, connection } = appliedTo(account, address);
  const overrides = connection === undefined ? inUrl : overridesBy(connection);
  const url = method === "GET" ? `${address}${address.includes("?") ? "&" : "?"}${form}` : address;
  const signature = await signed(account, key, url, method === "GET" ? undefined : form);
  const headers = { ...signature, "i-twilio-idempotency-token": crypto.randomUUID() };
  const init = method === "GET" ? { method, headers } : { method, headers, body: form };
  const tries: WebhookExchange[] = [];
  for (let elapsed = 0; ; ) {
    const { failure, ...answer } = await attempt(fetch, new Request(url, init));
    tries.push({ url, parameters, signature: signature["x-twilio-signature"] ?? "", ...answer });
    if (failure === "ct" || failure === "rt") elapsed += overrides[failure];
    const isOver = tries.length > overrides.rc || elapsed >= overrides.tt;
    if (!failure || isOver || !overrides.rp.includes(failure)) return tries;
  }
}

/** What a Setting says of the connection. What it leaves out are defaults, and never what the URL says. */
function overridesBy(connection: Connection | null): Overrides {
  const { connectTimeoutMs, readTimeoutMs, totalTimeoutMs, retryPolicy } = connection ?? {};
  const names: Record<string, Failure> = {
    HTTP_4XX: "4xx",
    HTTP_5XX: "5xx",
    CONNECTION_TIMEOUT: "ct",
    READ_TIMEOUT: "rt",
  };
  const on = retryPolicy?.retryOn ?? [];
  return {
    ct: connectTimeoutMs ?? NUMBERS.ct[2],
    rt: readTimeoutMs ?? NUMBERS.rt[2],
    tt: totalTimeoutMs ?? NUMBERS.tt[2],
    rc: retryPolicy?.retryCount ?? 0,
    rp: on.includes("ALL") ? POLICIES : on.flatMap((name) => names[name] ?? []),
  };
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
