import { effects } from "./faults.ts";
import type { State } from "./state.ts";

/**
 * Twilio's limit for the concurrent requests of one account. A request above the limit gets a 429 at once, and nothing
 * is done for it; it does not wait for a place.
 * https://www.twilio.com/docs/usage/rest-api-best-practices
 */
export function createConcurrencyLimit(state: State) {
  const underWay = new Map<string, number>();

  /** Does the work if the account has a free place. */
  return async (request: Request, work: () => Promise<Response>): Promise<Response> => {
    const sid = /\/Accounts\/(\w+)/.exec(new URL(request.url).pathname)?.[1] ?? "";
    const present = underWay.get(sid) ?? 0;
    if (present >= (state.accounts.get(sid)?.maxConcurrentRequests ?? Infinity)) return tooManyRequests();
    underWay.set(sid, present + 1);
    try {
      return await work();
    } finally {
      underWay.set(sid, (underWay.get(sid) ?? 1) - 1);
    }
  };
}

function tooManyRequests(): Response {
  const { status, body, headers } = effects.tooManyRequests as Extract<
    typeof effects.tooManyRequests,
    { kind: "respond" }
  >;
  return new Response(body, { status, headers: headers ?? {} });
}
