import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { costlySteps, explain } from "../performance/query-plan.ts";

/** Statements that may read a whole table, because they need all of it or because it is tiny; each in one line. */
const READS_ALL: ReadonlySet<string> = new Set([
  // The operator's list of API keys: an index gives its order and a limit its length, but it counts all keys.
  "SELECT COUNT(*) AS count FROM api_keys",
  // One row for each sealed column.
  "SELECT column_name, key_id, position, found, done_at, canary FROM reseal_progress",
  "SELECT (SELECT name FROM d1_migrations ORDER BY id DESC LIMIT 1) AS migration, (SELECT json_group_object(column_name, canary) FROM reseal_progress) AS canaries, (SELECT jurisdiction FROM deployment WHERE id = 1) AS jurisdiction",
  // What is unfinished is little, and each account has its turn.
  "SELECT t.id, t.api_key_id AS apiKeyId, t.account_sid AS accountSid, t.region FROM phone_numbers n JOIN twilio_accounts t ON t.id = n.twilio_account_id WHERE (state <> 'active' OR changing_channel IS NOT NULL) AND n.lease_expires_at <= ?1 AND (n.next_attempt_at IS NULL OR n.next_attempt_at <= ?2) GROUP BY t.id ORDER BY MIN(n.lease_expires_at) LIMIT ?3",
  // What no outbox has taken yet is next to nothing.
  "SELECT id, api_key_id AS apiKeyId, created_at AS createdAt FROM pending_events ORDER BY ROW_NUMBER() OVER (PARTITION BY api_key_id ORDER BY created_at, id) LIMIT ?1",
]);

const unjudged = new Set<string>();
const judged = new Set<string>();

/**
 * The D1 of the tests. It remembers every statement that the Worker prepares, in all tests, and carries out no write as a
 * read: a read is repeated if D1 fails in passing.
 */
export const recordedDatabase = recorded(env.DB);

type Batch = (statements: D1PreparedStatement[]) => Promise<D1Result[]>;

let watch: ((statements: D1PreparedStatement[], batch: Batch) => Promise<D1Result[]>) | undefined;

/** From now on a test carries out the Worker's batches, to see more of each transaction; or no more does. */
export function watchBatches(by: typeof watch): void {
  watch = by;
}

function recorded<Database extends Pick<D1Database, "prepare">>(database: Database): Database {
  return new Proxy(database, {
    get(target, name) {
      if (name === "prepare") {
        return (sql: string) => {
          if (!judged.has(sql)) unjudged.add(sql);
          const statement = target.prepare(sql);
          return /^\s*(?:SELECT|WITH)\b/.test(sql) ? statement : asWrite(statement);
        };
      }
      const value = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (name === "batch" && watch) {
        return (statements: D1PreparedStatement[]) => watch?.(statements, value.bind(target) as Batch);
      }
      if (name === "withSession") return (...values: unknown[]) => recorded(value.apply(target, values));
      return value.bind(target);
    },
  });
}

function asWrite(statement: D1PreparedStatement): D1PreparedStatement {
  const bind = statement.bind.bind(statement);
  const refuse = () => Promise.reject(new Error("a write goes through run() or runReturning()"));
  return Object.assign(statement, {
    bind: (...values: unknown[]) => asWrite(bind(...values)),
    first: refuse,
    all: refuse,
  });
}

/** Asserts that no new statement reads a whole table, or sorts what an index could keep sorted. */
export async function checkStatements(): Promise<void> {
  const statements = [...unjudged];
  unjudged.clear();
  for (const sql of statements) {
    judged.add(sql);
    if (READS_ALL.has(sql.replace(/\s+/g, " "))) continue;
    expect(costlySteps(sql, await explain(env.DB, sql)), `costly steps in the plan of: ${sql}`).toEqual([]);
  }
}
