-- Twilio's Regions: an account has credentials of its own in each, and each Region has its own record of a number.
-- docs/storage-schema.md has the details.

-- Both tables are made anew, because the Region becomes part of an account's primary key. '' is the Region of
-- TWILIO_API_BASE_URL, in which everything was imported before.
PRAGMA defer_foreign_keys = true;

CREATE TABLE twilio_accounts_with_region (
  api_key_id TEXT NOT NULL REFERENCES api_keys (id),
  account_sid TEXT NOT NULL,        -- AC + 32 hex
  region TEXT NOT NULL DEFAULT '',
  auth_token_sealed TEXT NOT NULL,
  -- The token before the last change. Twilio goes on signing webhooks with the primary token until a new one
  -- is promoted, so signatures by this one stay good for a day (see auth_token_changed_at).
  previous_auth_token_sealed TEXT,
  auth_token_changed_at TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  next_check_at TEXT NOT NULL DEFAULT '1970-01-01T00:00:00.000Z',
  checked_at TEXT,                  -- when it was last compared as a whole
  check_failures INTEGER NOT NULL DEFAULT 0,   -- in a row
  health TEXT NOT NULL DEFAULT 'ok',
  check_claim_id TEXT,              -- the check that is at work
  check_lease_expires_at TEXT,      -- until when it may be
  check_position TEXT NOT NULL DEFAULT '',     -- the last SID a run did not get beyond
  routing_position TEXT NOT NULL DEFAULT '',   -- the last SID whose routing record was read
  routing_checked_at TEXT,          -- when a check last read one
  PRIMARY KEY (api_key_id, account_sid, region)
) STRICT, WITHOUT ROWID;

INSERT INTO twilio_accounts_with_region (api_key_id, account_sid, auth_token_sealed, previous_auth_token_sealed,
  auth_token_changed_at, created_at, updated_at, next_check_at, checked_at, check_failures, health, check_claim_id,
  check_lease_expires_at, check_position)
SELECT api_key_id, account_sid, auth_token_sealed, previous_auth_token_sealed,
  auth_token_changed_at, created_at, updated_at, next_check_at, checked_at, check_failures, health, check_claim_id,
  check_lease_expires_at, check_position
FROM twilio_accounts;

CREATE TABLE phone_numbers_with_region (
  id TEXT PRIMARY KEY,              -- num_ + 32 hex; unguessable, it stands in the webhook URLs
  phone_number TEXT NOT NULL,       -- E.164
  api_key_id TEXT NOT NULL REFERENCES api_keys (id),
  agent_id TEXT,                    -- null: imported, but routed to no agent
  account_sid TEXT NOT NULL,
  region TEXT NOT NULL DEFAULT '',  -- that of its account
  twilio_number_sid TEXT NOT NULL,  -- PN + 32 hex
  inbound_enabled INTEGER NOT NULL DEFAULT 1 CHECK (inbound_enabled IN (0, 1)),
  outbound_enabled INTEGER NOT NULL DEFAULT 1 CHECK (outbound_enabled IN (0, 1)),
  state TEXT NOT NULL,              -- importing, active, releasing, returning
  claim_id TEXT NOT NULL,           -- who may write this row while its lease has not expired
  lease_expires_at TEXT,
  previous_configuration_sealed TEXT NOT NULL,  -- what the import overwrote at Twilio
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  first_inbound_at TEXT,
  last_inbound_at TEXT,
  health TEXT NOT NULL DEFAULT 'ok',
  health_reasons TEXT NOT NULL DEFAULT '[]',   -- JSON array of codes
  checked_at TEXT,
  return_attempts INTEGER NOT NULL DEFAULT 0,
  next_return_at TEXT,              -- until when recovery leaves the row alone
  -- Until when Twilio may still carry out an update whose outcome is unknown. The row is not deleted before.
  outcome_unknown_until TEXT,
  drift_policy TEXT NOT NULL DEFAULT 'repair' CHECK (drift_policy IN ('repair', 'report')),
  sms_refused INTEGER NOT NULL DEFAULT 0 CHECK (sms_refused IN (0, 1)),
  repaired_at TEXT,                 -- when it was last repaired
  repairs INTEGER NOT NULL DEFAULT 0,          -- in a row, each soon after the one before
  FOREIGN KEY (agent_id, api_key_id) REFERENCES agents (id, api_key_id),
  FOREIGN KEY (api_key_id, account_sid, region) REFERENCES twilio_accounts_with_region (api_key_id, account_sid, region)
) STRICT;

INSERT INTO phone_numbers_with_region (id, phone_number, api_key_id, agent_id, account_sid, twilio_number_sid,
  inbound_enabled, outbound_enabled, state, claim_id, lease_expires_at, previous_configuration_sealed, created_at,
  updated_at, first_inbound_at, last_inbound_at, health, health_reasons, checked_at, return_attempts, next_return_at,
  drift_policy, sms_refused, repaired_at, repairs)
SELECT id, phone_number, api_key_id, agent_id, account_sid, twilio_number_sid,
  inbound_enabled, outbound_enabled, state, claim_id, lease_expires_at, previous_configuration_sealed, created_at,
  updated_at, first_inbound_at, last_inbound_at, health, health_reasons, checked_at, return_attempts, next_return_at,
  drift_policy, sms_refused, repaired_at, repairs
FROM phone_numbers;

DROP TABLE phone_numbers;
DROP TABLE twilio_accounts;
-- SQLite changes the foreign key's target with the name.
ALTER TABLE twilio_accounts_with_region RENAME TO twilio_accounts;
ALTER TABLE phone_numbers_with_region RENAME TO phone_numbers;

CREATE UNIQUE INDEX phone_numbers_phone_number ON phone_numbers (phone_number);
CREATE INDEX phone_numbers_agent ON phone_numbers (agent_id, api_key_id, created_at, id);
CREATE INDEX phone_numbers_api_key ON phone_numbers (api_key_id, created_at, id);
CREATE INDEX phone_numbers_twilio_account ON phone_numbers (api_key_id, account_sid, region, twilio_number_sid);
CREATE INDEX phone_numbers_unfinished ON phone_numbers (lease_expires_at) WHERE state <> 'active';
CREATE INDEX phone_numbers_health ON phone_numbers (api_key_id, account_sid, region, health) WHERE state = 'active';
CREATE INDEX twilio_accounts_due ON twilio_accounts (next_check_at);
CREATE INDEX twilio_accounts_sid ON twilio_accounts (account_sid, check_lease_expires_at);
CREATE INDEX twilio_accounts_previous ON twilio_accounts (auth_token_changed_at)
  WHERE previous_auth_token_sealed IS NOT NULL;
