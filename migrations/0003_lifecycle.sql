-- The whole life of numbers and keys, and requests that may be sent twice. docs/storage-schema.md has the details.

ALTER TABLE api_keys ADD COLUMN rotated_at TEXT;
ALTER TABLE api_keys ADD COLUMN revoked_at TEXT;
CREATE INDEX api_keys_created ON api_keys (created_at, id);

-- How the number was found when it was last compared with Twilio.
ALTER TABLE phone_numbers ADD COLUMN health TEXT NOT NULL DEFAULT 'ok';
ALTER TABLE phone_numbers ADD COLUMN health_reasons TEXT NOT NULL DEFAULT '[]';   -- JSON array of codes
ALTER TABLE phone_numbers ADD COLUMN checked_at TEXT;

DROP INDEX agents_api_key;
CREATE INDEX agents_api_key ON agents (api_key_id, created_at, id);
CREATE INDEX phone_numbers_api_key ON phone_numbers (api_key_id, created_at, id);
DROP INDEX phone_numbers_agent;
CREATE INDEX phone_numbers_agent ON phone_numbers (agent_id, api_key_id, created_at, id);

-- What a released number had before its import, where Twilio could not be told to give it back. A later import of the
-- number finds our URLs there and takes this for what was there before.
CREATE TABLE unreturned_configurations (
  phone_number_id TEXT PRIMARY KEY,     -- the id the row had; the seal is bound to it
  api_key_id TEXT NOT NULL REFERENCES api_keys (id),
  phone_number TEXT NOT NULL,
  twilio_number_sid TEXT NOT NULL,
  previous_configuration_sealed TEXT NOT NULL,
  released_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX unreturned_configurations_number ON unreturned_configurations (api_key_id, phone_number, released_at);
CREATE INDEX unreturned_configurations_released ON unreturned_configurations (released_at);

-- Requests that came with an Idempotency-Key, for a day.
CREATE TABLE idempotency_keys (
  api_key_id TEXT NOT NULL REFERENCES api_keys (id),
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,            -- keyed, of method, path and body; the request itself is not stored
  claim_id TEXT NOT NULL,               -- the request that does the work
  lease_expires_at TEXT,                -- until when it may be at work; null once there is a response
  status INTEGER,
  headers TEXT,                         -- JSON
  response_sealed TEXT,
  expires_at TEXT NOT NULL,
  PRIMARY KEY (api_key_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_expires ON idempotency_keys (expires_at);

-- How many API keys were made from an address in an hour. Cloudflare's rate limits have no period that long.
CREATE TABLE key_creations (
  address_fingerprint TEXT NOT NULL,    -- keyed; the address itself is not stored
  hour TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (address_fingerprint, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX key_creations_hour ON key_creations (hour);
