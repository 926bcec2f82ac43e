import type { AccountKey } from "./row.ts";

/** A message of the reconciliation queue. */
export type WorkMessage =
  /** Check accounts that are due, one after the other, until none is or this time has come (ISO 8601). */
  | { kind: "check_due"; until: string }
  /** Finish or undo the account's unfinished imports and releases. */
  | (AccountKey & { kind: "recover" });
