import { ApiError } from "../../http/errors.ts";
import type { Services } from "../../services.ts";
import type { IncomingPhoneNumber } from "../../twilio/incoming-phone-numbers.ts";
import { webhooksOf } from "../../twilio/webhook-urls.ts";
import type { Channel } from "../channels.ts";
import { planImport } from "../configuration.ts";

type Plan = { number: IncomingPhoneNumber; channels: readonly Channel[] };
type PlanServices = Pick<Services, "vault" | "publicBaseUrl">;

/**
 * A fingerprint of what an import of this number would find and do. Keyed, because the present URLs often hold secrets,
 * which could be guessed from a plain hash.
 */
export function planHash(plan: Plan, { vault, publicBaseUrl }: PlanServices): Promise<string> {
  return vault.fingerprint(planText(plan, publicBaseUrl));
}

/** @throws ApiError `plan_changed` if the request has a hash and the plan has changed */
export async function checkPlan(
  hash: string | null,
  plan: Plan,
  { vault, publicBaseUrl }: PlanServices,
): Promise<void> {
  if (hash !== null && !(await vault.hasFingerprint(planText(plan, publicBaseUrl), hash))) {
    throw new ApiError("plan_changed");
  }
}

/** What stands in a plan for the ids that the import will make. */
export const PLANNED = { accountId: "{twilio_account_id}", phoneNumberId: "{id}" };

/** The number as it is, and what the import would send. */
function planText({ number, channels }: Plan, publicBaseUrl: string): string {
  const fields = Object.entries(number).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(["plan", fields, planImport(number, webhooksOf(publicBaseUrl, PLANNED), channels)]);
}
