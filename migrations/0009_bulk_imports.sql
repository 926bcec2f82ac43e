-- Which API key has which bulk imports. Their numbers are in a Durable Object each; docs/storage-objects.md has the details.
CREATE TABLE phone_number_imports (
  id TEXT PRIMARY KEY,              -- imp_ + 32 hex, the name of the object
  api_key_id TEXT NOT NULL REFERENCES api_keys (id),
  created_at TEXT NOT NULL,
  ended_at TEXT                     -- null: not finished; an API key may have a few of these at a time
) STRICT, WITHOUT ROWID;

CREATE INDEX phone_number_imports_by_key ON phone_number_imports (api_key_id, created_at, id);
CREATE INDEX phone_number_imports_unfinished ON phone_number_imports (api_key_id) WHERE ended_at IS NULL;
CREATE INDEX phone_number_imports_by_time ON phone_number_imports (created_at);
