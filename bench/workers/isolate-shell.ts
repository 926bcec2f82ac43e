import worker from "./index.js";
import type { Database } from "./isolate-host.ts";

type ShellEnv = { DATABASE: Pick<Database, "batch">; QUEUES: string[]; LIMITS: string[]; OBJECTS: string[] };
type Row = Record<string, unknown>;

/**
 * Around a bundle in a fresh isolate: gives it the D1 of its host, which cannot be handed over as it is, queues
 * that take everything, limits that allow everything, objects that are not asked, and no assets.
 */
export default {
  fetch: (
    request: Request,
    { DATABASE, QUEUES, LIMITS, OBJECTS, ...env }: ShellEnv,
    ctx: ExecutionContext,
  ) => {
    const queues = QUEUES.map((name) => [name, { send: noop, sendBatch: noop }]);
    const limits = LIMITS.map((name) => [name, { limit: async () => ({ success: true }) }]);
    const objects = OBJECTS.map((name) => [name, { getByName: noop }]);
    const bindings = {
      ...Object.fromEntries([...queues, ...limits, ...objects]),
      ASSETS: { fetch: notFound },
    };
    return worker.fetch(request, { ...env, ...bindings, DB: databaseOver(DATABASE) }, ctx);
  },
};

async function noop(): Promise<void> {}

async function notFound(): Promise<Response> {
  return new Response(null, { status: 404 });
}

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
