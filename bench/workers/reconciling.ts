import { type Meter, metered, newMeter } from "../../test/support/metered-database.ts";
import worker from "./index.js";

/** What the cron and the consumer have asked of D1 since the cron began, and how many messages are done. */
export type Progress = { cron: Meter; consumer: Meter; messages: number };

const nothing = (): Progress => ({ cron: newMeter(), consumer: newMeter(), messages: 0 });
let progress = nothing();

/** The Worker as it is, with what its cron and its consumer ask of D1 counted. */
export default {
  async fetch(request: Request, env: { DB: D1Database }, ctx: ExecutionContext): Promise<Response> {
    if (new URL(request.url).pathname === "/progress") return Response.json(progress);
    return worker.fetch(request, env, ctx);
  },
  scheduled(event: { cron: string }, env: { DB: D1Database }, ctx: ExecutionContext): Promise<void> {
    progress = nothing();
    return worker.scheduled({ cron: event.cron }, { ...env, DB: metered(env.DB, progress.cron) }, ctx);
  },
  async queue(batch: MessageBatch, env: { DB: D1Database }, ctx: ExecutionContext): Promise<void> {
    await worker.queue(batch, { ...env, DB: metered(env.DB, progress.consumer) }, ctx);
    progress.messages += batch.messages.length;
  },
};
