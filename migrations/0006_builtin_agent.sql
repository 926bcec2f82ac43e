-- Agents that talk by themselves. docs/storage-schema.md has the details.

ALTER TABLE agents ADD COLUMN talk TEXT;   -- JSON of the settings that differ from their defaults; src/agents/talk.ts

-- When Twilio last refused ConversationRelay to this account. For a day its calls are led by <Gather> at once.
ALTER TABLE twilio_accounts ADD COLUMN relay_refused_at TEXT;
