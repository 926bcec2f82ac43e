import worker from "./index.js";

/** The Worker as it is, with its round trips to D1 counted: each answer says how many it took. */
export default {
  async fetch(request: Request, env: { DB: D1Database }, ctx: ExecutionContext): Promise<Response> {
    let trips = 0;
    const originals = new WeakMap<object, D1PreparedStatement>();
    const counted = <T>(work: T): T => {
      trips += 1;
      return work;
    };
    const wrap = (statement: D1PreparedStatement): D1PreparedStatement => {
      const wrapped = {
        bind: (...values: unknown[]) => wrap(statement.bind(...values)),
        first: () => counted(statement.first()),
        run: () => counted(statement.run()),
        all: () => counted(statement.all()),
        raw: () => counted(statement.raw()),
      } as unknown as D1PreparedStatement;
      originals.set(wrapped, statement);
      return wrapped;
    };
    const DB = {
      prepare: (query: string) => wrap(env.DB.prepare(query)),
      batch: (statements: D1PreparedStatement[]) =>
        counted(env.DB.batch(statements.map((statement) => originals.get(statement) ?? statement))),
      withSession: () => DB,
    };
    const response = await worker.fetch(request, { ...env, DB }, ctx);
    const answer = new Response(response.body, response);
    answer.headers.set("x-d1-trips", String(trips));
    return answer;
  },
};
