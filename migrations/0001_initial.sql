-- Times are ISO 8601 in UTC ("2026-01-31T12:00:00.000Z"): they sort as text and read well at night.
-- docs/storage-schema.md says of each column whether it is plain, hashed or sealed.
-- Until version 1.0.0 this file is edited in place. From then on a migration only adds (test/migrations).

CREATE TABLE api_keys (
  id TEXT PRIMARY KEY,              -- nxf_ + 32 hex
  name TEXT NOT NULL,
  created_at TEXT NOT NULL,
  rotated_at TEXT,                  -- when its first secret was last replaced
  revoked_at TEXT,
  limits TEXT,                      -- JSON of what differs from DEFAULT_LIMITS; src/limits.ts
  kept_on TEXT,                     -- the day of kept_bytes
  kept_bytes INTEGER NOT NULL DEFAULT 0,       -- what idempotency has kept of answers on that day
  jurisdiction TEXT,                -- where its objects live, as below; null: it was never used
  webhook_url TEXT,                 -- where events go that are of no agent, or of one without a webhook_url
  has_objects INTEGER NOT NULL DEFAULT 0 CHECK (has_objects IN (0, 1)),   -- it may have an outbox and a call log
  -- JSON: into how many parts its call log and its outbox are and were split, each since when; null: never. src/parts.ts
  call_log_parts TEXT,
  outbox_parts TEXT
) STRICT;
CREATE INDEX api_keys_created ON api_keys (created_at, id);

-- The secrets of each API key: the one it was made with, and up to 999 others.
CREATE TABLE key_secrets (
  id TEXT PRIMARY KEY,              -- sec_ + 32 hex
  api_key_id TEXT NOT NULL REFERENCES api_keys (id),
  secret_hash TEXT NOT NULL,        -- SHA-256 of the secret, hex; the secret itself is never stored
  is_first INTEGER NOT NULL CHECK (is_first IN (0, 1)),   -- POST /v1/keys/rotate replaces this one
  name TEXT NOT NULL,
  scope TEXT NOT NULL CHECK (scope IN ('full', 'read')),
  external_id TEXT,                 -- it sees only numbers with this one; null: the whole key
  created_at TEXT NOT NULL,
  expires_at TEXT,                  -- null: never
  last_used_on TEXT,                -- the UTC day; null: it was never used
  UNIQUE (api_key_id, secret_hash), -- a request finds its secret by this
  UNIQUE (api_key_id, name)
) STRICT;
CREATE INDEX key_secrets_created ON key_secrets (api_key_id, created_at, id);

-- One row: the jurisdiction of the first request. Objects of another one would be others.
CREATE TABLE deployment (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  jurisdiction TEXT NOT NULL        -- JURISDICTION, such as eu; '' if the deployment has none
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
  connect TEXT,                     -- JSON: how a call is handed to the agent's runtime; null: welcome, hang up
  fallback TEXT,                    -- JSON: what a caller hears if the runtime does not answer
  record INTEGER NOT NULL DEFAULT 0 CHECK (record IN (0, 1)),
  talk TEXT,                        -- JSON of the settings that differ from their defaults; src/agents/talk.ts
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  UNIQUE (id, api_key_id)           -- lets phone_numbers prove that its agent is its own key's
) STRICT;
CREATE INDEX agents_api_key ON agents (api_key_id, created_at, id);

-- One Twilio account in one Region, as one API key knows it. Two keys may bring the same account; neither sees the
-- other's token.
CREATE TABLE twilio_accounts (
  id TEXT PRIMARY KEY,              -- twa_ + 32 hex; stands in the URLs that Twilio calls
  api_key_id TEXT NOT NULL REFERENCES api_keys (id),
  account_sid TEXT NOT NULL,        -- AC + 32 hex
  region TEXT NOT NULL DEFAULT '',  -- '': the Region of TWILIO_API_BASE_URL
  connected_at TEXT,                -- when its owner connected it; null: it came with an import, and goes with its last number
  consented_numbers TEXT,           -- JSON array: it came by a connect link, for these numbers only; null: for all
  friendly_name TEXT,
  api_key_sid TEXT,                 -- SK + 32 hex of an API key at Twilio, in place of the Auth Token; null: by the token
  auth_token_sealed TEXT NOT NULL,  -- the Auth Token, or the secret of the API key
  -- A sealed list of the tokens before. Twilio signs webhooks with the primary token until a new one is promoted, so
  -- signatures by these stay good for a day (see auth_token_changed_at).
  previous_auth_token_sealed TEXT,
  auth_token_changed_at TEXT,
  -- A sealed list of the SharedKeys that sign webhooks, the newest first; one that was replaced stays good for a day.
  signing_keys_sealed TEXT,
  -- JSON: the SharedKey, Setting and Rule that this service has made at Twilio, or why not; null: nothing is there of it
  made_at_twilio TEXT,
  signing_due_at TEXT,              -- when work on them goes on; null: there is none
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  next_check_at TEXT DEFAULT '1970-01-01T00:00:00.000Z',   -- null: not while it has no number
  checked_at TEXT,                  -- when all of its numbers were last compared with Twilio
  check_failures INTEGER NOT NULL DEFAULT 0,   -- in a row
  health_reasons TEXT NOT NULL DEFAULT '[]',   -- JSON array of codes, the most serious first
  health TEXT NOT NULL GENERATED ALWAYS AS (COALESCE(json_extract(health_reasons, '$[0]'), 'ok')) VIRTUAL,
  check_holder TEXT,                -- the check or recovery that has the account's lease; null: nobody
  check_lease_expires_at TEXT,
  check_position TEXT NOT NULL DEFAULT '',     -- where a check that was cut short continues: the last SID it compared
  routing_position TEXT NOT NULL DEFAULT '',   -- the last SID whose routing record was read
  routing_checked_at TEXT,          -- when a check last read one
  webhook_rule TEXT,                -- JSON: the Webhook Rule that covers our address; null: none, or not known
  webhook_rules_checked_at TEXT,    -- when a check last asked for it; null: never
  relay_refused_at TEXT,            -- when Twilio last refused ConversationRelay; for a day, calls use <Gather>
  UNIQUE (api_key_id, account_sid, region)
) STRICT, WITHOUT ROWID;
CREATE INDEX twilio_accounts_api_key ON twilio_accounts (api_key_id, created_at, id);
CREATE INDEX twilio_accounts_unused_consent ON twilio_accounts (connected_at) WHERE consented_numbers = '[]';
CREATE INDEX twilio_accounts_made ON twilio_accounts (signing_due_at, connected_at) WHERE made_at_twilio IS NOT NULL;
CREATE INDEX twilio_accounts_due ON twilio_accounts (next_check_at);
CREATE INDEX twilio_accounts_sid ON twilio_accounts (account_sid, check_lease_expires_at);
CREATE INDEX twilio_accounts_previous ON twilio_accounts (auth_token_changed_at)
  WHERE previous_auth_token_sealed IS NOT NULL;

CREATE TABLE phone_numbers (
  -- num_ + 32 hex + 16 hex of an HMAC of them under ID_SECRET; unguessable, it stands in the URLs that Twilio calls
  id TEXT PRIMARY KEY,
  phone_number TEXT NOT NULL,       -- E.164
  api_key_id TEXT NOT NULL REFERENCES api_keys (id),
  country TEXT NOT NULL DEFAULT '', -- ISO 3166-1 alpha-2 of the number; '': it belongs to none
  agent_id TEXT,                    -- null: imported, but routed to no agent
  twilio_account_id TEXT NOT NULL REFERENCES twilio_accounts (id),   -- of the same API key
  twilio_number_sid TEXT NOT NULL,  -- PN + 32 hex
  inbound_enabled INTEGER NOT NULL DEFAULT 1 CHECK (inbound_enabled IN (0, 1)),
  outbound_enabled INTEGER NOT NULL DEFAULT 1 CHECK (outbound_enabled IN (0, 1)),
  channels TEXT NOT NULL DEFAULT '["voice","sms"]',   -- JSON array: what is taken over of what comes in
  -- The channel that is being added or given back: Twilio may or may not point it at us. Recovery gives it back.
  changing_channel TEXT CHECK (changing_channel IN ('voice', 'sms')),
  -- importing: Twilio may or may not point at us yet; active: it does; releasing: being given back; returning: hidden
  -- from everybody, and given back as soon as Twilio can be reached.
  state TEXT NOT NULL,
  lease_holder TEXT NOT NULL,       -- the import, release or repair that may write this row until its lease expires
  lease_expires_at TEXT,            -- null: nobody is at work
  next_attempt_at TEXT,             -- recovery leaves an unfinished row alone until then; null: no need to wait
  recovery_attempts INTEGER NOT NULL DEFAULT 0,
  -- Until when Twilio may still carry out an update whose outcome is unknown. The row is not deleted before.
  outcome_unknown_until TEXT,
  previous_configuration_sealed TEXT NOT NULL,  -- what was overwritten at Twilio, to give it back: each channel as it was found
  first_inbound_at TEXT,
  last_inbound_at TEXT,             -- written at most once an hour
  health_reasons TEXT NOT NULL DEFAULT '[]',   -- JSON array of codes, the most serious first
  health TEXT NOT NULL GENERATED ALWAYS AS (COALESCE(json_extract(health_reasons, '$[0]'), 'ok')) VIRTUAL,
  checked_at TEXT,
  missing_since TEXT,               -- its account no longer has it, or cannot be asked while another has it; null: it has
  drift_policy TEXT NOT NULL DEFAULT 'repair' CHECK (drift_policy IN ('repair', 'report')),
  repaired_at TEXT,
  repairs INTEGER NOT NULL DEFAULT 0,          -- in a row, each soon after the one before
  messaging_service_sid TEXT,       -- MG…; null: in none, or not known
  messaging_service_checked_at TEXT,           -- when Twilio was last asked for it; null: never
  external_id TEXT,                 -- the customer's own id; not unique
  label TEXT,                       -- for people
  metadata TEXT,                    -- JSON: a flat object of texts; null: none
  settings TEXT,                    -- JSON of what it has instead of its agent's; src/phone-numbers/settings.ts
  warnings TEXT NOT NULL DEFAULT '[]',         -- JSON array of what keeps its texts from arriving; no part of its health
  texts_checked_at TEXT,            -- when Twilio was last asked for that; null: never
  connect_link_id TEXT,             -- by which its owner brought it; null: by none
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  FOREIGN KEY (agent_id, api_key_id) REFERENCES agents (id, api_key_id)
) STRICT;
-- The 409 of an import: one number, one owner, whoever comes first.
CREATE UNIQUE INDEX phone_numbers_phone_number ON phone_numbers (phone_number);
CREATE INDEX phone_numbers_agent ON phone_numbers (agent_id, api_key_id, created_at, id);
CREATE INDEX phone_numbers_api_key ON phone_numbers (api_key_id, created_at, id);
CREATE INDEX phone_numbers_external_id ON phone_numbers (api_key_id, external_id, created_at, id)
  WHERE external_id IS NOT NULL;
CREATE INDEX phone_numbers_country ON phone_numbers (api_key_id, country) WHERE state = 'active';
CREATE INDEX phone_numbers_twilio_account ON phone_numbers (twilio_account_id, twilio_number_sid, channels);
CREATE INDEX phone_numbers_unfinished ON phone_numbers (lease_expires_at)
  WHERE state <> 'active' OR changing_channel IS NOT NULL;
CREATE INDEX phone_numbers_health ON phone_numbers (api_key_id, twilio_account_id, health) WHERE state = 'active';

-- Numbers that were released within a day, with what verifies Twilio's reports of calls and texts that outlive the release.
CREATE TABLE released_numbers (
  id TEXT NOT NULL,                 -- as the number had it
  twilio_account_id TEXT NOT NULL,
  api_key_id TEXT NOT NULL REFERENCES api_keys (id),
  agent_id TEXT,
  phone_number TEXT NOT NULL,
  account_sid TEXT NOT NULL,
  region TEXT NOT NULL,
  api_key_sid TEXT,                 -- of the account, as it and the others were then
  auth_token_sealed TEXT NOT NULL,
  previous_auth_token_sealed TEXT,
  auth_token_changed_at TEXT,
  signing_keys_sealed TEXT,
  external_id TEXT,                 -- as the number had them
  label TEXT,
  metadata TEXT,
  connect_link_id TEXT,
  released_at TEXT NOT NULL,
  PRIMARY KEY (id, twilio_account_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX released_numbers_age ON released_numbers (released_at);

-- What signs the events of an API key.
CREATE TABLE webhook_secrets (
  api_key_id TEXT PRIMARY KEY REFERENCES api_keys (id),
  secret_sealed TEXT NOT NULL,
  previous_secret_sealed TEXT,      -- a sealed list; each signs beside the present one for a day
  rotated_at TEXT,
  created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_secrets_previous ON webhook_secrets (rotated_at) WHERE previous_secret_sealed IS NOT NULL;

-- Events that are not in their outbox yet: written in the transaction of what they report, and deleted when the outbox
-- has them.
CREATE TABLE pending_events (
  id TEXT NOT NULL,                 -- evt_ + 32 hex
  api_key_id TEXT NOT NULL REFERENCES api_keys (id),
  agent_id TEXT NOT NULL,           -- whose webhook_url it goes to; '': the key's own
  lane TEXT NOT NULL,               -- events of one lane are delivered in order
  external_id TEXT,                 -- of the number it happened to, as it was then
  type TEXT NOT NULL,
  actor TEXT,                       -- JSON: who made it happen; null: Twilio, or a caller
  payload_sealed TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (api_key_id, created_at, id)     -- the order in which a key's events are moved
) STRICT, WITHOUT ROWID;

-- The bulk imports of each API key. Their numbers are in a Durable Object each; docs/storage-schema.md.
CREATE TABLE phone_number_imports (
  id TEXT PRIMARY KEY,              -- imp_ + 32 hex, the name of the object
  api_key_id TEXT NOT NULL REFERENCES api_keys (id),
  created_at TEXT NOT NULL,
  ended_at TEXT                     -- null: not finished; an API key may have a few of these at a time
) STRICT, WITHOUT ROWID;
CREATE INDEX phone_number_imports_by_key ON phone_number_imports (api_key_id, created_at, id);
CREATE INDEX phone_number_imports_unfinished ON phone_number_imports (api_key_id) WHERE ended_at IS NULL;
CREATE INDEX phone_number_imports_by_time ON phone_number_imports (created_at);

-- Links by which end customers connect their own Twilio accounts.
CREATE TABLE connect_links (
  id TEXT PRIMARY KEY,              -- link_ + 32 hex
  token_hash TEXT NOT NULL,         -- SHA-256 of the token in its URL, hex; the token itself is never stored
  api_key_id TEXT NOT NULL REFERENCES api_keys (id),
  agent_id TEXT NOT NULL,           -- who answers the numbers; it may have been deleted since
  channels TEXT,                    -- JSON array: what the imports take over; null: all that a number can
  external_id TEXT,                 -- of the numbers, as are the next two
  label TEXT,
  metadata TEXT,
  brand_name TEXT,
  redirect_url TEXT,
  max_numbers INTEGER NOT NULL,
  twilio_account_id TEXT,           -- the account that it has connected; it may be gone since
  numbers TEXT NOT NULL DEFAULT '[]',          -- JSON array of those that it has brought
  failures INTEGER NOT NULL DEFAULT 0,         -- how often Twilio has refused credentials
  lease_holder TEXT,                -- the request that tries credentials or imports
  lease_expires_at TEXT,            -- null: nobody is at work
  completed_at TEXT,                -- when it brought the last number that it may
  locked_at TEXT,                   -- when it had too many failures
  expires_at TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX connect_links_token ON connect_links (token_hash);
CREATE INDEX connect_links_api_key ON connect_links (api_key_id, created_at, id);
CREATE INDEX connect_links_expires ON connect_links (expires_at);

-- Requests that came with an Idempotency-Key, for a day.
CREATE TABLE idempotency_keys (
  api_key_id TEXT NOT NULL REFERENCES api_keys (id),
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,        -- keyed, of method, path and body; the request itself is not stored
  lease_holder TEXT NOT NULL,       -- the request that does the work
  lease_expires_at TEXT,            -- until when it may be at work; null once there is a response
  status INTEGER,
  headers TEXT,                     -- JSON: [[name, value]]
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

-- How far sealed columns have been resealed under the current sealing key.
CREATE TABLE reseal_progress (
  column_name TEXT PRIMARY KEY,
  key_id TEXT NOT NULL,
  position TEXT NOT NULL,           -- the primary key of the last row looked at, as JSON; "[]" at the beginning
  found INTEGER NOT NULL,           -- how many rows of older keys this pass has met
  done_at TEXT,                     -- when a whole pass met none
  canary TEXT NOT NULL              -- sealed by the oldest key that the column may still need; GET /healthz opens it
) STRICT, WITHOUT ROWID;
