import type { ImportServices } from "../phone-numbers/claim.ts";

/** What the queue of reconciliation carries: one piece of work each. */
export type ReconciliationMessage =
  /** Compare a Twilio account with what is here. */
  | { kind: "check"; apiKeyId: string; accountSid: string }
  /** Finish or undo what an import or a release left behind. */
  | { kind: "settle"; apiKeyId: string; phoneNumber: string };

export type ReconciliationServices = ImportServices & { reconciliation: Queue<ReconciliationMessage> };
