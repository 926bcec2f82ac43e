// The log's tables. docs/storage-schema.md describes them. Times in milliseconds.
export const TABLES: readonly string[] = [
  `CREATE TABLE attempts (
     id TEXT PRIMARY KEY,
     kind TEXT NOT NULL,
     -- The request that makes it.
     holder TEXT NOT NULL,
     state TEXT NOT NULL,
     sid TEXT,
     is_guess INTEGER NOT NULL DEFAULT 0,
     -- detected, left
     voicemail TEXT,
     -- Of the number that sends it.
     external_id TEXT,
     created_at INTEGER NOT NULL,
     brief_sealed TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   -- The state that changes is not in it, so that a change writes one row.
   CREATE INDEX attempts_open ON attempts (created_at) WHERE kind = 'call' AND state <> 'ended';
   CREATE INDEX attempts_guessed ON attempts (sid) WHERE is_guess = 1;
   -- An index costs a row for each call, and saves the reading of rows, which costs a thousandth of it: so lists read rows.
   CREATE TABLE calls (
     -- When it was first heard of: milliseconds times 1,024, and then one after the other.
     seq INTEGER PRIMARY KEY,
     call_id TEXT NOT NULL UNIQUE,
     -- The attempt that placed it.
     attempt_id TEXT,
     agent_id TEXT,
     phone_number_id TEXT NOT NULL,
     phone_number TEXT NOT NULL,
     -- Of the number, when the call was first heard of.
     external_id TEXT,
     account_sid TEXT NOT NULL,
     region TEXT NOT NULL,
     direction TEXT NOT NULL,
     status TEXT NOT NULL,
     ended_reason TEXT,
     created_at INTEGER NOT NULL,
     answered_at INTEGER,
     ended_at INTEGER,
     duration_seconds INTEGER,
     recording_sid TEXT,
     parties_sealed TEXT NOT NULL
   ) STRICT;
   -- What was said in a call, and what its runtime has reported of it: so much that a list must not read past it.
   CREATE TABLE talks (
     seq INTEGER PRIMARY KEY,
     transcript_sealed TEXT,
     outcome_sealed TEXT
   ) STRICT;
   -- What its owner has deleted is not written down again if Twilio repeats itself.
   CREATE TABLE deleted_calls (call_id TEXT PRIMARY KEY, deleted_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   -- Texts that are counted, for as long as Twilio may repeat itself.
   CREATE TABLE texts (sid TEXT PRIMARY KEY, counted_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE days (
     day TEXT NOT NULL,
     -- Of the number of its calls and texts, empty if it has none. What an API key may use in a day is counted under the empty one.
     external_id TEXT NOT NULL,
     inbound INTEGER NOT NULL DEFAULT 0,
     outbound INTEGER NOT NULL DEFAULT 0,
     seconds INTEGER NOT NULL DEFAULT 0,
     received INTEGER NOT NULL DEFAULT 0,
     sent INTEGER NOT NULL DEFAULT 0,
     placed INTEGER NOT NULL DEFAULT 0,
     texted INTEGER NOT NULL DEFAULT 0,
     turns INTEGER NOT NULL DEFAULT 0,
     tries INTEGER NOT NULL DEFAULT 0,
     tokens INTEGER NOT NULL DEFAULT 0,
     PRIMARY KEY (day, external_id)
   ) STRICT, WITHOUT ROWID;
   -- How many texts each number has answered in an hour.
   CREATE TABLE replies (
     phone_number TEXT NOT NULL,
     hour INTEGER NOT NULL,
     count INTEGER NOT NULL,
     PRIMARY KEY (phone_number, hour)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX replies_age ON replies (hour)`,
];
