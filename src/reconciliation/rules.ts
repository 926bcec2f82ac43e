import { errorFields } from "../http/log.ts";
import type { Services } from "../services.ts";
import { WEEK_MS } from "../time.ts";
import { TwilioError } from "../twilio/errors.ts";
import { coveringRule, findWebhookRules } from "../twilio/webhook-rules.ts";
import { accountAddress } from "../twilio/webhook-urls.ts";
import type { AccountInCheck, CheckResult } from "../twilio-accounts/check-store.ts";
import type { AccountKey } from "../twilio-accounts/row.ts";
import type { AccountAccess } from "./routing.ts";

/**
 * Which of the customer's Webhook Rules covers our address: asked once a week, and at each check while there is one, so
 * that the warning ends soon after the rule. If Twilio does not let us read the rules, it is not known, and nobody is warned.
 *
 * @returns undefined if Twilio was not asked, or did not answer
 */
export async function checkRules(
  { id, accountSid }: AccountKey,
  { webhook_rule, webhook_rules_checked_at: checkedAt }: AccountInCheck,
  { endpoint, credentials }: AccountAccess,
  { now, log, publicBaseUrl }: Services,
): Promise<CheckResult["rules"]> {
  const time = now();
  const isRecent = checkedAt !== null && time.getTime() - Date.parse(checkedAt) < WEEK_MS;
  if (isRecent && webhook_rule === null) return undefined;
  try {
    const rules = await findWebhookRules(endpoint, credentials);
    const rule = coveringRule(rules, accountAddress(publicBaseUrl, id), "keySid" in credentials);
    if (rule) log.info("webhook_rule_found", { account_sid: accountSid, match_type: rule.matchType });
    return { covering: rule ? JSON.stringify(rule) : null, checkedAt: time.toISOString() };
  } catch (error) {
    if (!(error instanceof TwilioError)) throw error;
    log.info("webhook_rules_unknown", { account_sid: accountSid, ...errorFields(error) });
    if (error.facts.failure !== "rejected") return undefined;
    return { covering: null, checkedAt: time.toISOString() };
  }
}
