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

-- A released number that Twilio could not be told of stays for a week as "returning": hidden from everybody, but kept to
-- give back what it had as soon as Twilio can be told.
ALTER TABLE phone_numbers ADD COLUMN return_attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE phone_numbers ADD COLUMN next_return_at TEXT;   -- null but while returning

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
