-- How an agent takes calls, and what customers are told of them. docs/storage-schema.md has the details.

ALTER TABLE agents ADD COLUMN connect TEXT;    -- JSON: how a call is handed to the agent's runtime; null: welcome, hang up
ALTER TABLE agents ADD COLUMN fallback TEXT;   -- JSON: what a caller gets where the runtime cannot be reached
ALTER TABLE agents ADD COLUMN record INTEGER NOT NULL DEFAULT 0 CHECK (record IN (0, 1));

ALTER TABLE phone_numbers ADD COLUMN first_inbound_at TEXT;
ALTER TABLE phone_numbers ADD COLUMN last_inbound_at TEXT;   -- at most a minute behind

-- What signs the events of an API key.
CREATE TABLE webhook_secrets (
  api_key_id TEXT PRIMARY KEY REFERENCES api_keys (id),
  secret_sealed TEXT NOT NULL,
  -- The secret before the last rotation; it signs beside the present one for a day.
  previous_secret_sealed TEXT,
  rotated_at TEXT,
  created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What Twilio has told us already. It repeats itself, and each thing that happened is one event.
CREATE TABLE twilio_receipts (
  key TEXT PRIMARY KEY,             -- <phone number id>/<what>/<SID>/<status>
  received_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX twilio_receipts_received ON twilio_receipts (received_at);

-- An event and its delivery to the agent's webhook_url.
CREATE TABLE events (
  id TEXT PRIMARY KEY,              -- evt_ + 32 hex
  api_key_id TEXT NOT NULL REFERENCES api_keys (id),
  agent_id TEXT NOT NULL,           -- its webhook_url at the time of each attempt is where the event goes
  type TEXT NOT NULL,
  payload_sealed TEXT NOT NULL,     -- the body that is sent: telephone numbers, words of a text
  state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
  attempts_left INTEGER NOT NULL,
  next_attempt_at TEXT,             -- null once delivered or failed
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT;
CREATE INDEX events_due ON events (next_attempt_at) WHERE state = 'pending';
CREATE INDEX events_api_key ON events (api_key_id, created_at, id);
CREATE INDEX events_api_key_state ON events (api_key_id, state, created_at, id);
CREATE INDEX events_created ON events (created_at);

CREATE TABLE event_attempts (
  event_id TEXT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
  attempted_at TEXT NOT NULL,
  http_status INTEGER,              -- null where no answer came
  error TEXT,                       -- null where it was delivered
  duration_ms INTEGER NOT NULL,
  PRIMARY KEY (event_id, attempted_at)
) STRICT, WITHOUT ROWID;
