import type { Services } from "../services.ts";
import { nameOfRegion } from "../twilio/regions.ts";
import { type AccountReason, parseAccountReasons } from "./health.ts";
import { signingRequests } from "./signing-requests.ts";
import { parseMade } from "./signing-store.ts";
import type { OwnAccount } from "./store.ts";

function statusOf(reasons: readonly AccountReason[]) {
  if (reasons.includes("credentials_rejected")) return "failed";
  return reasons.includes("signatures_unproven") ? "connecting" : "connected";
}

export function serialiseAccount(
  row: OwnAccount,
  { twilio, publicBaseUrl }: Pick<Services, "twilio" | "publicBaseUrl">,
) {
  const reasons = parseAccountReasons(row.health_reasons);
  return {
    twilio_account_id: row.id,
    twilio_sid: row.account_sid,
    region: nameOfRegion(twilio, row.region),
    credential: row.api_key_sid === null ? "auth_token" : "api_key",
    signed_by: row.api_key_sid === null ? "auth_token" : "shared_key",
    status: statusOf(reasons),
    // What this service makes itself, its owner need not.
    to_do:
      reasons.includes("signatures_unproven") && row.signing_due_at === null
        ? signingRequests(row, publicBaseUrl)
        : [],
    not_made: parseMade(row.made_at_twilio).refused ?? null,
    health: reasons[0] ?? "ok",
    friendly_name: row.friendly_name,
    numbers: row.numbers,
    created_at: row.created_at,
  };
}
