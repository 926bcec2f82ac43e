import { exec } from "../database.ts";
import { hasTables, keepTables } from "../objects.ts";
import type { Job } from "./job.ts";

/** The tables of a bulk import. @internal */
export const TABLES: readonly string[] = [
  `CREATE TABLE accounts (
     account_sid TEXT PRIMARY KEY,
     -- Null until the account is opened, and when the job has ended.
     auth_token_sealed TEXT,
     -- Its numbers are to be read from Twilio before it is ready.
     is_to_list INTEGER NOT NULL,
     attempts INTEGER NOT NULL DEFAULT 0,
     -- JSON: why its numbers cannot be imported.
     error TEXT
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE numbers (
     position INTEGER PRIMARY KEY,
     phone_number TEXT NOT NULL,
     -- Null until it is known which account has the number.
     account_sid TEXT,
     agent_id TEXT,
     requested_agent_id TEXT,
     external_id TEXT,
     -- JSON of what is to be its own.
     own TEXT NOT NULL,
     attempts INTEGER NOT NULL DEFAULT 0,
     -- When the first attempt began.
     started_at INTEGER,
     next_attempt_at INTEGER NOT NULL DEFAULT 0,
     settled_at INTEGER,
     twilio_number_sid TEXT,
     -- Null while it waits.
     outcome TEXT,
     reason TEXT,
     -- JSON.
     error TEXT,
     plan TEXT
   ) STRICT;
   CREATE INDEX numbers_by_outcome ON numbers (outcome, settled_at);
   CREATE INDEX numbers_of_no_account ON numbers (phone_number) WHERE account_sid IS NULL;
   CREATE TABLE job (
     id INTEGER PRIMARY KEY CHECK (id = 1),
     -- JSON, as in src/bulk-imports/job.ts.
     state TEXT NOT NULL
   ) STRICT`,
];

/** The job of this object; undefined if it has none. */
export function readJob(sql: SqlStorage): Job | undefined {
  if (!hasTables(sql)) return undefined;
  keepTables(sql, TABLES);
  return JSON.parse(exec<{ state: string }>(sql)`SELECT state FROM job`.one().state) as Job;
}

/** Makes the tables. */
export function createJob(sql: SqlStorage, job: Job): void {
  keepTables(sql, TABLES);
  exec(sql)`INSERT INTO job (id, state) VALUES (1, ${JSON.stringify(job)})`;
}

export function writeJob(sql: SqlStorage, job: Job): void {
  exec(sql)`UPDATE job SET state = ${JSON.stringify(job)}`;
}
