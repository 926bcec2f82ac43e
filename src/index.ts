import { app } from "./app.ts";
import { consume, type QueueMessage } from "./queues.ts";
import { runSchedule } from "./schedule.ts";

export { EventOutbox } from "./events/outbox/object.ts";

export default {
  fetch: app.fetch,
  scheduled: runSchedule,
  queue: consume,
} satisfies ExportedHandler<Env, QueueMessage>;
