import type { TwilioEndpoint } from "../twilio/http.ts";
import { nameOfRegion } from "../twilio/regions.ts";
import { parseAccountReasons } from "./health.ts";
import type { OwnAccount } from "./store.ts";

/** @param twilio the deployment's own endpoint */
export function serialiseAccount(row: OwnAccount, twilio: TwilioEndpoint) {
  const reasons = parseAccountReasons(row.health_reasons);
  return {
    twilio_account_id: row.id,
    twilio_sid: row.account_sid,
    region: nameOfRegion(twilio, row.region),
    credential: row.credential,
    signed_by: "auth_token",
    status: reasons.includes("credentials_rejected") ? "failed" : "connected",
    health: reasons[0] ?? "ok",
    friendly_name: row.friendly_name,
    numbers: row.numbers,
    created_at: row.created_at,
  };
}
