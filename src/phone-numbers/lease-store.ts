import { run } from "../database.ts";

/**
 * Sets when the lease of an unfinished import or release expires.
 *
 * @param quietUntil recovery does not touch the row before this time
 * @param isOutcomeUnknown Twilio may still carry out an update until then
 * @returns false if another request has taken the row over
 * @throws StorageError
 */
export async function setLease(
  db: D1Database,
  id: string,
  holder: string,
  expiresAt: string,
  quietUntil: string | null = null,
  isOutcomeUnknown = false,
): Promise<boolean> {
  const changed = await run(
    db
      .prepare(
        `UPDATE phone_numbers SET lease_expires_at = ?3, next_attempt_at = COALESCE(?4, next_attempt_at),
           outcome_unknown_until = COALESCE(?5, outcome_unknown_until)
         WHERE id = ?1 AND lease_holder = ?2 AND state <> 'active'`,
      )
      .bind(id, holder, expiresAt, quietUntil, isOutcomeUnknown ? quietUntil : null),
    { isIdempotent: true },
  );
  return changed === 1;
}
