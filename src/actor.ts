/** Who does something, as the history of a number and the log name them. */
export type Actor = {
  kind: "secret" | "session" | "link" | "operator" | "recovery" | "check";
  /** Of the secret or the link; null: there is only one of the kind. */
  name: string | null;
};

export const OPERATOR: Actor = { kind: "operator", name: null };
export const RECOVERY: Actor = { kind: "recovery", name: null };
export const CHECK: Actor = { kind: "check", name: null };

/** The secret of an API key that a request brings, itself or by a session. */
export type KeySecret = {
  id: string;
  name: string;
  /** The hash of the secret. */
  hash: string;
  scope: "full" | "read";
  /** It sees only numbers with this external id; null: the whole key. */
  externalId: string | null;
  /** Whether it is the one that the key was made with. */
  isFirst: boolean;
  expiresAt: string | null;
};

/** Whose things a request may see and change: those of a key, or of its numbers with one external id. */
export type Owner = { apiKeyId: string; externalId: string | null };
