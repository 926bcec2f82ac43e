import type { AccountKey } from "../twilio-accounts/row.ts";

/** A message of the reconciliation queue. */
export type ReconciliationMessage =
  /** Check accounts that are due, one after the other, until none is or this time has come (ISO 8601). */
  | { kind: "check_due"; until: string }
  /** Complete or undo the account's unfinished imports and releases. */
  | (AccountKey & { kind: "recover" });
