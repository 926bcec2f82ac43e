import { type Meter, metered, newMeter } from "../../test/support/metered-database.ts";
import worker from "./index.js";

type ReconcilingEnv = {
  RECONCILIATION: Queue;
  DB: D1Database;
  /** Whoever answers here looks at this isolate's heap, which has just been cleared of garbage. */
  HEAP_PROBE?: string;
};

/** What the cron and the consumer have asked of D1 since the cron began, and how many messages are sent and done. */
export type Progress = { cron: Meter; consumer: Meter; sent: number; done: number };

const nothing = (): Progress => ({ cron: newMeter(), consumer: newMeter(), sent: 0, done: 0 });
let progress = nothing();

// Its Durable Objects.
export * from "./index.js";

/** A checker sends itself on, so the messages that are sent are counted as well. */
function bindings(env: ReconcilingEnv, meter: Meter, before?: () => Promise<void>) {
  const RECONCILIATION = {
    send: (body: unknown) => {
      progress.sent += 1;
      return env.RECONCILIATION.send(body);
    },
    sendBatch: (messages: Iterable<MessageSendRequest>) => {
      const all = [...messages];
      progress.sent += all.length;
      return env.RECONCILIATION.sendBatch(all);
    },
  };
  return { ...env, DB: metered(env.DB, meter, before), RECONCILIATION };
}

/** The Worker as it is, with what its cron and its consumer ask of D1 counted. */
export default {
  async fetch(request: Request, env: ReconcilingEnv, ctx: ExecutionContext): Promise<Response> {
    if (new URL(request.url).pathname === "/progress") return Response.json(progress);
    return worker.fetch(request, env, ctx);
  },
  scheduled(event: { cron: string }, env: ReconcilingEnv, ctx: ExecutionContext): Promise<void> {
    progress = nothing();
    return worker.scheduled({ cron: event.cron }, bindings(env, progress.cron), ctx);
  },
  async queue(batch: MessageBatch, env: ReconcilingEnv, ctx: ExecutionContext): Promise<void> {
    const before = env.HEAP_PROBE ? () => probe(env) : undefined;
    await worker.queue(batch, bindings(env, progress.consumer, before), ctx);
    progress.done += batch.messages.length;
  },
};

async function probe({ HEAP_PROBE = "" }: ReconcilingEnv): Promise<void> {
  (globalThis as unknown as { gc: () => void }).gc();
  await fetch(HEAP_PROBE);
}
