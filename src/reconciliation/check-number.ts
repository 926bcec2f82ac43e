import { batch } from "../database.ts";
import { relay } from "../events/tell.ts";
import { ApiError } from "../http/errors.ts";
import { errorFields } from "../http/log.ts";
import type { Services } from "../services.ts";
import { isAboutCredentials, TwilioError } from "../twilio/errors.ts";
import { disprove } from "../twilio-accounts/check-store.ts";
import { accountClient } from "../twilio-accounts/client.ts";
import { learn } from "../twilio-accounts/learn.ts";
import { accountOf } from "../twilio-accounts/row.ts";
import { findNumberToCheck, putChecked } from "./number-store.ts";
import { applyFinding, ask } from "./repair.ts";
import { checkRouting } from "./routing.ts";
import { checkTexts, mayBeRegistered } from "./texts.ts";

/**
 * Checks one number now, by the rules of the hourly check. If Twilio accepts or refuses the token, that counts for the
 * whole account.
 *
 * @throws ApiError `number_not_found`
 * @throws StorageError
 */
export async function checkNumber(phoneNumber: string, apiKeyId: string, services: Services): Promise<void> {
  const { db, now, log } = services;
  const row = await findNumberToCheck(db, apiKeyId, phoneNumber);
  if (!row) throw new ApiError("number_not_found");
  const account = accountOf({ ...row, api_key_id: apiKeyId });
  try {
    const twilio = await accountClient(account, row, services);
    const number = await ask(row, twilio);
    // No answer about the routing is no reason not to check the rest.
    const routed = await checkRouting(row, apiKeyId, twilio, services).catch((error: unknown) => {
      if (!(error instanceof TwilioError)) throw error;
      log.warn("routing_not_checked", { phone_number_id: row.id, ...errorFields(error) });
      return row;
    });
    if (number && mayBeRegistered(number)) await checkTexts(account, [row], twilio, services);
    const applied = await applyFinding(routed, number, apiKeyId, twilio, services);
    const time = now().toISOString();
    const checked = applied === "unchanged" ? [putChecked(db, row.id, time)] : [];
    const accepted = disprove(db, account, row.auth_token_changed_at, "accepted", time);
    await batch(db, [accepted, ...checked], { isIdempotent: true });
  } catch (error) {
    if (!(error instanceof TwilioError)) throw error;
    const learnt = isAboutCredentials(error) ? "credentials_rejected" : "unreachable";
    log.warn("number_not_checked", { phone_number_id: row.id, health: learnt, ...errorFields(error) });
    const before = { ...row, health_reasons: row.account_reasons };
    const { hasEvent } = await learn(account, before, learnt, services);
    if (hasEvent) services.defer(relay(apiKeyId, services));
  }
}
