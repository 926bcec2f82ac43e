import worker from "./index.js";
import type { Database } from "./isolate-host.ts";

type ShellEnv = { DATABASE: Pick<Database, "batch">; QUEUES: string[] };
type Row = Record<string, unknown>;

/**
 * Around a bundle in a fresh isolate: gives it the D1 of its host, which cannot be handed over as it is, and queues that
 * take everything.
 */
export default {
  fetch: (request: Request, { DATABASE, QUEUES, ...env }: ShellEnv, ctx: ExecutionContext) => {
    const queues = Object.fromEntries(QUEUES.map((name) => [name, { send: noop, sendBatch: noop }]));
    return worker.fetch(request, { ...env, ...queues, DB: databaseOver(DATABASE) }, ctx);
  },
};

async function noop(): Promise<void> {}

function databaseOver(database: ShellEnv["DATABASE"]) {
  const statement = (sql: string, values: unknown[]) => {
    const run = async () => (await database.batch([{ sql, values }]))[0] as { results: Row[] };
    return {
      sql,
      values,
      bind: (...bound: unknown[]) => statement(sql, bound),
      first: async () => (await run()).results[0] ?? null,
      run,
      all: run,
    };
  };
  const DB = {
    prepare: (sql: string) => statement(sql, []),
    batch: (statements: ReturnType<typeof statement>[]) =>
      database.batch(statements.map(({ sql, values }) => ({ sql, values }))),
    withSession: () => DB,
  };
  return DB;
}
