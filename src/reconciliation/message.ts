import type { AccountKey } from "../twilio-accounts/row.ts";

/** A message of the reconciliation queue: one piece of work. */
export type ReconciliationMessage = AccountKey & {
  /**
   * `check`: compare the account's numbers with Twilio. `recover`: complete or undo the account's unfinished imports
   * and releases. `settle` is its former name, which messages from the previous version may still have.
   */
  kind: "check" | "recover" | "settle";
};
