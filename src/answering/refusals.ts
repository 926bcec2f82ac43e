import { runIdempotent } from "../database.ts";
import { relay } from "../events/tell.ts";
import { errorFields } from "../http/log.ts";
import type { Services } from "../services.ts";
import { disprove } from "../twilio-accounts/check-store.ts";
import type { SignatureReason } from "../twilio-accounts/health.ts";
import { learn } from "../twilio-accounts/learn.ts";
import { accountOfRoute, type InboundRoute } from "./route.ts";

// If an account gets this many wrong signatures within this time and no right one, its token was probably replaced at
// Twilio, or a Webhook Rule names another key, and we refuse all its calls. Counted in this isolate only, so that a refusal costs no query.
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

/** Tells the customer once that signatures do not fit, and makes the account due for a check. Never throws. */
export async function raiseRefused(
  route: InboundRoute,
  reason: SignatureReason,
  services: Services,
): Promise<void> {
  const { log } = services;
  const account = accountOfRoute(route);
  try {
    // The signatures were compared with the token of the route: of a newer one they say nothing.
    const before = { auth_token_changed_at: route.tokenChangedAt, health_reasons: route.accountReasons };
    const { hasEvent, isNew } = await learn(account, before, reason, services);
    if (!isNew) return;
    log.warn("signatures_refused", { account_sid: route.accountSid, reason });
    if (hasEvent) await relay(route.apiKeyId, services);
  } catch (error) {
    log.error("refusal_not_raised", { account_sid: route.accountSid, ...errorFields(error) });
  }
}

/**
 * Twilio signs with a key that we have: what was refused before is over, or was not from Twilio. Never throws: Twilio
 * already has its answer.
 */
export async function endRefusal(
  route: InboundRoute,
  learnt: "signature_verified" | "signing_key_proven",
  services: Services,
): Promise<void> {
  const { db, now, log } = services;
  const { accountSid, apiKeyId, tokenChangedAt } = route;
  try {
    const time = now().toISOString();
    await runIdempotent(disprove(db, accountOfRoute(route), tokenChangedAt, learnt, time));
    log.info("signatures_verified", { account_sid: accountSid, learnt });
  } catch (error) {
    log.warn("refusal_not_ended", { account_sid: accountSid, ...errorFields(error) });
  }
  services.routesChanged(apiKeyId);
}
