// The log's tables. docs/storage-objects.md describes them. Times in milliseconds.

export function createCallTables(sql: SqlStorage): void {
  sql.exec(`CREATE TABLE IF NOT EXISTS calls (
    -- When it was first heard of: milliseconds times 1,024, and then one after the other.
    seq INTEGER PRIMARY KEY,
    call_id TEXT NOT NULL UNIQUE,
    agent_id TEXT,
    phone_number_id TEXT NOT NULL,
    phone_number TEXT NOT NULL,
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
    parties_sealed TEXT NOT NULL,
    transcript_sealed TEXT) STRICT`);
  sql.exec("CREATE INDEX IF NOT EXISTS calls_of_agent ON calls (agent_id, seq)");
  sql.exec("CREATE INDEX IF NOT EXISTS calls_of_number ON calls (phone_number, seq)");
  // Most calls are completed inbound ones, which a list meets without an index. The others have one.
  sql.exec(
    "CREATE INDEX IF NOT EXISTS calls_not_completed ON calls (status, seq) WHERE status <> 'completed'",
  );
  sql.exec("CREATE INDEX IF NOT EXISTS calls_outbound ON calls (seq) WHERE direction = 'outbound'");
  // How many ended calls there are: counting them one by one would take as long as there are calls.
  sql.exec(`CREATE TABLE IF NOT EXISTS ended_counts (
    agent_id TEXT NOT NULL, phone_number TEXT NOT NULL, direction TEXT NOT NULL, status TEXT NOT NULL,
    count INTEGER NOT NULL, PRIMARY KEY (phone_number, agent_id, direction, status)) STRICT, WITHOUT ROWID`);
  sql.exec("CREATE INDEX IF NOT EXISTS ended_counts_of_agent ON ended_counts (agent_id)");
  // What its owner has deleted is not written down again if Twilio repeats itself.
  sql.exec(
    "CREATE TABLE IF NOT EXISTS deleted_calls (call_id TEXT PRIMARY KEY, deleted_at INTEGER NOT NULL) STRICT, WITHOUT ROWID",
  );
  // Texts that are counted, for as long as Twilio may repeat itself.
  sql.exec(
    "CREATE TABLE IF NOT EXISTS texts (sid TEXT PRIMARY KEY, counted_at INTEGER NOT NULL) STRICT, WITHOUT ROWID",
  );
  sql.exec(`CREATE TABLE IF NOT EXISTS days (
    day TEXT PRIMARY KEY, inbound INTEGER NOT NULL DEFAULT 0, outbound INTEGER NOT NULL DEFAULT 0,
    seconds INTEGER NOT NULL DEFAULT 0, received INTEGER NOT NULL DEFAULT 0, sent INTEGER NOT NULL DEFAULT 0)
    STRICT, WITHOUT ROWID`);
}
