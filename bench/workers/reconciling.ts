import { type Meter, metered, newMeter } from "../../test/support/metered-database.ts";
import worker from "./index.js";

type ReconcilingEnv = {
  DB: D1Database;
  /** Whoever answers here looks at this isolate's heap, which has just been cleared of garbage. */
  HEAP_PROBE?: string;
};

/** What the cron and the consumer have asked of D1, and how many messages are done. */
export type Progress = { cron: Meter; consumer: Meter; messages: number };

const progress: Progress = { cron: newMeter(), consumer: newMeter(), messages: 0 };

/** The Worker as it is, with what it asks of D1 counted. A request is answered with the counts so far. */
export default {
  fetch: () => Response.json(progress),
  scheduled: (event: { cron: string }, env: ReconcilingEnv, ctx: ExecutionContext) =>
    worker.scheduled({ cron: event.cron }, { ...env, DB: metered(env.DB, progress.cron) }, ctx),
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
