import { errorFields } from "../../http/log.ts";
import type { Services } from "../../services.ts";
import { fetchAccount } from "../../twilio/account.ts";
import type { TwilioCredentials } from "../../twilio/http.ts";
import type { IncomingPhoneNumber } from "../../twilio/incoming-phone-numbers.ts";
import { findMessagingService } from "../../twilio/messaging-services.ts";
import { findTextWarnings } from "../../twilio/text-registration.ts";
import { coveringRule, findWebhookRules } from "../../twilio/webhook-rules.ts";
import { accountAddress, ownUrls, webhooksOf } from "../../twilio/webhook-urls.ts";
import { fieldChanges, planImport } from "../configuration.ts";
import { alreadyImported } from "../import/import.ts";
import { lookUp } from "../import/look-up.ts";
import { PLANNED, planHash } from "../import/plan-hash.ts";
import { takeoverOf } from "../import/takeover.ts";
import type { ImportBody } from "../schema.ts";
import { smsAnsweredBy, voiceAnsweredBy } from "./answered-by.ts";
import { type Facts, warningsOf } from "./warnings.ts";

/**
 * What an import would do: checks everything that an import checks, and more that an import has no time for. Writes nothing
 * anywhere.
 *
 * @param isConsented as of an import
 * @returns as the API answers it; about what is `unchecked`, because Twilio did not tell us, a missing warning proves nothing
 * @throws ApiError the same as an import
 * @throws StorageError
 */
export async function previewImport(
  body: ImportBody,
  apiKeyId: string,
  services: Services,
  isConsented = false,
) {
  const known = await lookUp(body, apiKeyId, services, isConsented);
  const { number, existing, endpoint, credentials, channels } = known;
  const now = services.now();
  if (existing && !(await takeoverOf(existing, known.account, services)))
    throw alreadyImported(existing, apiKeyId, now);

  const isOurs = ownUrls(services.ownAddresses, ...(existing ? [existing.id] : []));
  const address = accountAddress(services.publicBaseUrl, known.account.id);
  const { facts, unchecked } = await lookAround(number, address, credentials, {
    ...services,
    twilio: endpoint,
  });
  if (!known.isRegionChecked || known.isRegionHidden) unchecked.push("region");
  return {
    dry_run: true,
    phone_number: {
      phone_number: body.phone_number,
      agent_id: body.agent_id,
      twilio_number_sid: number.sid,
    },
    answered_by: { voice: voiceAnsweredBy(number, isOurs), sms: smsAnsweredBy(number, isOurs) },
    changes: fieldChanges(number, planImport(number, webhooksOf(services.publicBaseUrl, PLANNED), channels)),
    warnings: warningsOf(number, facts, channels),
    unchecked,
    plan_hash: await planHash(known, services),
  };
}

/** Reads what decides about calls and texts but is not in the number's resource. */
async function lookAround(
  number: IncomingPhoneNumber,
  address: string,
  credentials: TwilioCredentials,
  { twilio: endpoint, log }: Services,
): Promise<{ facts: Facts; unchecked: string[] }> {
  const unchecked: string[] = [];
  const look = async <T>(name: string, found: Promise<T>): Promise<T | undefined> => {
    try {
      return await found;
    } catch (error) {
      unchecked.push(name);
      log.warn("not_checked", { check: name, ...errorFields(error) });
      return undefined;
    }
  };
  const [service, account, rules, texts] = await Promise.all([
    look("messaging_service", findMessagingService(endpoint, credentials, number.sid)),
    look("account", fetchAccount(endpoint, credentials)),
    look("webhook_rules", findWebhookRules(endpoint, credentials)),
    number.capabilities?.sms === false
      ? undefined
      : look("text_registration", findTextWarnings({ endpoint, credentials }, [number])),
  ]);
  const webhookRule = rules && coveringRule(rules, address, "keySid" in credentials);
  return {
    facts: { service, accountType: account?.type ?? undefined, webhookRule, texts: texts?.get(number.sid) },
    unchecked,
  };
}
