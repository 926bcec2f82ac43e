import { app } from "./app.ts";
import { consume, type QueueMessage } from "./queues.ts";
import { runSchedule } from "./schedule.ts";

export { Conversation } from "./conversations/call.ts";
export { TextThread } from "./conversations/text-thread.ts";

export default {
  fetch: app.fetch,
  scheduled: runSchedule,
  queue: consume,
} satisfies ExportedHandler<Env, QueueMessage>;
