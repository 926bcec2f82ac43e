import { errorFields } from "../http/log.ts";
import { takenChannels } from "../phone-numbers/channels.ts";
import { isRegionReason, parseReasons, reasonsJson } from "../phone-numbers/health.ts";
import type { Services } from "../services.ts";
import { WEEK_MS } from "../time.ts";
import { isMissingPermission, TwilioError } from "../twilio/errors.ts";
import type { TwilioCredentials, TwilioEndpoint } from "../twilio/http.ts";
import { regionOf } from "../twilio/regions.ts";
import { findVoiceRegion } from "../twilio/routing.ts";
import type { AccountInCheck } from "../twilio-accounts/check-store.ts";
import type { AccountKey } from "../twilio-accounts/row.ts";
import { type CheckedRow, findAccountRows } from "./number-store.ts";
import { storeFinding } from "./repair.ts";

// A number's owner can route its calls to another Region at any time, and no list says so: each number has a record of
// its own. Reading one costs as much as reading a page of a thousand numbers, so each is read once a week.

const MAX_READS_PER_RUN = 300;
/** So many more per check, so that a record that could not be read at the import is soon read. */
export const UNCHECKED_PER_RUN = 1;

/**
 * How many routing records a check reads, so that each of the account's numbers is read once in a week.
 *
 * @param count how many numbers the account has
 * @param lastReadAt when a check last read one; null if none has
 * @internal
 */
export function routingReads(count: number, lastReadAt: string | null, now: Date): number {
  if (count === 0) return 0;
  if (lastReadAt === null) return 1;
  const due = Math.floor(((now.getTime() - Date.parse(lastReadAt)) * count) / WEEK_MS);
  return Math.min(due, count, MAX_READS_PER_RUN);
}

/** Where the next check continues to read routing records, and when this one read; undefined if it read none. */
export type RoutingProgress = { position: string; checkedAt: string } | undefined;

export type AccountAccess = { endpoint: TwilioEndpoint; credentials: TwilioCredentials };

/**
 * Reads the routing records that are due, and stores what they say. Stops at the first that cannot be read.
 *
 * @param count how many numbers the account has
 * @param unchecked some whose record could not be read, or said that they are routed elsewhere
 * @throws StorageError
 */
export async function checkRoutings(
  key: AccountKey,
  stored: AccountInCheck,
  { count, unchecked }: { count: number; unchecked: readonly CheckedRow[] },
  access: AccountAccess,
  services: Services,
): Promise<RoutingProgress> {
  const { db, now, log } = services;
  const limit = routingReads(count, stored.routing_checked_at, now());
  const inTurn = limit === 0 ? [] : await findAccountRows(db, key, stored.routing_position, limit);
  let position = stored.routing_position;
  try {
    for (const row of inTurn) {
      await checkRouting(row, key.apiKeyId, access, services);
      position = row.twilio_number_sid;
    }
    for (const row of unchecked) await checkRouting(row, key.apiKeyId, access, services);
  } catch (error) {
    if (!(error instanceof TwilioError)) throw error;
    // A Restricted API key is asked once more in a week.
    if (isMissingPermission(error)) return { position: "", checkedAt: now().toISOString() };
    log.warn("routing_not_checked", { account_sid: key.accountSid, ...errorFields(error) });
    return position === stored.routing_position ? undefined : { position, checkedAt: now().toISOString() };
  }
  if (limit === 0) return undefined;
  // The last number of the account ends a round.
  return { position: inTurn.length < limit ? "" : position, checkedAt: now().toISOString() };
}

/**
 * Reads a number's routing record and stores what it says: whether its calls are handled in the Region it was imported in.
 *
 * @returns the row as it is afterwards
 * @throws TwilioError if the record cannot be read
 * @throws StorageError
 */
export async function checkRouting(
  row: CheckedRow,
  apiKeyId: string,
  { endpoint, credentials }: AccountAccess,
  services: Services,
): Promise<CheckedRow> {
  if (!takenChannels(row).includes("voice")) return row;
  const voiceRegion = await findVoiceRegion(endpoint, credentials, row.phone_number);
  const before = parseReasons(row.health_reasons);
  const isElsewhere = voiceRegion !== undefined && voiceRegion !== regionOf(endpoint);
  const reasons = before.filter((reason) => !isRegionReason(reason));
  if (isElsewhere) reasons.push("routed_elsewhere");
  if (reasons.length === before.length && reasons.every((reason) => before.includes(reason))) return row;
  const event = isElsewhere ? "number.drifted" : undefined;
  const isStored = await storeFinding({ reasons }, row, apiKeyId, event, services, { channels: ["voice"] });
  return isStored ? { ...row, health_reasons: reasonsJson(reasons) } : row;
}
