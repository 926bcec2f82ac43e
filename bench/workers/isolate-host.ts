import { WorkerEntrypoint } from "cloudflare:workers";
// @ts-expect-error: what can be started is put beside this Worker as text when the bench starts it.
import isolates from "./isolates.txt";

type HostEnv = { DB: D1Database; LOADER: WorkerLoader };
type HostContext = { exports: { Database: (options: { props: object }) => unknown } };

export class Database extends WorkerEntrypoint<HostEnv> {
  batch(statements: { sql: string; values: unknown[] }[]): Promise<D1Result[]> {
    return this.env.DB.batch(statements.map(({ sql, values }) => this.env.DB.prepare(sql).bind(...values)));
  }
}

const known: Record<string, WorkerLoaderWorkerCode> = JSON.parse(isolates);
let started = 0;

/** Starts what the header names in an isolate that was not there before, and lets it answer. */
export default {
  async fetch(request: Request, env: HostEnv, ctx: unknown): Promise<Response> {
    const name = request.headers.get("x-bundle") ?? "";
    const code = known[name];
    if (!code) return new Response("no such bundle", { status: 404 });
    started += 1;
    const DATABASE = (ctx as HostContext).exports.Database({ props: {} });
    const isolate = env.LOADER.get(`${name}-${started}`, () => ({ ...code, env: { ...code.env, DATABASE } }));
    return isolate.getEntrypoint().fetch(request as never) as unknown as Promise<Response>;
  },
};
