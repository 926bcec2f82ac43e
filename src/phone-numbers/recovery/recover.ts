import { runIdempotent, StorageError } from "../../database.ts";
import { ApiError } from "../../http/errors.ts";
import { errorFields } from "../../http/log.ts";
import { newId } from "../../ids.ts";
import type { Services } from "../../services.ts";
import { nextAttempt } from "../../time.ts";
import { isNotFound } from "../../twilio/errors.ts";
import { ownUrls } from "../../twilio/webhook-urls.ts";
import { beginCheck, endCheck, renewCheck } from "../../twilio-accounts/check-store.ts";
import { accountClient } from "../../twilio-accounts/client.ts";
import { type AccountKey, accountOf } from "../../twilio-accounts/row.ts";
import { continueSigning } from "../../twilio-accounts/signing.ts";
import { findDueSigning } from "../../twilio-accounts/signing-store.ts";
import { giveBack } from "../change-channels.ts";
import { parseChannels } from "../channels.ts";
import { type Claim, removeClaim } from "../import/store.ts";
import { undo } from "../import/undo.ts";
import { leaseEnd, secondsLeft } from "../lease.ts";
import { openConfiguration } from "../previous-configuration.ts";
import { FIRST_RETRY_MS, PATIENCE_MS } from "../release/plan.ts";
import { releaseRow } from "../release/release.ts";
import { findReleasable, type ReleasableRow } from "../release/store.ts";
import { findUnfinishedAccounts, findUnfinishedNumbers, postponeRecovery, takeOverImport } from "./store.ts";

const MAX_PER_RUN = 50;

/**
 * Recovers the unfinished imports and releases of an account, one after the other: undoes imports, completes releases,
 * and restores released numbers that could not be restored before, and channels. Holds the lease of a check of the account, so that
 * only a few work on one account at once. If there are more than it takes at once, sends itself on.
 *
 * @returns false if the account no longer exists, or other checks of it are running
 * @throws StorageError
 */
export async function recoverNumbers(account: AccountKey, services: Services): Promise<boolean> {
  const { db, now } = services;
  const holder = newId("check");
  const keepUntil = () => leaseEnd(services, now());
  const row = await beginCheck(db, account, holder, keepUntil(), now().toISOString());
  if (!row) return false;
  let isMore = false;
  try {
    if (row.made_at_twilio !== null && (row.signing_due_at !== null || row.is_used === 0))
      await continueSigning(account, row, holder, services);
    const phoneNumbers = await findUnfinishedNumbers(db, account, now().toISOString(), MAX_PER_RUN);
    for (const phoneNumber of phoneNumbers) {
      // Others are at work on the account if the lease is lost.
      if (!(await renewCheck(db, account, holder, keepUntil()))) return false;
      await recoverNumber(phoneNumber, account.apiKeyId, services);
    }
    isMore = phoneNumbers.length === MAX_PER_RUN;
  } finally {
    await runIdempotent(endCheck(db, account, holder)).catch(() => undefined);
  }
  if (isMore) await services.queues.reconciliation.send({ kind: "recover", ...account });
  return true;
}

async function recoverNumber(phoneNumber: string, apiKeyId: string, services: Services): Promise<void> {
  const { db, now } = services;
  const row = await findReleasable(db, apiKeyId, phoneNumber);
  const channel = row?.changing_channel ?? null;
  if (!row || (row.state === "active" && channel === null) || secondsLeft(row, now()) > 0) return;
  // An import that cannot be undone at Twilio is released instead: a release can end without Twilio.
  const isHopeless = now().getTime() - Date.parse(row.created_at) > PATIENCE_MS;
  if (row.state === "importing" && !isHopeless) return undoImport(row, services);
  try {
    if (row.state === "active" && channel !== null) await giveBack(row, channel, services);
    else await releaseRow(row, services);
  } catch (error) {
    // Another request has taken it over.
    if (!(error instanceof ApiError)) throw error;
  }
}

async function undoImport(row: ReleasableRow, services: Services): Promise<void> {
  const { db, vault, now, log, ownAddresses } = services;
  const time = now();
  const claim: Claim = {
    id: row.id,
    holder: newId("holder"),
    leaseExpiresAt: leaseEnd(services, time),
    phoneNumber: row.phone_number,
    apiKeyId: row.api_key_id,
    agentId: row.agent_id ?? "",
    accountId: row.twilio_account_id,
    accountSid: row.account_sid,
    region: row.region,
    twilioNumberSid: row.twilio_number_sid,
    previousConfigurationSealed: row.previous_configuration_sealed,
    outcomeUnknownUntil: row.outcome_unknown_until,
    channels: row.channels,
    changing_channel: row.changing_channel,
  };
  if (!(await takeOverImport(db, claim, row.lease_holder, time.toISOString()))) return;
  try {
    const twilio = await accountClient(accountOf(row), row, services);
    const number = await twilio.fetch(row.twilio_number_sid);
    const previous = await openConfiguration(vault, row);
    const isOurs = ownUrls(ownAddresses, row.id);
    const claimed = { row: claim, number, channels: parseChannels(row.channels), previous, isOurs, twilio };
    if (await undo(claimed, number, services)) return log.info("import_undone", { phone_number_id: row.id });
  } catch (error) {
    if (error instanceof StorageError) throw error;
    if (isNotFound(error)) {
      // Its account does not have the number any more: there is nothing to undo.
      await removeClaim(db, claim);
      return log.info("import_undone", { phone_number_id: row.id });
    }
    log.warn("import_not_recovered", { phone_number_id: row.id, ...errorFields(error) });
  }
  // A later run tries again, each time after a longer wait. The owner's next import need not wait.
  const at = now();
  await postponeRecovery(
    db,
    row.id,
    claim.holder,
    at.toISOString(),
    nextAttempt(row.recovery_attempts, FIRST_RETRY_MS, at).toISOString(),
  );
}

// Cloudflare Queues takes at most 100 messages in one batch. https://developers.cloudflare.com/queues/platform/limits/
const MESSAGES_AT_ONCE = 100;
const MAX_ACCOUNTS_PER_RUN = 500;

/**
 * Sends a message for each account with unfinished imports or releases. For the cron; bounded work.
 *
 * @throws StorageError
 */
export async function scheduleRecovery({ db, queues, log, now }: Services): Promise<void> {
  const time = now().toISOString();
  const accounts = [
    ...(await findUnfinishedAccounts(db, time, MAX_ACCOUNTS_PER_RUN)),
    ...(await findDueSigning(db, time, MAX_ACCOUNTS_PER_RUN)),
  ];
  const messages = accounts.map((account) => ({ body: { kind: "recover", ...account } as const }));
  for (let start = 0; start < messages.length; start += MESSAGES_AT_ONCE) {
    await queues.reconciliation.sendBatch(messages.slice(start, start + MESSAGES_AT_ONCE));
  }
  if (accounts.length > 0) log.warn("recovery_scheduled", { accounts: accounts.length });
}
