import { notApplied, planImport, withoutSms } from "../phone-numbers/configuration.ts";
import { webhooksOf } from "../answering/webhook-urls.ts";
import type { IncomingPhoneNumber, NumberUpdate, UpdateParameter } from "../twilio/incoming-phone-numbers.ts";

// Decisions about numbers that are no longer as the import left them. No I/O here, and no clock.

/** How a number is found, the gravest first. A number's `health` is the gravest of its reasons, or `ok`. */
export const HEALTH_REASONS = [
  /** Twilio refuses the account's credentials: nothing is known of its numbers. */
  "credentials_rejected",
  /** Twilio does not answer. */
  "unreachable",
  /** The account does not have the number any more. */
  "number_missing",
  "overridden_by_trunk",
  "overridden_by_application",
  "receives_fax",
  "url_mismatch",
  "wrong_method",
  "fallback_missing",
  /** It was repaired three times in a row and changed again each time: somebody else wants it otherwise. */
  "repair_contested",
] as const;

export type HealthReason = (typeof HEALTH_REASONS)[number];
export type Health = HealthReason | "ok";

export type DriftPolicy = "repair" | "report";

/** A number as it is stored, as far as comparing it takes. */
export type CheckedRow = {
  id: string;
  phone_number: string;
  agent_id: string | null;
  twilio_number_sid: string;
  sms_refused: 0 | 1;
  drift_policy: DriftPolicy;
  health: Health;
  /** JSON array of reasons. */
  health_reasons: string;
  repaired_at: string | null;
  repairs: number;
  updated_at: string;
};

/** What is to be done about a number. */
export type Finding = {
  row: CheckedRow;
  reasons: HealthReason[];
  /** What would mend it: only what differs. Empty where nothing does. */
  update: NumberUpdate;
  action: "none" | "repair" | "report";
};

// An account is looked at every hour, and up to a quarter of an hour later than that.
const SOON_MS = 90 * 60 * 1000;
const MAX_REPAIRS_IN_A_ROW = 3;

/**
 * What to do about each row, by what Twilio says of its number.
 *
 * @param numbers Twilio's numbers by SID; a row whose number is not among them is missing
 * @param publicBaseUrl where the webhooks should point
 */
export function planReconciliation(
  rows: readonly CheckedRow[],
  numbers: ReadonlyMap<string, IncomingPhoneNumber>,
  publicBaseUrl: string,
  now: Date,
): Finding[] {
  return rows.map((row) => planNumber(row, numbers.get(row.twilio_number_sid), publicBaseUrl, now));
}

/** The same for one row. @param number undefined where the account does not have it */
export function planNumber(
  row: CheckedRow,
  number: IncomingPhoneNumber | undefined,
  publicBaseUrl: string,
  now: Date,
): Finding {
  if (!number) return { row, reasons: ["number_missing"], update: {}, action: "report" };
  const whole = planImport(number, webhooksOf(publicBaseUrl, row.id));
  const wanted = row.sms_refused === 1 ? withoutSms(whole) : whole;
  const missing = notApplied(number, wanted);
  if (missing.length === 0) return { row, reasons: [], update: {}, action: "none" };
  const update = Object.fromEntries(missing.map((parameter) => [parameter, wanted[parameter]]));
  const reasons = reasonsOf(missing);
  if (row.drift_policy === "report") return { row, reasons, update, action: "report" };
  if (isContested(row, now)) {
    return { row, reasons: [...reasons, "repair_contested"], update, action: "report" };
  }
  return { row, reasons, update, action: "repair" };
}

/**
 * Whether repairing is of no use: it was done three times, each soon after the one before. Once that has been found it
 * stays so until the number is found in order, or its owner sets its policy anew.
 */
function isContested({ health_reasons, repaired_at, repairs }: CheckedRow, now: Date): boolean {
  if (parseReasons(health_reasons).includes("repair_contested")) return true;
  return repairs >= MAX_REPAIRS_IN_A_ROW && isSoonAfter(repaired_at, now);
}

/** How many repairs in a row there are with the one made now. */
export function repairsInARow({ repaired_at, repairs }: CheckedRow, now: Date): number {
  return isSoonAfter(repaired_at, now) ? repairs + 1 : 1;
}

function isSoonAfter(time: string | null, now: Date): boolean {
  return time !== null && now.getTime() - Date.parse(time) <= SOON_MS;
}

const REASONS: Record<UpdateParameter, HealthReason> = {
  VoiceUrl: "url_mismatch",
  VoiceMethod: "wrong_method",
  VoiceFallbackUrl: "fallback_missing",
  VoiceFallbackMethod: "wrong_method",
  VoiceApplicationSid: "overridden_by_application",
  VoiceReceiveMode: "receives_fax",
  TrunkSid: "overridden_by_trunk",
  SmsUrl: "url_mismatch",
  SmsMethod: "wrong_method",
  SmsFallbackUrl: "fallback_missing",
  SmsFallbackMethod: "wrong_method",
  SmsApplicationSid: "overridden_by_application",
  StatusCallback: "url_mismatch",
  StatusCallbackMethod: "wrong_method",
};

function reasonsOf(parameters: readonly UpdateParameter[]): HealthReason[] {
  const found = new Set(parameters.map((parameter) => REASONS[parameter]));
  return HEALTH_REASONS.filter((reason) => found.has(reason));
}

/**
 * The id in the webhooks of a number that is exactly as an import leaves it; undefined for any other. Lets a check keep
 * in mind only a few bytes of the many numbers that are in order.
 */
export function idInOrder(number: IncomingPhoneNumber, publicBaseUrl: string): string | undefined {
  const id = /\/(num_[0-9a-f]{32})\/voice$/.exec(number.voice_url)?.[1];
  if (id === undefined) return undefined;
  return notApplied(number, planImport(number, webhooksOf(publicBaseUrl, id))).length === 0 ? id : undefined;
}

/** The gravest of the reasons. */
export function healthOf(reasons: readonly HealthReason[]): Health {
  return HEALTH_REASONS.find((reason) => reasons.includes(reason)) ?? "ok";
}

export function parseReasons(json: string): HealthReason[] {
  return JSON.parse(json) as HealthReason[];
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** When an account is looked at again: after an interval, and after failures in a row ever later, up to a day. */
export function nextCheck(failures: number, intervalMs: number, now: Date): Date {
  return new Date(now.getTime() + Math.min(intervalMs * 2 ** failures, DAY_MS));
}
