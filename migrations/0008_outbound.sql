-- Outbound calls. docs/storage-schema.md has the details.

-- How many calls of this key may run at once, and how many may go out in a second; null: as the deployment says.
ALTER TABLE api_keys ADD COLUMN concurrent_call_limit INTEGER NOT NULL DEFAULT 10;
ALTER TABLE api_keys ADD COLUMN calls_per_second REAL;
