import worker from "./index.js";
import type { Database } from "./isolate-host.ts";

type ShellEnv = { DATABASE: Pick<Database, "batch">; QUEUES: string[]; LIMITS: string[]; OBJECTS: string[] };
type Statement = { sql: string; values: unknown[] };

const answering = (answer: unknown) => async () => answer;

/**
 * Around a bundle in a fresh isolate: gives it the D1 of its host, which cannot be handed over as it is, queues
 * that take everything, limits that allow everything, objects that do nothing, and no assets.
 */
export default {
  fetch(request: Request, { DATABASE, QUEUES, LIMITS, OBJECTS, ...env }: ShellEnv, ctx: ExecutionContext) {
    const queue = { send: answering(undefined), sendBatch: answering(undefined) };
    const limit = { limit: answering({ success: true }) };
    // Awaited, an object is itself and no promise.
    const object = new Proxy({}, { get: (_, name) => (name === "then" ? undefined : answering(undefined)) });
    const objects = { idFromName: (name: string) => name, get: () => object, getByName: () => object };
    const bindings = Object.fromEntries([
      ...QUEUES.map((name) => [name, queue]),
      ...LIMITS.map((name) => [name, limit]),
      ...OBJECTS.map((name) => [name, objects]),
    ]);
    const ASSETS = { fetch: answering(new Response(null, { status: 404 })) };
    return worker.fetch(request, { ...env, ...bindings, ASSETS, DB: databaseOver(DATABASE) }, ctx);
  },
};

function databaseOver(database: ShellEnv["DATABASE"]) {
  const prepare = (sql: string, values: unknown[] = []) => {
    const all = async () => (await database.batch([{ sql, values }]))[0];
    const first = async () => (await all())?.results[0] ?? null;
    return { sql, values, bind: (...bound: unknown[]) => prepare(sql, bound), first, run: all, all };
  };
  const batch = (statements: Statement[]) =>
    database.batch(statements.map(({ sql, values }) => ({ sql, values })));
  const DB = { prepare, batch, withSession: () => DB };
  return DB;
}
