import type { Warning } from "../../http/warnings.ts";
import type { IncomingPhoneNumber } from "../../twilio/incoming-phone-numbers.ts";
import type { MessagingService } from "../../twilio/messaging-services.ts";
import { TEXT_WARNINGS, type TextWarning } from "../../twilio/text-registration.ts";
import type { WebhookRule } from "../../twilio/webhook-rules.ts";
import type { Channel } from "../channels.ts";
import { textWarning } from "../text-warnings.ts";

// What the owner of a number should know before it is imported. No I/O here.

export const WARNING_CODES = [
  "bound_to_trunk",
  "bound_to_application",
  "in_messaging_service",
  "no_voice",
  "no_sms",
  "receives_fax",
  "trial_account",
  "webhook_rule",
  ...TEXT_WARNINGS,
] as const;
export type WarningCode = (typeof WARNING_CODES)[number];

/** What decides about calls and texts but is not in the number's resource; undefined if unknown. */
export type Facts = {
  service: MessagingService | undefined;
  accountType: string | undefined;
  webhookRule: WebhookRule | undefined;
  texts: TextWarning | undefined;
};

/** A rule of the customer's covers this service's address. That alone breaks nothing: its Setting decides. */
export function webhookRuleWarning({ id, matchType }: WebhookRule): Warning<WarningCode> {
  return {
    code: "webhook_rule",
    message:
      "A Webhook Rule of this Twilio account covers this service's address. If its Setting signs with a SharedKey, this " +
      "service refuses the account's calls and texts; and its timeouts and retries replace those of the webhook URLs.",
    details: { rule_id: id, match_type: matchType },
  };
}

/** @param channels what is to be taken over */
export function warningsOf(
  number: IncomingPhoneNumber,
  facts: Facts,
  channels: readonly Channel[],
): Warning<WarningCode>[] {
  const [isVoice, isSms] = [channels.includes("voice"), channels.includes("sms")];
  const warnings: Warning<WarningCode>[] = [];
  const warn = (code: WarningCode, message: string, details: Record<string, string> = {}) =>
    warnings.push({ code, message, details });

  if (isVoice && number.trunk_sid) {
    warn(
      "bound_to_trunk",
      "A SIP trunk gets this number's calls. The import removes the number from the trunk.",
      {
        trunk_sid: number.trunk_sid,
      },
    );
  }
  const applications = [isVoice ? number.voice_application_sid : "", isSms ? number.sms_application_sid : ""];
  for (const application_sid of new Set(applications)) {
    if (application_sid === "") continue;
    warn(
      "bound_to_application",
      "A TwiML App gets this number's calls or texts. The import removes the number from it.",
      { application_sid },
    );
  }
  if (isSms && facts.service && !facts.service.usesInboundWebhookOnNumber) {
    warn(
      "in_messaging_service",
      "The number is in a Messaging Service. The inbound settings of that Messaging Service get its texts, so they do not " +
        'come here. To change that, set "Defer to sender\'s webhook" in the Messaging Service; the import never changes it.',
      { messaging_service_sid: facts.service.sid },
    );
  }
  if (number.capabilities?.voice === false)
    warn("no_voice", "The number cannot take calls. The import does not change its voice settings.");
  if (number.capabilities?.sms === false)
    warn("no_sms", "The number cannot take texts. The import does not change its SMS settings.");
  if (isVoice && number.voice_receive_mode === "fax") {
    warn("receives_fax", "The number receives faxes. The import makes it answer calls instead.");
  }
  if (facts.accountType?.toLowerCase() === "trial") {
    warn(
      "trial_account",
      "This is a trial account: Twilio plays a notice before each call and limits who can be called.",
    );
  }
  if (facts.webhookRule) warnings.push(webhookRuleWarning(facts.webhookRule));
  if (facts.texts) warnings.push(textWarning(facts.texts));
  return warnings;
}
