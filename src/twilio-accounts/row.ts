/** A Twilio account as one API key knows it, in one Region. Another key may know the same account. */
export type AccountKey = {
  id: string;
  apiKeyId: string;
  accountSid: string;
  /** The Twilio Region whose token this is; "" is the Region of TWILIO_API_BASE_URL. */
  region: string;
};

/** The account of a row that has one. */
export function accountOf(row: AccountColumns & { api_key_id: string }): AccountKey {
  return {
    id: row.twilio_account_id,
    apiKeyId: row.api_key_id,
    accountSid: row.account_sid,
    region: row.region,
  };
}

/** What a row of a number has of its account. */
export type AccountColumns = { twilio_account_id: string; account_sid: string; region: string };

/** The credentials of an account, sealed: its Auth Token, or the secret of an API key of it. */
export type TwilioAccountRow = {
  /** null: the Auth Token. */
  api_key_sid: string | null;
  auth_token_sealed: string;
  previous_auth_token_sealed: string | null;
  auth_token_changed_at: string | null;
  signing_keys_sealed: string | null;
};
