-- Events are kept in a Durable Object for each API key. docs/storage-schema.md has the details.
-- The tables before, events, event_attempts and twilio_receipts, are emptied by the cron; a later migration drops them.

-- Events whose outbox does not have them yet: written in the transaction of what they tell of, and deleted when it has.
CREATE TABLE pending_events (
  id TEXT PRIMARY KEY,              -- evt_ + 32 hex
  api_key_id TEXT NOT NULL REFERENCES api_keys (id),
  agent_id TEXT NOT NULL,
  lane TEXT NOT NULL,               -- events of one lane are delivered in order
  type TEXT NOT NULL,
  payload_sealed TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
