import { exec } from "../../database.ts";
import { hasTables, keepTables } from "../../objects.ts";

/** The tables of an outbox. @internal */
export const TABLES: readonly string[] = [
  `CREATE TABLE events (
     -- When it was taken in: milliseconds times 1,024, and then one after the other.
     seq INTEGER PRIMARY KEY,
     -- No index has it: a repetition comes within minutes, and is known in memory.
     id TEXT NOT NULL,
     -- Whose webhook_url it goes to; '': the API key's own.
     agent_id TEXT NOT NULL,
     lane TEXT NOT NULL,
     external_id TEXT,
     type TEXT NOT NULL,
     -- JSON: who made it happen; null: Twilio, or a caller.
     actor TEXT,
     state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
     attempts_left INTEGER NOT NULL,
     -- Null until an attempt has failed or was put off, and when it is settled: most events never have an entry in the index.
     next_attempt_at INTEGER,
     -- When it was taken in, or last delivered anew.
     queued_at INTEGER NOT NULL,
     -- JSON: [{at, status, error, ms}].
     attempts TEXT NOT NULL DEFAULT '[]',
     created_at INTEGER NOT NULL,
     updated_at INTEGER NOT NULL,
     payload_sealed TEXT NOT NULL
   ) STRICT;
   CREATE INDEX events_waiting ON events (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
   CREATE INDEX events_failed ON events (seq) WHERE state = 'failed';
   -- What happened to a number itself, which is rare: no call and no text has an entry.
   CREATE INDEX events_of_number ON events (lane, seq) WHERE type >= 'number.' AND type < 'number/';
   -- What was delivered, without its bodies: many deliveries are one row, so that keeping them longer costs none.
   CREATE TABLE delivered (
     -- Of the newest of them.
     seq INTEGER PRIMARY KEY,
     count INTEGER NOT NULL,
     -- JSON: [[seq, id, type, agent_id, external_id, actor, queued_at, created_at, updated_at, attempts]].
     lines TEXT NOT NULL
   ) STRICT;
   CREATE TABLE circuits (
     url TEXT PRIMARY KEY,
     failures INTEGER NOT NULL,
     open_until INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE settings (
     id INTEGER PRIMARY KEY CHECK (id = 1),
     api_key_id TEXT NOT NULL,
     -- Every event up to this one has had its first attempt, or has a next_attempt_at.
     watermark INTEGER NOT NULL,
     -- Into how many parts the key's outbox is split, as far as this part knows.
     parts INTEGER NOT NULL
   ) STRICT`,
];

/** What an outbox knows of itself; undefined if nothing was ever put into it. */
export type Settings = { apiKeyId: string; watermark: number; parts: number };

export function readSettings(sql: SqlStorage): Settings | undefined {
  if (!hasTables(sql)) return undefined;
  keepTables(sql, TABLES);
  return exec<Settings>(sql)`SELECT api_key_id AS apiKeyId, watermark, parts FROM settings`.one();
}

/** Makes the tables. Nothing is written for an API key that has no events. */
export function createSettings(sql: SqlStorage, apiKeyId: string, parts: number): Settings {
  keepTables(sql, TABLES);
  exec(sql)`INSERT INTO settings (id, api_key_id, watermark, parts) VALUES (1, ${apiKeyId}, 0, ${parts})`;
  return { apiKeyId, watermark: 0, parts };
}

export function writeParts(sql: SqlStorage, parts: number): void {
  exec(sql)`UPDATE settings SET parts = ${parts}`;
}

export function writeWatermark(sql: SqlStorage, watermark: number): void {
  exec(sql)`UPDATE settings SET watermark = ${watermark}`;
}
