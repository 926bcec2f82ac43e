import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { costlySteps, explain } from "../performance/query-plan.ts";

/** Statements that read everything, because everything is wanted, or because there is next to nothing. */
const READS_ALL: ReadonlySet<string> = new Set([
  // The operator's list of API keys: an index gives its order, the limit its length, and the count is of all.
  "SELECT COUNT(*) AS count FROM api_keys",
  // What no outbox has taken yet is next to nothing.
  "DELETE FROM pending_events WHERE api_key_id = ?1",
  // One row for each sealed column.
  "SELECT column_name, key_id, position, found, done_at FROM reseal_progress",
]);

const unjudged = new Set<string>();
const judged = new Set<string>();

/** The D1 of the tests. It remembers every statement the Worker prepares, in whichever test. */
export const recordedDatabase = recorded(env.DB);

function recorded<Database extends Pick<D1Database, "prepare">>(database: Database): Database {
  return new Proxy(database, {
    get(target, name) {
      if (name === "prepare") {
        return (sql: string) => {
          if (!judged.has(sql)) unjudged.add(sql);
          return target.prepare(sql);
        };
      }
      const value = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (name === "withSession") return (...values: unknown[]) => recorded(value.apply(target, values));
      return value.bind(target);
    },
  });
}

/** No statement that was prepared since the last time reads a whole table or sorts what an index could hold sorted. */
export async function checkStatements(): Promise<void> {
  const statements = [...unjudged];
  unjudged.clear();
  for (const sql of statements) {
    judged.add(sql);
    if (READS_ALL.has(sql)) continue;
    expect(costlySteps(sql, await explain(env.DB, sql)), `costly steps in the plan of: ${sql}`).toEqual([]);
  }
}
