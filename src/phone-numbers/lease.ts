import { errorFields } from "../http/log.ts";
import type { Services } from "../services.ts";
import { setLease } from "./lease-store.ts";
import type { PhoneNumberRow } from "./row.ts";

// Whoever works on a number at Twilio holds the lease of its row; a lease that has expired may be acquired by the next.

// Between two renewals of its lease an import makes two calls to Twilio and a few to D1; this is twice that.
const CALLS_PER_LEASE = 4;
const LEASE_MARGIN_MS = 30_000;

/** When a lease that is acquired or renewed now expires, as ISO 8601. */
export function leaseEnd({ twilio }: Pick<Services, "twilio">, now: Date): string {
  return new Date(now.getTime() + CALLS_PER_LEASE * twilio.timeoutMs + LEASE_MARGIN_MS).toISOString();
}

/** What is left of a row's lease, in whole seconds. */
export function secondsLeft(
  { lease_expires_at }: Pick<PhoneNumberRow, "lease_expires_at">,
  now: Date,
): number {
  const end = lease_expires_at === null ? 0 : Date.parse(lease_expires_at);
  return Math.max(0, Math.ceil((end - now.getTime()) / 1000));
}

// By then Twilio has done what it may still do, and the watch for it is over.
const QUIET_MS = 60_000;

/**
 * Expires a lease at once, so that the owner's next request need not wait for it; recovery waits a minute all the same.
 * Never throws.
 */
export async function expireLease(
  { id, claimId }: { id: string; claimId: string },
  { db, log, now }: Services,
): Promise<void> {
  try {
    const time = now();
    const quietUntil = new Date(time.getTime() + QUIET_MS).toISOString();
    await setLease(db, id, claimId, time.toISOString(), quietUntil);
  } catch (error) {
    log.warn("lease_not_expired", { phone_number_id: id, ...errorFields(error) });
  }
}
