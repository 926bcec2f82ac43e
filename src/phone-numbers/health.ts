// How a number is found, and which of its own health and its account's counts. No I/O here.

/** What can be wrong with a number, the gravest first. Its `health` is the gravest of its reasons, or `ok`. */
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
  /** It was repaired three times in a row and changed again each time: another system keeps changing it. */
  "repair_contested",
] as const;

export type HealthReason = (typeof HEALTH_REASONS)[number];
export type Health = HealthReason | "ok";

export type DriftPolicy = "repair" | "report";

/** The gravest of the reasons. */
export function healthOf(reasons: readonly HealthReason[]): Health {
  return HEALTH_REASONS.find((reason) => reasons.includes(reason)) ?? "ok";
}

export function parseReasons(json: string): HealthReason[] {
  return JSON.parse(json) as HealthReason[];
}

/** What is wrong with an account is true of all its numbers, and comes before what was last found of one of them. */
export function effectiveHealth(ofNumber: Health, ofAccount: Health): Health {
  return ofAccount === "ok" ? ofNumber : ofAccount;
}
