-- Keeping numbers true: when each Twilio account is compared with what is here, and what was found.
-- docs/storage-schema.md has the details.

ALTER TABLE twilio_accounts ADD COLUMN next_check_at TEXT NOT NULL DEFAULT '1970-01-01T00:00:00.000Z';
ALTER TABLE twilio_accounts ADD COLUMN checked_at TEXT;             -- when it was last compared as a whole
ALTER TABLE twilio_accounts ADD COLUMN check_failures INTEGER NOT NULL DEFAULT 0;   -- in a row
ALTER TABLE twilio_accounts ADD COLUMN health TEXT NOT NULL DEFAULT 'ok';
ALTER TABLE twilio_accounts ADD COLUMN check_claim_id TEXT;         -- the check that is at work
ALTER TABLE twilio_accounts ADD COLUMN check_lease_expires_at TEXT; -- until when it may be
ALTER TABLE twilio_accounts ADD COLUMN check_position TEXT NOT NULL DEFAULT '';     -- the last SID a run did not get beyond
CREATE INDEX twilio_accounts_due ON twilio_accounts (next_check_at);
CREATE INDEX twilio_accounts_sid ON twilio_accounts (account_sid, check_lease_expires_at);

ALTER TABLE phone_numbers ADD COLUMN drift_policy TEXT NOT NULL DEFAULT 'repair'
  CHECK (drift_policy IN ('repair', 'report'));
-- Twilio has said of a number that does not say so itself that it cannot text; its SMS side is not ours.
ALTER TABLE phone_numbers ADD COLUMN sms_refused INTEGER NOT NULL DEFAULT 0 CHECK (sms_refused IN (0, 1));
ALTER TABLE phone_numbers ADD COLUMN repaired_at TEXT;              -- when it was last repaired
ALTER TABLE phone_numbers ADD COLUMN repairs INTEGER NOT NULL DEFAULT 0;   -- in a row, each soon after the one before

DROP INDEX phone_numbers_twilio_account;
CREATE INDEX phone_numbers_twilio_account ON phone_numbers (api_key_id, account_sid, twilio_number_sid);
-- What an import or a release left unfinished.
CREATE INDEX phone_numbers_unfinished ON phone_numbers (lease_expires_at) WHERE state <> 'active';
CREATE INDEX phone_numbers_health ON phone_numbers (api_key_id, account_sid, health) WHERE state = 'active';

-- How far sealed columns have been gone through for the current sealing key.
CREATE TABLE reseal_progress (
  column_name TEXT PRIMARY KEY,
  key_id TEXT NOT NULL,
  position TEXT NOT NULL,           -- the primary key of the last row looked at, as JSON; "[]" at the beginning
  found INTEGER NOT NULL,           -- how many rows of older keys this pass has met
  done_at TEXT                      -- when a whole pass met none
) STRICT, WITHOUT ROWID;

-- What was replaced and no longer counts is forgotten.
CREATE INDEX twilio_accounts_previous ON twilio_accounts (auth_token_changed_at)
  WHERE previous_auth_token_sealed IS NOT NULL;
CREATE INDEX webhook_secrets_previous ON webhook_secrets (rotated_at) WHERE previous_secret_sealed IS NOT NULL;
