import worker from "./index.js";
import type { Database } from "./isolate-host.ts";

type ShellEnv = { DATABASE: Pick<Database, "batch"> };
type Row = Record<string, unknown>;

/** Around a bundle in a fresh isolate: gives it the D1 of its host, which cannot be handed over as it is. */
export default {
  fetch: (request: Request, { DATABASE, ...env }: ShellEnv, ctx: ExecutionContext) =>
    worker.fetch(request, { ...env, DB: databaseOver(DATABASE) }, ctx),
};

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
