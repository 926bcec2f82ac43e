import { batch, run } from "../database.ts";
import { insertPending } from "../events/pending-store.ts";
import { relay } from "../events/tell.ts";
import { errorFields } from "../http/log.ts";
import type { Services } from "../services.ts";
import { rejectionEvents } from "../twilio-accounts/account-events.ts";
import { markUnhealthy } from "../twilio-accounts/check-store.ts";
import { accountOfRoute, type InboundRoute } from "./route.ts";

// If an account gets this many wrong signatures within this time and no right one, its token was probably replaced at
// Twilio, and we refuse all its calls. Counted in this isolate only, so that a refusal costs no query.
const BURST = 3;
const WITHIN_MS = 10 * 60 * 1000;
const MAX_ACCOUNTS = 1_000;

const refusals = new Map<string, { count: number; since: number }>();

/** Counts a refused signature. @returns true once for each burst: for the refusal that reaches the limit */
export function isBurst({ accountId }: InboundRoute, now: Date): boolean {
  const known = refusals.get(accountId);
  const entry = known && now.getTime() - known.since < WITHIN_MS ? known : { count: 0, since: now.getTime() };
  entry.count += 1;
  refusals.delete(accountId);
  refusals.set(accountId, entry);
  for (const oldest of refusals.keys()) {
    if (refusals.size <= MAX_ACCOUNTS) break;
    refusals.delete(oldest);
  }
  return entry.count === BURST;
}

/** A right signature shows that the token is good: the refused requests were not from Twilio. */
export function forgetRefusals({ accountId }: InboundRoute): void {
  refusals.delete(accountId);
}

/** Tells the customer once that signatures no longer fit, and makes the account due for a check. Never throws. */
export async function raiseRejected(route: InboundRoute, services: Services): Promise<void> {
  const { db, now, log } = services;
  const account = accountOfRoute(route);
  try {
    const mark = markUnhealthy(db, account, "credentials_rejected", now().toISOString());
    if ((await run(mark)) === 0) return;
    log.warn("signatures_refused", { account_sid: route.accountSid });
    const events = await rejectionEvents(account, "signatures", services);
    if (events.length === 0) return;
    await batch(
      db,
      events.map((event) => insertPending(db, event)),
    );
    await relay(events, services);
  } catch (error) {
    log.error("rejection_not_raised", { account_sid: route.accountSid, ...errorFields(error) });
  }
}
