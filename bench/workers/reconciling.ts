import { type Meter, metered, newMeter } from "../../test/support/metered-database.ts";
import worker from "./index.js";

type ReconcilingEnv = {
  DB: D1Database;
  /** Whoever answers here looks at this isolate's heap, which has just been cleared of garbage. */
  HEAP_PROBE?: string;
};

/** What the cron and the consumer have asked of D1 since the cron began, and how many messages are done. */
export type Progress = { cron: Meter; consumer: Meter; messages: number };

const nothing = (): Progress => ({ cron: newMeter(), consumer: newMeter(), messages: 0 });
let progress = nothing();

// Its Durable Objects.
export * from "./index.js";

/** The Worker as it is, with what its cron and its consumer ask of D1 counted. */
export default {
  async fetch(request: Request, env: ReconcilingEnv, ctx: ExecutionContext): Promise<Response> {
    if (new URL(request.url).pathname === "/progress") return Response.json(progress);
    return worker.fetch(request, env, ctx);
  },
  scheduled(event: { cron: string }, env: ReconcilingEnv, ctx: ExecutionContext): Promise<void> {
    progress = nothing();
    return worker.scheduled({ cron: event.cron }, { ...env, DB: metered(env.DB, progress.cron) }, ctx);
  },
  async queue(batch: MessageBatch, env: ReconcilingEnv, ctx: ExecutionContext): Promise<void> {
    const DB = metered(env.DB, progress.consumer, env.HEAP_PROBE ? () => probe(env) : undefined);
    await worker.queue(batch, { ...env, DB }, ctx);
    progress.messages += batch.messages.length;
  },
};

async function probe({ HEAP_PROBE = "" }: ReconcilingEnv): Promise<void> {
  (globalThis as unknown as { gc: () => void }).gc();
  await fetch(HEAP_PROBE);
}
