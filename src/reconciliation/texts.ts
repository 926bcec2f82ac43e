import { runIdempotent } from "../database.ts";
import { errorFields } from "../http/log.ts";
import type { Services } from "../services.ts";
import { DAY_MS, WEEK_MS } from "../time.ts";
import { TwilioError } from "../twilio/errors.ts";
import type { IncomingPhoneNumber } from "../twilio/incoming-phone-numbers.ts";
import { findTextWarnings } from "../twilio/text-registration.ts";
import type { AccountKey } from "../twilio-accounts/row.ts";
import { type CheckedRow, putTextWarnings } from "./number-store.ts";
import type { AccountAccess } from "./routing.ts";

const ROWS_AT_ONCE = 1_000;

/** Whether Twilio may know whether the number's texts arrive. */
export const mayBeRegistered = ({ phone_number, capabilities }: IncomingPhoneNumber): boolean =>
  phone_number.startsWith("+1") && capabilities?.sms !== false;

/** Once a week, and once a day while there is a warning, so that it ends soon after Twilio has approved the number. */
export function isTextsCheckDue({ warnings, texts_checked_at }: CheckedRow, now: Date): boolean {
  const age = now.getTime() - Date.parse(texts_checked_at ?? "1970-01-01");
  return age >= (warnings === "[]" ? WEEK_MS : DAY_MS);
}

/**
 * Reads whether the texts of some of an account's numbers arrive, and stores it. If Twilio does not let us read that, nobody is
 * warned; if it does not answer, what was known stays.
 *
 * @throws StorageError
 */
export async function checkTexts(
  { id, accountSid }: Pick<AccountKey, "id" | "accountSid">,
  rows: readonly CheckedRow[],
  { endpoint, credentials }: AccountAccess,
  { db, now, log }: Services,
): Promise<void> {
  if (rows.length === 0) return;
  let found: Awaited<ReturnType<typeof findTextWarnings>> = new Map();
  try {
    const numbers = rows.map((row) => ({ sid: row.twilio_number_sid, phone_number: row.phone_number }));
    found = await findTextWarnings({ endpoint, credentials }, numbers);
  } catch (error) {
    if (!(error instanceof TwilioError)) throw error;
    log.info("text_registration_unknown", { account_sid: accountSid, ...errorFields(error) });
    if (error.facts.failure !== "rejected") return;
  }
  const warnings = rows.map((row) => [row.id, found.get(row.twilio_number_sid)] as const);
  for (let start = 0; start < warnings.length; start += ROWS_AT_ONCE) {
    const some = warnings.slice(start, start + ROWS_AT_ONCE);
    await runIdempotent(putTextWarnings(db, id, some, now().toISOString()));
  }
}
