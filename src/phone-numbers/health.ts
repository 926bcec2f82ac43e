import type { UpdateParameter } from "../twilio/incoming-phone-numbers.ts";
import { ACCOUNT_REASONS } from "../twilio-accounts/health.ts";

// The health of a number. No I/O here.

/**
 * What can be wrong with a number, the most serious first. Its `health` is the most serious of its reasons, or `ok`. What is
 * wrong with its account comes first, because it concerns all its numbers.
 */
export const HEALTH_REASONS = [
  ...ACCOUNT_REASONS,
  /** The account no longer has the number. */
  "number_missing",
  /** Its calls are handled in another Region than the one it was imported in, where our settings have no effect. */
  "routed_elsewhere",
  "overridden_by_trunk",
  "overridden_by_application",
  "receives_fax",
  "url_mismatch",
  "wrong_method",
  "fallback_missing",
  /** We repaired it three times in a row, and another system changed it again each time. */
  "repair_contested",
  /** Its routing record could not be read, so its calls may be handled in another Region. */
  "region_unchecked",
  /** Twilio has refused ConversationRelay to the account within a day, so its callers are heard by `<Gather>`. */
  "conversation_relay_refused",
] as const;

export type HealthReason = (typeof HEALTH_REASONS)[number];
export type Health = HealthReason | "ok";

export const DRIFT_POLICIES = ["repair", "report"] as const;
export type DriftPolicy = (typeof DRIFT_POLICIES)[number];

/** Whether a reason comes from a number's routing record, which is read more seldom than the rest. */
export function isRegionReason(reason: HealthReason): boolean {
  return reason === "routed_elsewhere" || reason === "region_unchecked";
}

const REASONS: readonly [parameter: RegExp, reason: HealthReason][] = [
  [/Method$/, "wrong_method"],
  [/FallbackUrl$/, "fallback_missing"],
  [/ApplicationSid$/, "overridden_by_application"],
  [/^TrunkSid$/, "overridden_by_trunk"],
  [/^VoiceReceiveMode$/, "receives_fax"],
  [/^/, "url_mismatch"],
];

/** What fields that differ mean. */
export function reasonsOf(parameters: readonly UpdateParameter[]): HealthReason[] {
  const found = parameters.map((parameter) => REASONS.find(([pattern]) => pattern.test(parameter))?.[1]);
  return HEALTH_REASONS.filter((reason) => found.includes(reason));
}

/** Reasons as they are stored: the first is the number's health, which D1 derives. */
export function reasonsJson(reasons: readonly HealthReason[]): string {
  return JSON.stringify(HEALTH_REASONS.filter((reason) => reasons.includes(reason)));
}

export function parseReasons(json: string): HealthReason[] {
  return JSON.parse(json) as HealthReason[];
}

/** A problem with an account concerns all its numbers, so it comes before the number's own health; the refused relay after it. */
export function effectiveHealth(ofNumber: Health, ofAccount: Health, isRelayRefused: boolean): Health {
  if (ofAccount !== "ok") return ofAccount;
  return ofNumber === "ok" && isRelayRefused ? "conversation_relay_refused" : ofNumber;
}
