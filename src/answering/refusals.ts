import { batch, run } from "../database.ts";
import { insertPending } from "../events/pending-store.ts";
import { relay } from "../events/tell.ts";
import { errorFields } from "../http/log.ts";
import type { Services } from "../services.ts";
import { markUnhealthy } from "../twilio-accounts/check-store.ts";
import { rejectionEvents } from "../twilio-accounts/rejected-event.ts";
import type { InboundRoute } from "./route.ts";

// So many refused signatures of one account within this time, and none that fits, are no stray request: its token has most
// likely been replaced at Twilio, and every call to it is being refused. Counted in this isolate only, so that a refusal costs nothing.
const BURST = 3;
const WITHIN_MS = 10 * 60 * 1000;
const MAX_ACCOUNTS = 1_000;

const refusals = new Map<string, { count: number; since: number }>();

/** Counts a refused signature. @returns whether it is the one that makes a burst */
export function isBurst({ apiKeyId, accountSid }: InboundRoute, now: Date): boolean {
  const key = `${apiKeyId}/${accountSid}`;
  const known = refusals.get(key);
  const entry = known && now.getTime() - known.since < WITHIN_MS ? known : { count: 0, since: now.getTime() };
  entry.count += 1;
  refusals.delete(key);
  refusals.set(key, entry);
  for (const oldest of refusals.keys()) {
    if (refusals.size <= MAX_ACCOUNTS) break;
    refusals.delete(oldest);
  }
  return entry.count === BURST;
}

/** A signature fits, so the token is good, and what was refused before was somebody else's. */
export function forgetRefusals({ apiKeyId, accountSid }: InboundRoute): void {
  refusals.delete(`${apiKeyId}/${accountSid}`);
}

/** Tells the customer that signatures do not fit any more, once, and has the account checked. Never throws. */
export async function raiseRejected(route: InboundRoute, services: Services): Promise<void> {
  const { db, now, log } = services;
  const account = { apiKeyId: route.apiKeyId, accountSid: route.accountSid };
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
