/** A Twilio account as one API key knows it. Another key may know the same account. */
export type AccountKey = { apiKeyId: string; accountSid: string };

/** The tokens of an account, sealed. */
export type TwilioAccountRow = {
  auth_token_sealed: string;
  previous_auth_token_sealed: string | null;
  auth_token_changed_at: string | null;
};

/** The health of a whole account, which counts for each of its numbers. */
export type AccountHealth = "ok" | "credentials_rejected" | "unreachable";
