import { errorFields } from "../http/log.ts";
import type { Services } from "../services.ts";
import type { PhoneNumberRow } from "./row.ts";
import { setLease } from "./store.ts";

// Whoever works on a number at Twilio holds the lease of its row. Anybody may acquire a lease that has expired.

// Between two renewals of its lease an import makes two calls to Twilio and a few to D1. The lease allows twice that.
const CALLS_PER_LEASE = 4;
const LEASE_MARGIN_MS = 30_000;

/** When a lease that is acquired or renewed now expires, as ISO 8601. */
export function leaseEnd({ twilio }: Pick<Services, "twilio">, now: Date): string {
  return new Date(now.getTime() + CALLS_PER_LEASE * twilio.timeoutMs + LEASE_MARGIN_MS).toISOString();
}

/** The time until a row's lease expires, in whole seconds. */
export function secondsLeft(
  { lease_expires_at }: Pick<PhoneNumberRow, "lease_expires_at">,
  now: Date,
): number {
  const end = lease_expires_at === null ? 0 : Date.parse(lease_expires_at);
  return Math.max(0, Math.ceil((end - now.getTime()) / 1000));
}

// By then Twilio has carried out the update if it ever will, and the watch for a late update has ended.
const QUIET_MS = 60_000;

/** By when Twilio has carried out whatever it was still at work on. */
export function quietUntil(now: Date): string {
  return new Date(now.getTime() + QUIET_MS).toISOString();
}

/** Whether Twilio may still carry out an update of this number whose outcome is unknown. */
export function isOutcomeUnknown(until: string | null, now: Date): boolean {
  return until !== null && until > now.toISOString();
}

/**
 * Expires a lease at once, so that the owner's next request need not wait. Recovery still waits a minute. Never throws.
 *
 * @param mayStillHappen Twilio may still carry out an update of this request
 */
export async function expireLease(
  lease: { id: string; holder: string },
  { db, log, now }: Services,
  { mayStillHappen = false } = {},
): Promise<void> {
  try {
    const time = now();
    await setLease(db, lease, { until: time.toISOString(), recoverAfter: quietUntil(time), mayStillHappen });
  } catch (error) {
    log.warn("lease_not_expired", { phone_number_id: lease.id, ...errorFields(error) });
  }
}
