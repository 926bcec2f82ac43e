-- Times are ISO 8601 in UTC ("2026-01-31T12:00:00.000Z"): they sort as text and read well at night.
-- docs/storage-schema.md says of each column whether it is plain, hashed or sealed.

CREATE TABLE api_keys (
  id TEXT PRIMARY KEY,              -- nxf_ + 32 hex
  secret_hash TEXT NOT NULL,        -- SHA-256 of the secret, hex; the secret itself is never stored
  name TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT;

CREATE TABLE agents (
  id TEXT PRIMARY KEY,              -- agent_ + 16 hex
  api_key_id TEXT NOT NULL REFERENCES api_keys (id),
  name TEXT NOT NULL,
  system_prompt TEXT,
  welcome_message TEXT,
  language TEXT NOT NULL,           -- BCP 47
  voice_id TEXT,
  is_active INTEGER NOT NULL CHECK (is_active IN (0, 1)),
  webhook_url TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  UNIQUE (id, api_key_id)           -- lets phone_numbers prove that its agent is its own key's
) STRICT;

-- One Twilio account as one API key knows it. Two keys may bring the same account; neither sees the other's token.
CREATE TABLE twilio_accounts (
  api_key_id TEXT NOT NULL REFERENCES api_keys (id),
  account_sid TEXT NOT NULL,        -- AC + 32 hex
  auth_token_sealed TEXT NOT NULL,
  -- The token before the last change. Twilio goes on signing webhooks with the primary token until a new one
  -- is promoted, so signatures by this one stay good for a day (see auth_token_changed_at).
  previous_auth_token_sealed TEXT,
  auth_token_changed_at TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (api_key_id, account_sid)
) STRICT, WITHOUT ROWID;

CREATE TABLE phone_numbers (
  id TEXT PRIMARY KEY,              -- num_ + 32 hex; unguessable, it stands in the webhook URLs
  phone_number TEXT NOT NULL,       -- E.164
  api_key_id TEXT NOT NULL REFERENCES api_keys (id),
  agent_id TEXT,                    -- null: imported, but routed to no agent
  account_sid TEXT NOT NULL,
  twilio_number_sid TEXT NOT NULL,  -- PN + 32 hex
  inbound_enabled INTEGER NOT NULL DEFAULT 1 CHECK (inbound_enabled IN (0, 1)),
  outbound_enabled INTEGER NOT NULL DEFAULT 1 CHECK (outbound_enabled IN (0, 1)),
  -- importing: claimed, and Twilio may or may not point at us yet; active: Twilio points at us.
  state TEXT NOT NULL,
  claim_id TEXT NOT NULL,           -- the import that may write this row while it is importing
  lease_expires_at TEXT,            -- until when that import may be at work; null once active
  previous_configuration_sealed TEXT NOT NULL,  -- what the import overwrote at Twilio, to give it back
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  FOREIGN KEY (agent_id, api_key_id) REFERENCES agents (id, api_key_id),
  FOREIGN KEY (api_key_id, account_sid) REFERENCES twilio_accounts (api_key_id, account_sid)
) STRICT;

-- The 409 of an import: one number, one agent, whoever comes first.
CREATE UNIQUE INDEX phone_numbers_phone_number ON phone_numbers (phone_number);
CREATE INDEX phone_numbers_agent ON phone_numbers (agent_id, api_key_id);
CREATE INDEX phone_numbers_twilio_account ON phone_numbers (api_key_id, account_sid);
CREATE INDEX agents_api_key ON agents (api_key_id);
