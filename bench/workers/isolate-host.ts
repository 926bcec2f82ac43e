import { WorkerEntrypoint } from "cloudflare:workers";
// @ts-expect-error: the bundles are put beside this Worker as text when the bench starts it.
import bundles from "./bundles.txt";
// @ts-expect-error: likewise
import shell from "./shell.txt";

type HostEnv = {
  DB: D1Database;
  LOADER: WorkerLoader;
  /** Variables of the Workers that are started. */
  VARIABLES: Record<string, string>;
  /** The names of their queue bindings. */
  QUEUES: string[];
  /** The names of their rate limits. */
  LIMITS: string[];
  /** The names of their Durable Objects. */
  OBJECTS: string[];
  COMPATIBILITY_DATE: string;
};

export class Database extends WorkerEntrypoint<HostEnv> {
  batch(statements: { sql: string; values: unknown[] }[]): Promise<D1Result[]> {
    return this.env.DB.batch(statements.map(({ sql, values }) => this.env.DB.prepare(sql).bind(...values)));
  }
}

/** What is started, by name. */
export type IsolateBundles = Record<string, { code: string; compatibilityFlags: string[] }>;

const known: IsolateBundles = JSON.parse(bundles);

let isolates = 0;

/** Starts the bundle that the header names in an isolate that was not there before, and lets it answer. */
export default {
  fetch(request: Request, env: HostEnv, ctx: ExecutionContext): Promise<Response> {
    const name = request.headers.get("x-bundle") ?? "";
    const bundle = known[name];
    if (!bundle) return Promise.resolve(new Response("no such bundle", { status: 404 }));
    isolates += 1;
    const isolate = env.LOADER.get(`${name}-${isolates}`, () => ({
      compatibilityDate: env.COMPATIBILITY_DATE,
      compatibilityFlags: bundle.compatibilityFlags,
      mainModule: "shell.js",
      modules: { "shell.js": shell, "index.js": bundle.code },
      env: {
        ...env.VARIABLES,
        QUEUES: env.QUEUES,
        LIMITS: env.LIMITS,
        OBJECTS: env.OBJECTS,
        DATABASE: (
          ctx as unknown as { exports: { Database: (options: object) => unknown } }
        ).exports.Database({
          props: {},
        }),
      },
    }));
    return isolate.getEntrypoint().fetch(request as never) as unknown as Promise<Response>;
  },
};
