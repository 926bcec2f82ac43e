import { type Meter, metered, newMeter } from "../../test/support/metered-database.ts";
import worker, { Background } from "./index.js";

export * from "./index.js";

/** What a round of checks has asked of D1. */
export type Round = { messages: number; meter: Meter };

type FleetEnv = { DB: D1Database };

/**
 * The Worker with a queue in memory that hands as many messages at once to the consumer as Cloudflare would: Miniflare's
 * hands over one after the other.
 */
export default {
  async fetch(request: Request, env: FleetEnv, ctx: ExecutionContext): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== "/round") return worker.fetch(request, env, ctx);
    const meter = newMeter();
    const messages = await round(Number(searchParams.get("concurrency")), meter, env, ctx);
    return Response.json({ messages, meter } satisfies Round);
  },
};

/** An invocation may not ask for everything: workerd, too, refuses its requests from some number on. */
const MESSAGES_AT_ONCE = 200;

/** The cron, and then the consumer until no message is left, or there were many. @returns how many messages there were */
async function round(
  concurrency: number,
  meter: Meter,
  env: FleetEnv,
  ctx: ExecutionContext,
): Promise<number> {
  const waiting: unknown[] = [];
  let messages = 0;
  const RECONCILIATION = {
    send: async (body: unknown) => void waiting.push(body),
    sendBatch: async (batch: Iterable<{ body: unknown }>) => {
      for (const { body } of batch) waiting.push(body);
    },
  };
  const bindings: Record<string, unknown> = { ...env, DB: metered(env.DB, meter), RECONCILIATION };
  // The object of the background would have the runtime's bindings, not these.
  const object = Background.prototype;
  const work = (message: never) => object.work.call({ env: bindings, ctx }, message);
  const runJobs = (cron: string) => object.runJobs.call({ env: bindings, ctx }, cron);
  bindings.BACKGROUND = { getByName: () => ({ work, runJobs }) };
  await worker.scheduled({ cron: "*/15 * * * *" }, bindings, ctx);
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (messages < MESSAGES_AT_ONCE) {
        const body = waiting.shift();
        if (body === undefined) return;
        messages += 1;
        await worker.queue(batchOf(body), bindings, ctx);
      }
    }),
  );
  return messages;
}

function batchOf(body: unknown): MessageBatch {
  const message = {
    id: crypto.randomUUID(),
    timestamp: new Date(),
    attempts: 1,
    body,
    ack() {},
    retry: fail,
  };
  return { queue: "nixflex-reconciliation", messages: [message], ackAll() {}, retryAll: fail } as never;
}

function fail(): never {
  throw new Error("a message was wanted again");
}
