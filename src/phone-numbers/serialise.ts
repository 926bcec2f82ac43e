import type { TwilioEndpoint } from "../twilio/http.ts";
import { nameOfRegion } from "../twilio/regions.ts";
import type { TextWarning } from "../twilio/text-registration.ts";
import { serialiseOwn } from "./change-settings.ts";
import { takenChannels } from "./channels.ts";
import { parseReasons } from "./health.ts";
import type { ReleasedNumber, Returned } from "./release/release.ts";
import type { OwnedNumber } from "./store.ts";
import { textWarning } from "./text-warnings.ts";

// Numbers as the API answers them. The row's id is never shown: it is the secret part of the webhook URLs.

/** @param twilio the deployment's own endpoint */
export function serialiseNumber(row: OwnedNumber, twilio: TwilioEndpoint) {
  return {
    phone_number: row.phone_number,
    agent_id: row.agent_id,
    twilio_number_sid: row.twilio_number_sid,
    inbound_enabled: row.inbound_enabled === 1,
    outbound_enabled: row.outbound_enabled === 1,
    channels: takenChannels(row),
    provider: "twilio",
    twilio_sid: row.account_sid,
    region: nameOfRegion(twilio, row.region),
    ...shownHealth(row),
    warnings: (JSON.parse(row.warnings) as TextWarning[]).map(textWarning),
    drift_policy: row.drift_policy,
    ...serialiseOwn(row),
    connect_link_id: row.connect_link_id,
    checked_at: row.checked_at,
    texts_checked_at: row.texts_checked_at,
    first_inbound_at: row.first_inbound_at,
    last_inbound_at: row.last_inbound_at,
    created_at: row.created_at,
    updated_at: row.updated_at,
  };
}

/** What is wrong with the account concerns the number, and is more serious than what is wrong with it alone. */
function shownHealth({ health_reasons, account_reasons, is_relay_refused }: OwnedNumber) {
  const relay = is_relay_refused === 1 ? (["conversation_relay_refused"] as const) : [];
  const reasons = [...parseReasons(account_reasons), ...parseReasons(health_reasons), ...relay];
  return { health: reasons[0] ?? "ok", health_reasons: reasons };
}

export function serialiseReleased({ phoneNumber, twilioNumberSid, ...returned }: ReleasedNumber) {
  return {
    phone_number: phoneNumber,
    deleted: true,
    twilio_number_sid: twilioNumberSid,
    ...serialiseReturned(returned, "for a week"),
  };
}

/** What happened at Twilio to what was given back. @param until how long it is tried again */
export function serialiseReturned(
  { outcomes, refused, reason, requests }: Returned,
  until: "for a week" | "until it is done",
) {
  return {
    twilio: outcomes,
    ...(refused && { not_restored: refused }),
    ...(reason !== undefined && {
      reason,
      message:
        `${reason === "twilio_update_rejected" ? "Twilio refused a part of the update" : "The number could not be restored at Twilio"}, ` +
        `so it may still point here; its callers hear that it takes no calls. This service tries again ${until}. To ` +
        "restore the number yourself, run the requests. They show no token, and no query string or password of a URL: " +
        "set the variables named in them first.",
      requests,
    }),
  };
}
