import { runIdempotent } from "../../database.ts";
import { errorFields } from "../../http/log.ts";
import type { Services } from "../../services.ts";
import { WEEK_MS } from "../../time.ts";
import { isNotFound } from "../../twilio/errors.ts";
import { accountClient } from "../../twilio-accounts/client.ts";
import { accountOf } from "../../twilio-accounts/row.ts";
import { secondsLeft } from "../lease.ts";
import { type ExistingRow, noteMissing } from "./store.ts";

/**
 * What an import does with the row that the number already has. The row of an unfinished import or release of the same
 * key is `taken_over`. If another key has released the number, or that key is revoked, the row is `superseded` by a new
 * one: Twilio has just shown that the number is in the importer's account. So it is if it is `lost` to its key: the
 * account of the row no longer has it. Undefined: refuse the import.
 */
export type Takeover = "taken_over" | "superseded" | "lost" | undefined;

/** @param accountSid where Twilio has shown the number @throws StorageError */
export async function takeoverOf(
  row: ExistingRow,
  { apiKeyId, accountSid }: { apiKeyId: string; accountSid: string },
  services: Services,
): Promise<Takeover> {
  if (secondsLeft(row, services.now()) > 0) return undefined;
  if (row.api_key_id === apiKeyId) return row.state === "active" ? undefined : "taken_over";
  if (row.state === "returning" || row.is_orphaned === 1) return "superseded";
  const isElsewhere = row.account_sid !== accountSid;
  return isElsewhere && row.state === "active" && (await isGone(row, services)) ? "lost" : undefined;
}

/** Whether the row's own account has lost the number; if it cannot be asked, whether that is so for a week. */
async function isGone(row: ExistingRow, services: Services): Promise<boolean> {
  const { db, log, now } = services;
  try {
    const twilio = await accountClient(accountOf(row), row, services);
    await twilio.fetch(row.twilio_number_sid);
    return false;
  } catch (error) {
    if (isNotFound(error)) return true;
    log.warn("former_account_not_asked", { phone_number_id: row.id, ...errorFields(error) });
  }
  if (row.missing_since !== null) return now().getTime() - Date.parse(row.missing_since) > WEEK_MS;
  await runIdempotent(noteMissing(db, row.id, now().toISOString()));
  return false;
}
