import { app } from "./app.ts";
import type { EventMessage } from "./events/outbox.ts";
import { consume } from "./queues.ts";
import { runSchedule } from "./schedule.ts";

export default {
  fetch: app.fetch,
  scheduled: runSchedule,
  queue: consume,
} satisfies ExportedHandler<Env, EventMessage>;
