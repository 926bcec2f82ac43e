import type { ImportServices } from "../phone-numbers/import/claim.ts";

/** What the queue of reconciliation carries: one piece of work each. */
export type ReconciliationMessage =
  /** Compare a Twilio account with what is here. */
  | { kind: "check"; apiKeyId: string; accountSid: string }
  /** Finish or undo what imports and releases of an account's numbers left behind. */
  | { kind: "settle"; apiKeyId: string; accountSid: string };

export type ReconciliationServices = ImportServices & { reconciliation: Queue<ReconciliationMessage> };
