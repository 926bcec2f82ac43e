import { run, sql } from "../database.ts";
import { type Channel, channelsJson } from "./channels.ts";
import type { HealthReason } from "./health.ts";
import type { PhoneNumberRow } from "./row.ts";

type Beginning = {
  holder: string;
  leaseExpiresAt: string;
  /** The channel that is added or given back, and all that are taken over with it or without it. */
  channel: Channel;
  channels: readonly Channel[];
  /** What may be wrong with these; any other reason is over. */
  reasons: readonly HealthReason[];
  /** What is to be restored from now on, if that changes. */
  previousSealed?: string;
};

/**
 * Begins to add a channel to an active number, or to give it back.
 *
 * @returns false if another request holds the lease
 * @throws StorageError
 */
export async function beginChange(
  db: D1Database,
  { id, lease_holder }: PhoneNumberRow,
  { holder, leaseExpiresAt, channel, channels, reasons, previousSealed }: Beginning,
  now: string,
): Promise<boolean> {
  const json = channelsJson(channels);
  const changed = await run(sql(db)`UPDATE phone_numbers SET lease_holder = ${holder},
      lease_expires_at = ${leaseExpiresAt}, channels = ${json}, changing_channel = ${channel},
      previous_configuration_sealed = COALESCE(${previousSealed ?? null}, previous_configuration_sealed),
      updated_at = CASE WHEN channels = ${json} THEN updated_at ELSE ${now} END,
      health_reasons = CASE WHEN channels = ${json} THEN health_reasons ELSE (
        SELECT json_group_array(value) FROM json_each(health_reasons)
        WHERE value IN (SELECT value FROM json_each(${JSON.stringify(reasons)}))) END
    WHERE id = ${id} AND lease_holder = ${lease_holder} AND state = 'active'
      AND (lease_expires_at IS NULL OR lease_expires_at <= ${now})`);
  return changed === 1;
}

type Ending = {
  holder: string;
  channels: readonly Channel[];
  /** The channel that recovery is to give back, and when it may try; null: there is none. */
  left: { channel: Channel; at: string } | null;
  previousSealed?: string | undefined;
  /** Until when Twilio may still carry out an update. */
  outcomeUnknownUntil?: string;
};

/** @returns false if another request has taken the change over @throws StorageError */
export async function endChange(
  db: D1Database,
  id: string,
  { holder, channels, left, previousSealed, outcomeUnknownUntil }: Ending,
  now: string,
): Promise<boolean> {
  const isOver = Number(left === null);
  const changed = await run(sql(db)`UPDATE phone_numbers SET channels = ${channelsJson(channels)},
      changing_channel = ${left?.channel ?? null}, next_attempt_at = ${left?.at ?? null},
      lease_expires_at = ${left && now}, updated_at = CASE WHEN ${isOver} = 1 THEN ${now} ELSE updated_at END,
      recovery_attempts = CASE WHEN ${isOver} = 1 THEN 0 ELSE recovery_attempts + 1 END,
      outcome_unknown_until = COALESCE(${outcomeUnknownUntil ?? null}, outcome_unknown_until),
      previous_configuration_sealed = COALESCE(${previousSealed ?? null}, previous_configuration_sealed)
    WHERE id = ${id} AND lease_holder = ${holder} AND state = 'active'`);
  return changed === 1;
}
