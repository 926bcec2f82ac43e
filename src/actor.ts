/** Who does something, as the history of a number and the log name them. */
export type Actor = {
  kind: "secret" | "session" | "link" | "operator" | "recovery" | "check";
  /** Of the secret or the link; null: there is only one of the kind. */
  name: string | null;
};

export const OPERATOR: Actor = { kind: "operator", name: null };
export const RECOVERY: Actor = { kind: "recovery", name: null };
export const CHECK: Actor = { kind: "check", name: null };

/** A secret of an API key, as its key sees it. */
export type SecretRow = {
  id: string;
  name: string;
  /** Whether the key was made with it. */
  is_first: 0 | 1;
  scope: "full" | "read";
  /** It sees only numbers with this external id; null: the whole key. */
  external_id: string | null;
  created_at: string;
  expires_at: string | null;
  last_used_on: string | null;
};

/** The one that a request brings, itself or by a session. */
export type KeySecret = SecretRow & { secret_hash: string; api_key_id: string; jurisdiction: string | null };

/** Whose things a request may see and change: those of a key, or of its numbers with one external id. */
export type Owner = { apiKeyId: string; externalId: string | null };
