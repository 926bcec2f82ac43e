import {
  createExecutionContext,
  createMessageBatch,
  getQueueResult,
  waitOnExecutionContext,
} from "cloudflare:test";
import { Background } from "../../src/background.ts";
import worker from "../../src/index.ts";
import { RECONCILIATION } from "../../src/queues.ts";
import type { WorkMessage } from "../../src/twilio-accounts/work-message.ts";
import { takeQueued } from "./queue.ts";
import { bindings } from "./worker.ts";

type Result = { explicitAcks: string[]; retryMessages: { msgId: string }[] };

type Delivered = {
  acked: WorkMessage[];
  retried: { message: WorkMessage; delaySeconds: number }[];
};

/**
 * Delivers the waiting messages of a queue to its consumer as one batch of real `Message` objects, and returns what the
 * consumer did with each. A message that it retries is not put back: the test does that with `enqueueIn`.
 */
export async function deliverQueued(
  queue = RECONCILIATION,
  overrides: Partial<Env> = {},
  attempts = 1,
): Promise<Delivered> {
  const messages = takeQueued(queue).map((body, index) => ({
    id: String(index),
    timestamp: new Date(),
    attempts,
    body,
  }));
  const batch = createMessageBatch<WorkMessage>(queue, messages);
  const delays = new Map<string, number>();
  for (const message of batch.messages) {
    // The result does not say the delay of a retry.
    const retry = message.retry.bind(message);
    message.retry = (options) => {
      delays.set(message.id, options?.delaySeconds ?? 0);
      retry(options);
    };
  }
  const context = createExecutionContext();
  await worker.queue(batch, inProcess(overrides, context));
  await waitOnExecutionContext(context);
  const { explicitAcks, retryMessages } = (await getQueueResult(batch, context)) as Result;
  const bodyOf = (id: string) => messages[Number(id)]?.body as WorkMessage;
  return {
    acked: explicitAcks.map(bodyOf),
    retried: retryMessages.map(({ msgId }) => ({
      message: bodyOf(msgId),
      delaySeconds: delays.get(msgId) ?? 0,
    })),
  };
}

/** The bindings, with an object for background work that has them too, and not those of the runtime. */
function inProcess(overrides: Partial<Env>, ctx: ExecutionContext): Env {
  const env = { ...bindings, ...overrides };
  const { work, runJobs } = Background.prototype;
  const object = {
    work: (...values: Parameters<typeof work>) => work.apply({ env, ctx } as never, values),
    runJobs: (...values: Parameters<typeof runJobs>) => runJobs.apply({ env, ctx } as never, values),
  };
  return Object.assign(env, { BACKGROUND: { getByName: () => object } as never });
}

/** Runs the jobs of a cron trigger, and waits for the work that they start. */
export async function runCron(cron: string, overrides: Partial<Env> = {}): Promise<void> {
  const context = createExecutionContext();
  await worker.scheduled({ cron }, inProcess(overrides, context));
  await waitOnExecutionContext(context);
}
