import { batch } from "../database.ts";
import { ApiError } from "../http/errors.ts";
import { openTokens } from "../phone-numbers/auth-token.ts";
import type { ImportServices } from "../phone-numbers/claim.ts";
import { TwilioError } from "../twilio/errors.ts";
import { incomingPhoneNumbers } from "../twilio/incoming-phone-numbers.ts";
import { findNumberToCheck, putHealth } from "./number-store.ts";
import { type HealthReason, planReconciliation } from "./plan.ts";
import { isAboutCredentials, settleFinding } from "./settle.ts";

/**
 * Compares one number with Twilio now, by the same rules as the hourly check.
 *
 * @throws ApiError `number_not_found`
 * @throws StorageError
 */
export async function checkNumber(
  phoneNumber: string,
  apiKeyId: string,
  services: ImportServices,
): Promise<void> {
  const { db, vault, log, now, publicBaseUrl } = services;
  const row = await findNumberToCheck(db, apiKeyId, phoneNumber);
  if (!row) throw new ApiError("number_not_found");
  const accountSid = row.account_sid;
  const [authToken = ""] = await openTokens(vault, { apiKeyId, accountSid }, row, now(), log);
  const twilio = incomingPhoneNumbers(services.twilio, { accountSid, authToken });
  const note = (reasons: HealthReason[]) =>
    batch(db, [putHealth(db, { id: row.id, health: reasons[0] ?? "ok", reasons }, now().toISOString())]);
  try {
    const number = await twilio.fetch(row.twilio_number_sid).catch((error: unknown) => {
      if (error instanceof TwilioError && error.facts.status === 404) return undefined;
      throw error;
    });
    const found = new Map(number ? [[row.twilio_number_sid, number]] : []);
    const [finding] = planReconciliation([row], found, publicBaseUrl, now());
    const written = finding && (await settleFinding(finding, apiKeyId, twilio, services));
    // Found as it was before: only when is worth noting.
    if (finding && !written) await note(finding.reasons);
  } catch (error) {
    if (!(error instanceof TwilioError)) throw error;
    await note([isAboutCredentials(error) ? "credentials_rejected" : "unreachable"]);
  }
}
