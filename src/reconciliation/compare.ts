import {
  CHANNELS,
  type Channel,
  channelsOf,
  parseChannels,
  takenChannels,
} from "../phone-numbers/channels.ts";
import { notApplied, planImport } from "../phone-numbers/configuration.ts";
import { type HealthReason, isRegionReason, parseReasons, reasonsOf } from "../phone-numbers/health.ts";
import type { IncomingPhoneNumber, NumberUpdate } from "../twilio/incoming-phone-numbers.ts";
import { webhooksOf } from "../twilio/webhook-urls.ts";
import type { CheckedRow } from "./number-store.ts";

// Decisions about numbers that are no longer as the import set them. No I/O here, and no clock.

/** What to do about a number. */
export type Finding = {
  row: CheckedRow;
  reasons: HealthReason[];
  /** What they concern. */
  channels: Channel[];
  /** What would repair it: only what differs. Empty if nothing differs. */
  update: NumberUpdate;
  action: "none" | "repair" | "report";
};

// An account is checked every hour, and up to 15 minutes later than that.
const SOON_MS = 90 * 60 * 1000;
const MAX_REPAIRS_IN_A_ROW = 3;

/**
 * Decides what to do about a number, by its present state at Twilio.
 *
 * @param number undefined if the account does not have it
 * @param publicBaseUrl where its webhooks should point
 */
export function planNumber(
  row: CheckedRow,
  number: IncomingPhoneNumber | undefined,
  publicBaseUrl: string,
  now: Date,
): Finding {
  const taken = takenChannels(row);
  if (!number) return { row, reasons: ["number_missing"], channels: taken, update: {}, action: "report" };
  const webhooks = webhooksOf(publicBaseUrl, { accountId: row.twilio_account_id, phoneNumberId: row.id });
  const wanted = planImport(number, webhooks, taken);
  const missing = notApplied(number, wanted);
  // What its routing record said stays true until it is read again.
  const region = parseReasons(row.health_reasons).filter(isRegionReason);
  const concerned = channelsOf(missing);
  const channels =
    region.length > 0 ? CHANNELS.filter((one) => one === "voice" || concerned.includes(one)) : concerned;
  if (missing.length === 0)
    return { row, reasons: region, channels, update: {}, action: region.length > 0 ? "report" : "none" };
  const update = Object.fromEntries(missing.map((parameter) => [parameter, wanted[parameter]]));
  const reasons = [...reasonsOf(missing), ...region];
  if (row.drift_policy === "report") return { row, reasons, channels, update, action: "report" };
  if (isContested(row, now)) {
    return { row, reasons: [...reasons, "repair_contested"], channels, update, action: "report" };
  }
  return { row, reasons, channels, update, action: "repair" };
}

/**
 * Whether repairs do not help: there were three, each soon after the one before. This stays so until the number is in
 * order at a check, or its owner sets the drift policy again.
 */
function isContested({ health_reasons, repaired_at, repairs }: CheckedRow, now: Date): boolean {
  if (parseReasons(health_reasons).includes("repair_contested")) return true;
  return repairs >= MAX_REPAIRS_IN_A_ROW && isSoonAfter(repaired_at, now);
}

/** The number of repairs in a row, including the one made now. */
export function repairsInARow({ repaired_at, repairs }: CheckedRow, now: Date): number {
  return isSoonAfter(repaired_at, now) ? repairs + 1 : 1;
}

function isSoonAfter(time: string | null, now: Date): boolean {
  return time !== null && now.getTime() - Date.parse(time) <= SOON_MS;
}

/**
 * The id in the webhooks of a number that is exactly as an import sets it; undefined for any other. So a check keeps
 * only a few bytes in memory for each of the many numbers that are in order.
 *
 * @param channels of the number, as JSON
 */
export function idInOrder(
  number: IncomingPhoneNumber,
  channels: string,
  accountId: string,
  publicBaseUrl: string,
): string | undefined {
  const taken = parseChannels(channels);
  const url = taken[0] === "sms" ? number.sms_url : number.voice_url;
  const phoneNumberId = /\/(num_[0-9a-f]{48})\/(?:voice|sms)(?:#|$)/.exec(url)?.[1];
  if (phoneNumberId === undefined) return undefined;
  const wanted = planImport(number, webhooksOf(publicBaseUrl, { accountId, phoneNumberId }), taken);
  return notApplied(number, wanted).length === 0 ? phoneNumberId : undefined;
}
