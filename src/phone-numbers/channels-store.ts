import { run, sql } from "../database.ts";
import { type Channel, channelsJson } from "./channels.ts";
import type { HealthReason } from "./health.ts";
import type { PhoneNumberRow } from "./row.ts";

/** A step of a change of channels. */
export type ChannelStep = {
  /** Who holds the lease from now on, and until when; null: nobody. */
  holder: string;
  leaseExpiresAt: string | null;
  channels: readonly Channel[];
  /** What is being added or given back; null: the change is over. */
  changing: Channel | null;
  /** When recovery may give back what is changing. */
  nextAttemptAt?: string | null;
  /** What may be wrong with the number by now: any other reason is over. */
  reasons?: readonly HealthReason[];
  /** Calls are known to be handled in the Region of the account. */
  isRegionChecked?: boolean;
  previousSealed?: string | undefined;
  outcomeUnknownUntil?: string;
};

/** @returns false if another request has the lease @throws StorageError */
export async function putStep(
  db: D1Database,
  { id, lease_holder }: Pick<PhoneNumberRow, "id" | "lease_holder">,
  step: ChannelStep,
  now: string,
): Promise<boolean> {
  const { holder, leaseExpiresAt, changing, nextAttemptAt = null, reasons, previousSealed } = step;
  const channels = channelsJson(step.channels);
  const isOver = Number(changing === null);
  const isRetried = Number(nextAttemptAt !== null);
  const isUnchecked = Number(step.isRegionChecked === false);
  const kept = reasons === undefined ? null : JSON.stringify(reasons);
  const changed = await run(sql(db)`UPDATE phone_numbers SET lease_holder = ${holder},
      lease_expires_at = ${leaseExpiresAt}, channels = ${channels}, changing_channel = ${changing},
      next_attempt_at = ${nextAttemptAt}, recovery_attempts = CASE ${isOver} WHEN 1 THEN 0 ELSE recovery_attempts + ${isRetried} END,
      updated_at = CASE WHEN ${isOver} = 1 OR channels <> ${channels} THEN ${now} ELSE updated_at END,
      health_reasons = CASE WHEN ${isUnchecked} = 1 THEN json_insert(health_reasons, '$[#]', 'region_unchecked')
        WHEN ${kept} IS NULL OR channels = ${channels} THEN health_reasons ELSE (
        SELECT json_group_array(value) FROM json_each(health_reasons)
        WHERE value IN (SELECT value FROM json_each(${kept}))) END,
      outcome_unknown_until = COALESCE(${step.outcomeUnknownUntil ?? null}, outcome_unknown_until),
      previous_configuration_sealed = COALESCE(${previousSealed ?? null}, previous_configuration_sealed)
    WHERE id = ${id} AND lease_holder = ${lease_holder} AND state = 'active'`);
  return changed === 1;
}
