-- Through which of Twilio's Messaging Services a number's texts go.
ALTER TABLE phone_numbers ADD COLUMN messaging_service_sid TEXT;          -- MG…; null: in none, or not known
ALTER TABLE phone_numbers ADD COLUMN messaging_service_checked_at TEXT;   -- when Twilio was last asked; null: never
