import type { AccountKey } from "../twilio-accounts/row.ts";

/** What the queue of reconciliation carries: one piece of work each. */
export type ReconciliationMessage = AccountKey & {
  /**
   * `check`: compare a Twilio account with what is here. `recover`: complete or undo the unfinished imports and releases of
   * an account's numbers; `settle` is its former name, which messages of the version before still have.
   */
  kind: "check" | "recover" | "settle";
};
