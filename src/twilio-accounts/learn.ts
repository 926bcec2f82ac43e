import { batch, type Part } from "../database.ts";
import type { EventType } from "../events/event.ts";
import { insertPending } from "../events/pending-store.ts";
import { relay } from "../events/tell.ts";
import type { Services } from "../services.ts";
import { isAboutCredentials } from "../twilio/errors.ts";
import { accountEvent } from "./account-event.ts";
import { type AccountState, isAsBefore, putReasons } from "./check-store.ts";
import { type AccountReason, type Learnt, parseAccountReasons, reasonsAfter } from "./health.ts";
import type { AccountKey } from "./row.ts";

/** What customers are told, once, when a reason begins to hold. */
const TOLD: Partial<Record<AccountReason, EventType>> = {
  credentials_rejected: "credentials.rejected",
  signed_by_other_key: "signatures.refused",
  signatures_refused: "signatures.refused",
};

/** The check that has learnt something, and the statement that ends it with these reasons. */
type Ending = {
  checkId: string;
  statement: (state: Part, reasons: readonly AccountReason[]) => D1PreparedStatement;
};

/**
 * Stores what we have learnt of an account, and in the same transaction the event that tells it.
 *
 * @param before the account when we learnt it: if it has changed since, nothing is stored or told
 * @returns whether there is an event to relay, and whether the account is now otherwise than before
 * @throws StorageError
 */
export async function learn(
  account: AccountKey,
  before: AccountState,
  learnt: Learnt,
  services: Pick<Services, "db" | "vault" | "now">,
  ending?: Ending,
): Promise<{ hasEvent: boolean; isNew: boolean }> {
  const { db, now } = services;
  const known = parseAccountReasons(before.health_reasons);
  const reasons = reasonsAfter(known, learnt);
  const isSame = reasons.length === known.length && reasons.every((reason) => known.includes(reason));
  if (isSame && !ending) return { hasEvent: false, isNew: false };
  const [begun] = reasons.filter((reason) => !known.includes(reason));
  const type = begun && TOLD[begun];
  const event = type && (await accountEvent(type, account, { reason: begun }, services));
  const state = isAsBefore(account, before, ending?.checkId);
  const results = await batch(db, [
    ...(event ? [insertPending(db, event, { account: state })] : []),
    ending?.statement(state, reasons) ?? putReasons(db, state, reasons, now().toISOString()),
  ]);
  const isStored = (index: number) => results.at(index)?.meta.changes === 1;
  return { hasEvent: event !== undefined && isStored(0), isNew: !isSame && isStored(-1) };
}

/** If Twilio has refused a stored token, that is known from now on. @throws StorageError */
export async function learnRefused(
  account: AccountKey,
  before: AccountState,
  error: unknown,
  services: Services,
): Promise<void> {
  if (!isAboutCredentials(error)) return;
  const { hasEvent } = await learn(account, before, "credentials_rejected", services);
  if (hasEvent) services.defer(relay(account.apiKeyId, services));
}
