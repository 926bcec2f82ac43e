// The health of a Twilio account. No I/O here.

/** What can be wrong with an account, the most serious first. */
export const ACCOUNT_REASONS = [
  /** Twilio refuses the credentials, so we know nothing about the account's numbers. */
  "credentials_rejected",
  /** Requests are signed by a key of a Webhook Rule's that we do not have. */
  "signed_by_other_key",
  /** Several requests in a row had signatures that do not fit the token. */
  "signatures_refused",
  /** No request has shown yet that Twilio signs with the account's SharedKey. */
  "signatures_unproven",
  /** Twilio does not answer. */
  "unreachable",
] as const;

export type AccountReason = (typeof ACCOUNT_REASONS)[number];
/** The health of a whole account, which counts for each of its numbers. */
export type AccountHealth = AccountReason | "ok";
export type SignatureReason = Extract<AccountReason, "signed_by_other_key" | "signatures_refused">;

/** What we learn of an account: how Twilio's REST API takes its credentials, or who signs its requests. */
export type Learnt =
  | "accepted"
  | "credentials_rejected"
  | "unreachable"
  | "signature_verified"
  | "signing_key_proven"
  | SignatureReason;

/**
 * What each thing that we learn disproves. A good answer of the REST API says nothing about who signs, and no answer says
 * nothing at all.
 */
export const DISPROVES: Record<Learnt, readonly AccountReason[]> = {
  accepted: ["credentials_rejected", "unreachable"],
  credentials_rejected: ["unreachable"],
  unreachable: [],
  signature_verified: ["signed_by_other_key", "signatures_refused"],
  signing_key_proven: ["signed_by_other_key", "signatures_refused", "signatures_unproven"],
  signed_by_other_key: [],
  signatures_refused: [],
};

/** What is wrong with an account after we have learnt something; the first is its health. */
export function reasonsAfter(before: readonly AccountReason[], learnt: Learnt): AccountReason[] {
  return ACCOUNT_REASONS.filter(
    (reason) => reason === learnt || (before.includes(reason) && !DISPROVES[learnt].includes(reason)),
  );
}

/** Whether what we learn disproves one of the account's reasons. */
export function isDisproved(reasons: string, learnt: Learnt): boolean {
  return parseAccountReasons(reasons).some((reason) => DISPROVES[learnt].includes(reason));
}

export function parseAccountReasons(json: string): AccountReason[] {
  return JSON.parse(json) as AccountReason[];
}
